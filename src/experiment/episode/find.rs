//! The first run: finds the episode.

use std::time::Duration;

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
    fn length(&self) -> Duration {
        self.until - self.from
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
        let there = sample.server.as_ref().map(|delivery| of_delivery(Side::Server, delivery));
        let back = sample.client.as_ref().map(|delivery| of_delivery(Side::Client, delivery));
        let candidates = [there.flatten(), back.flatten(), self.of_lost(sample)];
        for found in candidates.into_iter().flatten() {
            let wanted = match self.which {
                Which::Longest => found.interest > Interest::Unharmed,
                Which::Message(number) => {
                    [sample.id, found.subject].iter().any(|id| self.workload.number(*id) == number)
                }
            };
            let rank = |found: &Found| (found.interest, found.length());
            if wanted && self.best.as_ref().is_none_or(|best| rank(&found) > rank(best)) {
                self.best = Some(found);
            }
        }
    }

    /// A lost datagram is observed until its deadline.
    fn of_lost(&self, sample: &Sample) -> Option<Found> {
        let sent = sample.sent.filter(|_| sample.status == Status::Lost)?;
        let (at, from) = match sample.server {
            None => (Side::Server, sent),
            Some(request) => (Side::Client, request.released),
        };
        // All have the same length, so the first is taken.
        let until = from + self.workload.deadline;
        Some(Found { interest: Interest::Gone, at, subject: sample.id, from, until })
    }
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
