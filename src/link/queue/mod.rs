//! The queue in front of the bottleneck.

mod drop_tail;
mod limit;

use std::{fmt, time::Duration};

use super::{
    Column, LinkSpec, Property, Setting, SpecError, Takes,
    effects::Draws,
    property::{COUNT, set, unless_none},
};
use crate::unit::{PerDirection, Time};
use drop_tail::DropTail;
use limit::Capacity;
pub use limit::QueueLimit;

/// A queue discipline. It decides what becomes of a packet when the packet is offered and when it leaves the queue.
pub(super) trait Queue<P>: fmt::Debug + Send {
    /// Takes a packet, or returns it if it is dropped.
    fn enqueue(&mut self, packet: Queued<P>) -> Result<(), Queued<P>>;

    /// Takes out the next packet when the transmitter is free at `now`: to transmit it, or, as an error, to drop it.
    /// `None` if no packet waits.
    fn dequeue(&mut self, now: Time) -> Option<Result<Queued<P>, Queued<P>>>;

    /// The last bit of the packet that left last, which has this many bytes, is sent at `departs`.
    fn transmitted(&mut self, bytes: u16, departs: Time);

    /// Whether no later offer changes what becomes of a packet. A packet then leaves the queue when it is offered, for
    /// the instant at which the transmitter will be free, and costs no event of its own.
    fn decides_at_offer(&self) -> bool;
}

/// A packet in the queue.
#[derive(Debug)]
pub(super) struct Queued<P> {
    pub(super) packet: P,
    pub(super) bytes: u16,
    pub(super) offered: Time,
    pub(super) draws: Draws,
}

/// The queue of `link`.
pub(super) fn of<P: fmt::Debug + Send + 'static>(link: &LinkSpec) -> Box<dyn Queue<P>> {
    Box::new(DropTail::new(link.resolved_queue().into()))
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
        _ if link.rate.is_none() => Err(SpecError::QueueWithoutRate),
        QueueLimit::Bytes(queue) if queue.bytes() < u64::from(link.mtu) => {
            Err(SpecError::QueueBelowPacket { queue, mtu: link.mtu })
        }
        _ => Ok(()),
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
    /// The queue in bytes or packets. A queue of bandwidth-delay products takes this direction's delay twice as the
    /// round trip; see [`resolve_queues`].
    pub(super) fn resolved_queue(&self) -> QueueLimit {
        self.queue.resolved(self.rate, self.delay * 2)
    }
}

/// Turns a queue that is a time or a number of bandwidth-delay products into bytes, in both directions. The round trip
/// is the sum of both delays.
pub fn resolve_queues(links: &mut PerDirection<LinkSpec>) {
    let round_trip: Duration = links.iter().map(|link| link.delay).sum();
    for link in links {
        link.queue = link.queue.resolved(link.rate, round_trip);
    }
}
