//! The queue in front of the bottleneck.

mod aqm;
#[cfg(test)]
pub(crate) mod broken;
mod codel;
mod drop_tail;
mod fifo;
mod flow;
mod fq_codel;
mod limit;
mod pie;
mod red;
mod room;

use std::{fmt, time::Duration};

use rand::Rng;

use super::{
    Column, DropReason, LinkSpec, Property, Setting, SpecError, Takes, Word,
    effects::{Draw, Draws, Effect, Generators},
    property::{COUNT, TEXT, set, unless_none},
};
use crate::unit::{
    PerDirection, Time,
    random::{ChaCha8Rng, unit},
};
use codel::Codel;
use drop_tail::DropTail;
use fifo::Fifo;
use fq_codel::FqCodel;
use limit::Capacity;
use pie::Pie;
use red::Red;
use room::Room;

pub use aqm::Aqm;
pub use codel::CodelParameters;
pub use flow::FlowId;
pub use fq_codel::FqCodelParameters;
pub use limit::QueueLimit;
pub use pie::PieParameters;
pub use red::RedParameters;

/// A queue discipline. It decides whether to drop or mark a packet when the packet is offered, and when it leaves the
/// queue.
pub(super) trait Queue<P>: fmt::Debug + Send {
    /// Takes a packet, or returns the packet that is dropped: this one, or one that waited and makes room for it.
    fn enqueue(&mut self, packet: Queued<P>) -> Result<(), Refused<P>>;

    /// Another packet to drop after [`enqueue`](Self::enqueue) dropped one, if the queue is still too long at `now`.
    fn surplus(&mut self, _now: Time) -> Option<Queued<P>> {
        None
    }

    /// Takes out the next packet when the transmitter is free at `now`: to transmit it, or, as an error, to drop it.
    /// `None` if no packet waits.
    fn dequeue(&mut self, now: Time) -> Option<Result<Queued<P>, Queued<P>>>;

    /// The transmission of the latest packet, of `bytes`, ends at `departs`.
    fn transmitted(&mut self, bytes: u16, departs: Time);

    /// Whether the fate of a packet never depends on later offers. If so, the link takes a packet out as soon as it is
    /// offered, for the instant at which the transmitter will be free. That saves an event for each packet.
    fn decides_at_offer(&self) -> bool {
        false
    }
}

/// A packet in the queue.
#[derive(Debug)]
pub(super) struct Queued<P> {
    pub(super) packet: P,
    pub(super) bytes: u16,
    pub(super) offered: Time,
    pub(super) draws: Draws,
    /// A hash of its flow, if the queue distinguishes flows.
    pub(super) flow: u64,
    /// Whether its transport is ECN-capable.
    pub(super) is_ect: bool,
    /// Whether the queue may mark it instead of dropping it.
    pub(super) can_be_marked: bool,
    pub(super) marked: bool,
}

/// A packet that is dropped when one is offered.
#[derive(Debug)]
pub(super) struct Refused<P> {
    pub(super) packet: Queued<P>,
    pub(super) reason: DropReason,
}

impl<P> Refused<P> {
    /// The queue is full, so `packet` is dropped.
    fn full(packet: Queued<P>) -> Self {
        Self { packet, reason: DropReason::QueueFull }
    }
}

/// The queue of `link`.
pub(super) fn of<P: fmt::Debug + Send + 'static>(link: &LinkSpec) -> Box<dyn Queue<P>> {
    let capacity = Capacity::from(link.resolved_queue());
    match link.aqm {
        Aqm::DropTail => Box::new(DropTail::new(capacity)),
        Aqm::Codel(parameters) => Box::new(Fifo::new(Codel::new(parameters, link.mtu), capacity)),
        Aqm::FqCodel(parameters) => Box::new(FqCodel::new(parameters, capacity, link.mtu)),
        Aqm::Pie(parameters) => Box::new(Fifo::new(Pie::new(parameters, link.mtu), capacity)),
        Aqm::Red(parameters) => Box::new(Fifo::new(Red::new(parameters), capacity)),
    }
}

/// The key for the hash of flows, if the queue of `link` distinguishes flows.
pub(super) fn flow_key(link: &LinkSpec, generators: &mut Generators) -> Option<u64> {
    matches!(link.aqm, Aqm::FqCodel(_)).then(|| generators.take(Draw::FlowKey).next_u64())
}

pub(super) const AQM: Property = Property {
    option: "--aqm",
    takes: Takes::List("NAME,.."),
    help: "How the queue is managed: droptail, codel[:TARGET:INTERVAL], fq-codel[:FLOWS:QUANTUM:TARGET:INTERVAL], \
           pie[:TARGET:UPDATE], red[:MIN:MAX:SHARE], such as codel:5ms:100ms [default: droptail]",
    parse: |link, text| set(&mut link.aqm, text.parse()),
    check: |link| match link.aqm {
        Aqm::DropTail => Ok(()),
        _ => SpecError::unless_rate("--aqm", link),
    },
    columns: &[Column::optional("aqm", TEXT, |link| match link.aqm {
        Aqm::DropTail => Setting::Off,
        aqm => Setting::Text(aqm.to_string()),
    })],
    words: |settings| settings.text("aqm").map_or_else(Vec::new, |aqm| vec![Word::Quoted(aqm.to_owned())]),
    effect: |link, generators| match link.aqm {
        Aqm::Pie(_) | Aqm::Red(_) => Some(Box::new(QueueDraws(generators.take(Draw::Queue)))),
        Aqm::DropTail | Aqm::Codel(_) | Aqm::FqCodel(_) => None,
    },
    ..Property::PLAIN
};

/// The draws of a queue that drops at random.
#[derive(Debug)]
struct QueueDraws(ChaCha8Rng);

impl Effect for QueueDraws {
    fn draw(&mut self, draws: &mut Draws) {
        draws.queue = unit(&mut self.0);
    }
}

pub(super) const PROPERTY: Property = Property {
    option: "--queue",
    takes: Takes::List("SIZE,.."),
    help: "Size of the bottleneck's queue: 128KB, 100p, 100ms at the rate, or 1bdp (rate x round trip) [default: \
           unlimited]",
    parse: |link, text| set(&mut link.queue, unless_none(text, str::parse).map(Option::unwrap_or_default)),
    check: |link| match link.resolved_queue() {
        QueueLimit::Unlimited => Ok(()),
        QueueLimit::Packets(0) => Err(SpecError::NoQueue),
        QueueLimit::Bytes(queue) if link.rate.is_some() && queue.bytes() < u64::from(link.mtu) => {
            Err(SpecError::QueueBelowPacket { queue, mtu: link.mtu })
        }
        _ => SpecError::unless_rate("--queue", link),
    },
    columns: &[
        Column::optional("queue_bytes", COUNT, |link| match link.resolved_queue() {
            QueueLimit::Bytes(size) => size.bytes().into(),
            _ => Setting::Off,
        }),
        Column::optional("queue_packets", COUNT, |link| match link.queue {
            QueueLimit::Packets(packets) => packets.into(),
            _ => Setting::Off,
        }),
    ],
    ..Property::PLAIN
};

impl LinkSpec {
    /// The queue in bytes or packets. For bandwidth-delay products, the round trip is twice the delay of this
    /// direction. [`resolve_queues`] knows both directions.
    pub(super) fn resolved_queue(&self) -> QueueLimit {
        self.queue.resolved(self.rate, self.delay * 2)
    }

    /// Undoes [`resolve_queues`], for a link whose rate or delay is about to change.
    pub(crate) fn unresolve_queue(&mut self) {
        self.queue = self.queue_as_given.take().unwrap_or(self.queue);
    }
}

/// Turns a queue that is a time or a number of bandwidth-delay products into bytes, in both directions. The round trip
/// is the sum of both delays.
pub fn resolve_queues(links: &mut PerDirection<LinkSpec>) {
    let round_trip: Duration = links.iter().map(|link| link.delay).sum();
    for link in links {
        let given = link.queue;
        link.queue = given.resolved(link.rate, round_trip);
        link.queue_as_given = (link.queue != given).then_some(given).or(link.queue_as_given);
    }
}
