mod effects;
mod order;
mod properties;
mod queue;
mod statistics;
mod text;

use std::time::Duration;

use super::*;

fn ms(millis: u64) -> Time {
    Time::ZERO + Duration::from_millis(millis)
}

fn us(micros: u64) -> Time {
    Time::ZERO + Duration::from_micros(micros)
}

fn spec(pairs: &str) -> LinkSpec {
    let mut spec = LinkSpec::default();
    spec.apply_pairs(pairs).unwrap();
    spec.validate().unwrap();
    spec
}

/// What the link has decided on a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Deliver { departs: Time, at: Time, corrupt: Option<u64>, overtaking: bool, duplicate_at: Option<Time> },
    Lost,
    QueueFull,
    TooLarge,
}

impl From<Passage> for Verdict {
    fn from(passage: Passage) -> Self {
        match passage {
            Passage::Arrives { departs, arrival: Arrival { at, overtaking, copy_at }, corrupt } => {
                Self::Deliver { departs, at, corrupt, overtaking, duplicate_at: copy_at }
            }
            Passage::Dropped { reason, .. } => reason.into(),
        }
    }
}

impl From<DropReason> for Verdict {
    fn from(reason: DropReason) -> Self {
        match reason {
            DropReason::Lost => Self::Lost,
            DropReason::QueueFull => Self::QueueFull,
            DropReason::TooLarge => Self::TooLarge,
        }
    }
}

impl<P: Clone> Link<P> {
    /// [`Link::enqueue`] with a queue that decides at the offer; also returns what was decided.
    fn offer(&mut self, now: Time, ip_bytes: usize, packet: P) -> Verdict {
        match self.admit(now, ip_bytes, packet) {
            Ok(()) => {
                let (packet, passage) = self.dequeue(now).unwrap();
                self.schedule(passage, packet);
                passage.into()
            }
            Err(dropped) => {
                let verdict = dropped.reason.into();
                self.events.push(Event::Dropped(dropped));
                verdict
            }
        }
    }

    /// The next packet that arrives by `now`.
    fn next_delivery(&mut self, now: Time) -> Option<Delivered<P>> {
        loop {
            if let Event::Delivered(delivered) = self.poll(now)? {
                return Some(delivered);
            }
        }
    }
}

/// A link to the server that carries its packets' numbers, from 1.
fn link(pairs: &str, seed: u64) -> Link<u64> {
    Link::new(spec(pairs), seed, Direction::ToServer)
}

/// The verdicts on `count` packets of 1200 bytes, one every `interval` from the origin.
fn verdicts(link: &mut Link<u64>, count: u64, interval: Duration) -> Vec<Verdict> {
    let mut now = Time::ZERO;
    let mut offer = |number| {
        let verdict = link.offer(now, 1200, number);
        now += interval;
        verdict
    };
    (1..=count).map(&mut offer).collect()
}

/// The numbers of the packets that were lost, from 1.
fn lost(verdicts: &[Verdict]) -> Vec<u64> {
    (1..).zip(verdicts).filter(|(_, verdict)| **verdict == Verdict::Lost).map(|(n, _)| n).collect()
}

fn drain(link: &mut Link<u64>) -> Vec<Delivered<u64>> {
    std::iter::from_fn(|| link.next_delivery(Time::MAX)).collect()
}

const MS: Duration = Duration::from_millis(1);
