//! The first run: finds the episode.

use std::{collections::BTreeMap, time::Duration};

use super::Which;
use crate::{
    channel::Delivery,
    experiment::{Sample, Status, Workload},
    path::Side,
    unit::Time,
    wire::MessageId,
};

/// What an episode shows, from the least to the most interesting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Interest {
    /// A message that was not delayed.
    Unharmed,
    /// A message that was lost and is not sent again.
    Gone,
    /// A message that was sent again and blocked no other.
    Recovery,
    /// Messages blocked by one.
    Stall,
}

/// An episode and its subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) interest: Interest,
    /// The end at which it is observed.
    pub(super) at: Side,
    /// The message that was late or lost.
    pub(super) subject: MessageId,
    /// The latest instant at which it begins.
    pub(super) from: Time,
    /// When it ends: in a stall, the instant of the release.
    pub(super) until: Time,
}

impl Found {
    fn rank(&self) -> (Interest, Duration) {
        (self.interest, self.until - self.from)
    }
}

/// The most interesting episode of each message, by end.
#[derive(Debug, Default)]
pub(super) struct Hits(BTreeMap<(u8, MessageId), Found>);

impl Hits {
    /// Considers a message.
    pub(super) fn note(&mut self, workload: &Workload, sample: &Sample) {
        for found in candidates(workload, sample).filter(|found| found.interest > Interest::Unharmed) {
            let best = self.0.entry((found.at as u8, found.subject)).or_insert(found);
            if found.rank() > best.rank() {
                *best = found;
            }
        }
    }

    /// The most interesting wanted message that was lost or late in both runs. Returns its episode in each run.
    pub(super) fn common(&self, other: &Self, is_wanted: impl Fn(&Found) -> bool) -> Option<[Found; 2]> {
        let wanted = self.0.iter().filter(|(_, own)| is_wanted(own));
        let both = wanted.filter_map(|(key, own)| Some([*own, *other.0.get(key)?]));
        let rank = |[a, b]: &[Found; 2]| a.rank().max(b.rank());
        both.reduce(|best, pair| if rank(&pair) > rank(&best) { pair } else { best })
    }
}

/// Keeps the most interesting episode of all messages.
pub(super) struct Finder {
    which: Which,
    workload: Workload,
    best: Option<Found>,
}

impl Finder {
    pub(super) fn new(which: Which, workload: Workload) -> Self {
        Self { which, workload, best: None }
    }

    pub(super) fn found(&self) -> Option<Found> {
        self.best
    }

    /// Considers a message.
    pub(super) fn note(&mut self, sample: &Sample) {
        for found in candidates(&self.workload, sample) {
            let wanted = match self.which {
                Which::Longest => found.interest > Interest::Unharmed,
                Which::Message(number) => {
                    [sample.id, found.subject].iter().any(|id| self.workload.number(*id) == number)
                }
            };
            if wanted && self.best.as_ref().is_none_or(|best| found.rank() > best.rank()) {
                self.best = Some(found);
            }
        }
    }
}

/// The episodes that a message can give: one at the server, one at the client, and one if it was lost.
fn candidates(workload: &Workload, sample: &Sample) -> impl Iterator<Item = Found> {
    let there = sample.server.as_ref().map(|delivery| of_delivery(Side::Server, delivery));
    let back = sample.client.as_ref().map(|delivery| of_delivery(Side::Client, delivery));
    [there.flatten(), back.flatten(), of_lost(workload, sample)].into_iter().flatten()
}

/// A lost datagram is observed until its deadline.
fn of_lost(workload: &Workload, sample: &Sample) -> Option<Found> {
    let sent = sample.sent.filter(|_| sample.status == Status::Lost)?;
    let (at, from) = match sample.server {
        None => (Side::Server, sent),
        Some(request) => (Side::Client, request.released),
    };
    // All of these episodes have the same length, so the first one is chosen.
    let until = from + workload.deadline;
    Some(Found { interest: Interest::Gone, at, subject: sample.id, from, until })
}

fn of_delivery(at: Side, delivery: &Delivery) -> Option<Found> {
    let until = delivery.released;
    if let (Some(subject), Some(from)) = (delivery.blocked_by, delivery.arrived) {
        return Some(Found { interest: Interest::Stall, at, subject, from, until });
    }
    let entered = delivery.entered?;
    let interest = if entered.copy > entered.first { Interest::Recovery } else { Interest::Unharmed };
    Some(Found { interest, at, subject: delivery.probe.id, from: entered.first, until })
}
