//! The queue in front of the bottleneck.

mod drop_tail;

use std::{fmt, str::FromStr};

use super::{
    Column, LinkSpec, Property, Setting, SpecError, Takes, ValueError,
    effects::Draws,
    property::{COUNT, set, unless_none},
};
use crate::unit::{Size, Time, shown};
use drop_tail::DropTail;

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
    Box::new(DropTail::new(link.queue))
}

pub(super) const PROPERTY: Property = Property {
    option: "--queue",
    takes: Takes::List("SIZE,.."),
    help: "Drop-tail queue of the bottleneck: 128KB or 100p [default: unlimited]",
    parse: |link, text| set(&mut link.queue, unless_none(text, str::parse).map(Option::unwrap_or_default)),
    check: |link| match link.queue {
        QueueLimit::Unlimited => Ok(()),
        QueueLimit::Packets(0) => Err(SpecError::NoQueue),
        QueueLimit::Bytes(queue) if queue.bytes() < u64::from(link.mtu) => {
            Err(SpecError::QueueBelowPacket { queue, mtu: link.mtu })
        }
        _ if link.rate.is_none() => Err(SpecError::QueueWithoutRate),
        _ => Ok(()),
    },
    columns: &[
        Column::optional("queue_bytes", COUNT, |link| match link.queue {
            QueueLimit::Bytes(size) => size.bytes().into(),
            QueueLimit::Packets(_) | QueueLimit::Unlimited => Setting::Off,
        }),
        Column::optional("queue_packets", COUNT, |link| match link.queue {
            QueueLimit::Packets(packets) => packets.into(),
            QueueLimit::Bytes(_) | QueueLimit::Unlimited => Setting::Off,
        }),
    ],
    ..Property::PLAIN
};

/// The capacity of the bottleneck's queue, with the packet in transmission.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum QueueLimit {
    /// No limit.
    #[default]
    Unlimited,
    /// IP bytes.
    Bytes(Size),
    /// Packets.
    Packets(u64),
}

impl FromStr for QueueLimit {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let trimmed = text.trim();
        if trimmed == "unlimited" {
            return Ok(Self::Unlimited);
        }
        let Some(packets) = trimmed.strip_suffix('p') else {
            return Ok(Self::Bytes(trimmed.parse()?));
        };
        match packets.parse() {
            Ok(packets) if packets > 0 => Ok(Self::Packets(packets)),
            _ => Err(ValueError::Count { text: shown(trimmed), kind: "number of packets" }),
        }
    }
}

impl fmt::Display for QueueLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unlimited => f.write_str("unlimited"),
            Self::Bytes(size) => size.fmt(f),
            Self::Packets(packets) => write!(f, "{packets}p"),
        }
    }
}
