//! The link: its effects, order, queue, text forms and statistics.

mod effects;
mod order;
mod properties;
mod queue;
mod statistics;
mod text;

use std::time::Duration;

use wirelab::{
    link::{
        Counters, Delivered, DropReason, Event, Jitter, Link, LinkSpec, Loss, LossBy, Preset, QueueLimit,
        SpecError,
    },
    unit::{Direction, Time},
};

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

/// A link of numbered packets, and a second one of the same draws that is polled ahead of time.
struct Watched {
    link: Link<u64>,
    ahead: Link<u64>,
}

impl Watched {
    fn new(spec: LinkSpec, seed: u64, direction: Direction) -> Self {
        let link = || Link::new(spec.clone(), seed, direction);
        Self { link: link(), ahead: link() }
    }

    /// Offers a packet and returns what becomes of it.
    fn offer(&mut self, now: Time, ip_bytes: usize, packet: u64) -> Verdict {
        self.link.enqueue(now, ip_bytes, packet);
        let reordered = self.ahead.counters().reordered;
        self.ahead.enqueue(now, ip_bytes, packet);
        let events: Vec<_> = std::iter::from_fn(|| self.ahead.poll(Time::MAX)).collect();
        let copies = |copy| {
            events.iter().filter_map(move |event| match event {
                Event::Delivered(delivered) if delivered.copy == copy => Some(delivered),
                _ => None,
            })
        };
        match (&events[0], copies(false).next()) {
            (_, Some(delivered)) => Verdict::Deliver {
                departs: delivered.departs,
                at: delivered.at,
                corrupt: delivered.corrupt,
                overtaking: self.ahead.counters().reordered > reordered,
                duplicate_at: copies(true).next().map(|copy| copy.at),
            },
            (Event::Dropped(dropped), None) => match dropped.reason {
                DropReason::Lost => Verdict::Lost,
                DropReason::QueueFull => Verdict::QueueFull,
                DropReason::TooLarge => Verdict::TooLarge,
            },
            (Event::Delivered(copy), None) => panic!("a copy without its packet: {copy:?}"),
        }
    }

    /// The next packet that arrives by `now`.
    fn next_delivery(&mut self, now: Time) -> Option<Delivered<u64>> {
        loop {
            if let Event::Delivered(delivered) = self.link.poll(now)? {
                return Some(delivered);
            }
        }
    }

    fn poll_timeout(&self) -> Option<Time> {
        self.link.poll_timeout()
    }

    fn counters(&self) -> Counters {
        self.link.counters()
    }
}

/// A link to the server that carries its packets' numbers, from 1.
fn link(pairs: &str, seed: u64) -> Watched {
    Watched::new(spec(pairs), seed, Direction::ToServer)
}

/// The verdicts on `count` packets of 1200 bytes, one every `interval` from the origin.
fn verdicts(link: &mut Watched, count: u64, interval: Duration) -> Vec<Verdict> {
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

fn drain(link: &mut Watched) -> Vec<Delivered<u64>> {
    std::iter::from_fn(|| link.next_delivery(Time::MAX)).collect()
}

const MS: Duration = Duration::from_millis(1);
