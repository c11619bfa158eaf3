//! The gap that the application sees, and what was lost in it.
//!
//! Messages with replies are followed to the client. Messages without replies are followed to the end that receives
//! them.

use std::time::Duration;

use super::MigrationFigures;
use crate::{
    channel::Exchange,
    experiment::record::observe::{Sample, Status},
    path::AddressChange,
    stats::{Histogram, Percentile},
    unit::{Time, nanos},
};

/// Follows the messages of a run around the change, by the end that receives them.
#[derive(Debug)]
pub(super) struct Services {
    to_server: Option<Service>,
    to_client: Option<Service>,
}

impl Services {
    pub(super) fn new(change: &AddressChange, exchange: Exchange) -> Self {
        let service = |is_followed: bool| is_followed.then(|| Service::new(change.clone()));
        Self {
            to_server: service(exchange != Exchange::Answers),
            to_client: service(exchange != Exchange::OneWay),
        }
    }

    pub(super) fn note(&mut self, sample: &Sample) {
        let service = match (&mut self.to_server, &mut self.to_client) {
            // In a game, the server's messages are those of the second flow.
            (Some(_), Some(to_client)) if sample.id.flow > 0 => to_client,
            (Some(to_server), _) => to_server,
            (None, Some(to_client)) => to_client,
            (None, None) => return,
        };
        service.note(sample);
    }

    fn followed(&self) -> impl Iterator<Item = &Service> {
        self.to_server.iter().chain(&self.to_client)
    }

    /// Whether a message that was due after the change has arrived, at each end.
    pub(super) fn are_back(&self) -> bool {
        self.followed().all(Service::is_back)
    }

    pub(super) fn figures(&self) -> MigrationFigures {
        let figures: Vec<MigrationFigures> = self.followed().map(Service::figures).collect();
        let times = |of: fn(&MigrationFigures) -> Option<Duration>| {
            figures.iter().map(of).collect::<Option<Vec<Duration>>>()
        };
        let longest = |of| times(of)?.into_iter().max();
        MigrationFigures {
            gap: longest(|figures| figures.gap),
            lost: figures.iter().map(|figures| figures.lost).sum(),
            full_speed: longest(|figures| figures.full_speed),
            usual: times(|figures| figures.usual).map(|usual| usual.into_iter().sum()),
            ..MigrationFigures::default()
        }
    }
}

/// The messages that one end receives.
#[derive(Debug)]
struct Service {
    change: AddressChange,
    /// Latencies before the change.
    before: Histogram,
    last_reply: Option<Time>,
    /// The latest message that was answered before the change.
    last_answered: Option<Time>,
    /// The first message due after the change that was answered.
    first_answered: Option<Time>,
    gap: Duration,
    /// Messages that were due after the change: when they were due, and when they were answered.
    after: Vec<(Time, Time)>,
    /// When messages were due that never came back, in the gap or after the change. Most become known only at the end
    /// of the run.
    missing: Vec<Time>,
    /// When messages were due after the change that a reliable transport had not brought back at the end of the run.
    unfinished: Vec<Time>,
}

/// The most messages of each kind that are kept.
const MOST: usize = 1 << 20;
/// A message is as fast as usual if it takes at most 5/4 of the median.
const USUAL: (u64, u64) = (5, 4);

impl Service {
    fn new(change: AddressChange) -> Self {
        Self {
            change,
            before: Histogram::new(),
            last_reply: None,
            last_answered: None,
            first_answered: None,
            gap: Duration::ZERO,
            after: Vec::new(),
            missing: Vec::new(),
            unfinished: Vec::new(),
        }
    }

    /// Whether a message that was due after the change has come back.
    fn is_back(&self) -> bool {
        self.first_answered.is_some()
    }

    fn note(&mut self, sample: &Sample) {
        let Some(at) = self.change.at() else { return };
        match (sample.status, sample.client.or(sample.server)) {
            (Status::Delivered, Some(delivery)) => self.note_delivery(at, sample.due, delivery.released),
            (Status::Delivered, None) => {}
            (Status::Lost | Status::Unknown, _) => self.note_missing(at, sample.due),
            (Status::Unfinished, _) if sample.due >= at && self.unfinished.len() < MOST => {
                self.unfinished.push(sample.due);
            }
            (Status::Unfinished, _) => {}
        }
    }

    fn note_missing(&mut self, at: Time, due: Time) {
        if (due >= at || self.is_in_gap(due)) && self.missing.len() < MOST {
            self.missing.push(due);
        }
    }

    fn note_delivery(&mut self, at: Time, due: Time, released: Time) {
        let latency = released - due;
        if released < at {
            self.before.record(nanos(latency));
            self.last_reply = self.last_reply.max(Some(released));
            self.last_answered = self.last_answered.max(Some(due));
            return;
        }
        if self.first_answered.is_none() {
            self.gap = self.gap.max(released.since(self.last_reply.unwrap_or(at)));
            self.last_reply = Some(released);
            self.first_answered = Some(due).filter(|due| *due >= at);
        }
        if due >= at && self.after.len() < MOST {
            self.after.push((due, released));
        }
    }

    /// When the last message was due, as far as messages are followed.
    fn last_due(&self) -> Option<Time> {
        let delivered = self.after.iter().map(|(due, _)| due);
        delivered.chain(&self.missing).chain(&self.unfinished).max().copied()
    }

    /// The median latency of the network that the client has in the end.
    fn usual(&self) -> Option<u64> {
        if self.change.handover().is_none() {
            return self.before.percentile(Percentile::P50);
        }
        let at = self.change.at()?;
        let half = at + (self.last_due()?.since(at)) / 2;
        let mut later = Histogram::new();
        let second_half = self.after.iter().filter(|(due, _)| *due >= half);
        second_half.for_each(|(due, released)| later.record(nanos(*released - *due)));
        later.percentile(Percentile::P50)
    }

    /// See [`MigrationFigures::full_speed`]. The last messages cannot show it: too few are due after them.
    fn full_speed(&self) -> Option<Duration> {
        let (times, of) = USUAL;
        let (at, usual) = self.change.at().zip(self.usual())?;
        let window = Duration::from_nanos(usual.saturating_mul(2));
        let last_due = self.last_due()?;
        let is_in_time = |due: Time, released: Time| {
            nanos(released - due).saturating_mul(of) <= usual.saturating_mul(times)
        };
        let delivered = self
            .after
            .iter()
            .map(|&(due, released)| (due, Some(released).filter(|released| is_in_time(due, *released))));
        let missing = self.missing.iter().chain(&self.unfinished).filter(|due| **due >= at);
        let mut messages: Vec<(Time, Option<Time>)> =
            delivered.chain(missing.map(|due| (*due, None))).collect();
        messages.sort_unstable();
        let mut next_slow = None;
        let mut first = None;
        for &(due, in_time) in messages.iter().rev() {
            match in_time {
                None => next_slow = Some(due),
                Some(released)
                    if last_due - due >= window && next_slow.is_none_or(|slow: Time| slow - due > window) =>
                {
                    first = Some(released);
                }
                Some(_) => {}
            }
        }
        first.map(|released| released - at)
    }

    /// Whether a message that was due then may be missing because of the change, as far as is known yet.
    fn is_in_gap(&self, due: Time) -> bool {
        self.last_answered.is_none_or(|last| last < due)
            && self.first_answered.is_none_or(|first| due < first)
    }

    fn figures(&self) -> MigrationFigures {
        let lost = self.missing.iter().filter(|due| self.is_in_gap(**due));
        MigrationFigures {
            gap: self.first_answered.map(|_| self.gap),
            lost: lost.count() as u64,
            full_speed: self.full_speed(),
            usual: self.usual().map(Duration::from_nanos),
            ..MigrationFigures::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::path::{Handover, NewAddress};

    const MS: u64 = 1_000_000;

    fn at(ms: u64) -> Time {
        Time::from_nanos(ms * MS)
    }

    /// A service whose change is at 1 s, after messages with a latency of 10 ms.
    fn service(handover: Option<Handover>) -> Service {
        let change = AddressChange::new(NewAddress::Ip, handover);
        change.schedule(at(1000));
        let mut service = Service::new(change);
        (0..99).for_each(|n| service.note_delivery(at(1000), at(n * 10), at(n * 10 + 10)));
        service
    }

    fn full_speed_ms(service: &Service) -> Option<u64> {
        service.full_speed().map(|time| nanos(time) / MS)
    }

    /// Every 5 ms after the change a message with a latency of 10 ms, for 50 ms. Two round trips are 20 ms.
    #[test]
    fn a_lost_message_is_not_in_time() {
        let with_lost = |lost: &[u64]| {
            let mut service = service(None);
            for due in (1000..=1050).step_by(5) {
                match lost.contains(&due) {
                    true => service.note_missing(at(1000), at(due)),
                    false => service.note_delivery(at(1000), at(due), at(due + 10)),
                }
            }
            full_speed_ms(&service)
        };
        assert_eq!(with_lost(&[]), Some(10));
        assert_eq!(with_lost(&[1000, 1015]), Some(30));
        // The message due at 1020 is the first with two whole round trips without a loss, and a later one would be too.
        assert_eq!(with_lost(&[1045]), Some(10));
        assert_eq!(with_lost(&[1020, 1045]), None);
    }

    #[test]
    fn two_round_trips_that_the_run_does_not_complete_show_nothing() {
        let until = |last: u64| {
            let mut service = service(None);
            (1000..=last).step_by(5).for_each(|due| service.note_delivery(at(1000), at(due), at(due + 10)));
            full_speed_ms(&service)
        };
        assert_eq!((until(1015), until(1020)), (None, Some(10)));
    }

    /// A burst of late replies is most of what arrives, and not of the time.
    #[test]
    fn the_usual_latency_after_a_handover_is_that_of_the_second_half_of_the_time() {
        let handover = Handover { outage: Duration::ZERO, after: Default::default() };
        let mut service = service(Some(handover));
        (0..90).for_each(|n| service.note_delivery(at(1000), at(1000 + n), at(1400)));
        (0..=10).for_each(|n| service.note_delivery(at(1000), at(1400 + n * 10), at(1420 + n * 10)));
        assert_eq!(service.usual().map(|usual| usual.div_ceil(MS)), Some(20));
    }
}
