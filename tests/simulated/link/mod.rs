//! The link: its effects, order, queue, text forms and statistics.

mod effects;
mod order;
mod properties;
mod queue;
mod settings;
mod statistics;
mod text;
mod trace;

use std::time::Duration;

use wirelab::{
    link::{
        Counters, Delivered, DropReason, Dropped, Event, Jitter, Link, LinkSpec, Loss, LossBy, Preset,
        QueueLimit, SpecError,
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
    let spec: LinkSpec = pairs.parse().unwrap();
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

/// A link for numbered packets, and a second link with the same draws that reports the fate of each.
struct Watched {
    link: Link<u64>,
    ahead: Link<u64>,
}

/// The fate of a packet, as far as its events have shown it.
#[derive(Debug, Clone, Copy, Default)]
struct Fate {
    arrival: Option<(Time, Time, Option<u64>)>,
    duplicate_at: Option<Time>,
    dropped: Option<DropReason>,
}

impl Fate {
    fn note(&mut self, event: &Event<u64>) {
        match event {
            Event::Delivered(delivered) if delivered.copy => self.duplicate_at = Some(delivered.at),
            Event::Delivered(delivered) => {
                self.arrival = Some((delivered.departs, delivered.at, delivered.corrupt));
            }
            Event::Dropped(dropped) => self.dropped = Some(dropped.reason),
        }
    }

    /// The verdict, if the packets before it arrived by `latest`.
    fn verdict(self, latest: &mut Time) -> Verdict {
        match (self.arrival, self.dropped) {
            (Some((departs, at, corrupt)), None) => {
                let overtaking = at < *latest;
                *latest = at.max(*latest);
                Verdict::Deliver { departs, at, corrupt, overtaking, duplicate_at: self.duplicate_at }
            }
            (None, Some(DropReason::Lost)) => Verdict::Lost,
            (None, Some(DropReason::QueueFull | DropReason::Aqm)) => Verdict::QueueFull,
            (None, Some(DropReason::TooLarge)) => Verdict::TooLarge,
            other => panic!("{other:?}"),
        }
    }
}

impl Watched {
    fn new(spec: LinkSpec, seed: u64, direction: Direction) -> Self {
        let link = || Link::new(spec.clone(), seed, direction);
        Self { link: link(), ahead: link() }
    }

    /// Offers a packet and returns what becomes of it, on a link that decides when a packet is offered.
    fn offer(&mut self, now: Time, ip_bytes: usize, packet: u64) -> Verdict {
        self.link.enqueue(now, ip_bytes, packet);
        self.ahead.enqueue(now, ip_bytes, packet);
        let mut fate = Fate::default();
        std::iter::from_fn(|| self.ahead.poll(Time::MAX)).for_each(|event| fate.note(&event));
        let mut latest = Time::ZERO;
        fate.verdict(&mut latest)
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

/// The verdicts on `count` packets of 1200 bytes, one every `interval` from the origin, as events tell them.
fn verdicts(link: &mut Watched, count: u64, interval: Duration) -> Vec<Verdict> {
    let Watched { link, ahead } = link;
    let mut fates = vec![Fate::default(); count as usize];
    let mut poll = |ahead: &mut Link<u64>, now| {
        while let Some(event) = ahead.poll(now) {
            let (Event::Delivered(Delivered { packet, .. }) | Event::Dropped(Dropped { packet, .. })) =
                &event;
            fates[*packet as usize - 1].note(&event);
        }
    };
    let mut now = Time::ZERO;
    for number in 1..=count {
        poll(ahead, now);
        link.enqueue(now, 1200, number);
        ahead.enqueue(now, 1200, number);
        now += interval;
    }
    while let Some(due) = ahead.poll_timeout() {
        poll(ahead, due);
    }
    let mut latest = Time::ZERO;
    fates.into_iter().map(|fate| fate.verdict(&mut latest)).collect()
}

/// The numbers of the packets that were lost, from 1.
fn lost(verdicts: &[Verdict]) -> Vec<u64> {
    (1..).zip(verdicts).filter(|(_, verdict)| **verdict == Verdict::Lost).map(|(n, _)| n).collect()
}

fn drain(link: &mut Watched) -> Vec<Delivered<u64>> {
    std::iter::from_fn(|| link.next_delivery(Time::MAX)).collect()
}

const MS: Duration = Duration::from_millis(1);
