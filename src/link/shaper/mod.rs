//! The transmitter of the bottleneck: how long packets take to serialise.

mod fixed_rate;

use std::fmt;

use super::{
    Column, LinkSpec, Obstacle, Property, Takes, Word,
    property::{COUNT, set, unless_none},
};
use crate::unit::{Rate, Time};
use fixed_rate::FixedRate;

/// A transmitter, which sends one packet at a time.
pub(super) trait Shaper: fmt::Debug + Send {
    /// When the transmitter would begin to send a packet offered at `offered`, behind the packets so far.
    fn next_start(&self, offered: Time) -> Time;

    /// Sends a packet that was offered at `offered`, behind the packets so far.
    fn transmit(&mut self, offered: Time, bytes: u16) -> Transmission;
}

/// When a packet is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Transmission {
    /// Its first bit.
    pub(super) starts: Time,
    /// Its last bit.
    pub(super) departs: Time,
}

/// The transmitter of `link`; `None` if packets take no time.
pub(super) fn of(link: &LinkSpec) -> Option<Box<dyn Shaper>> {
    Some(Box::new(FixedRate::new(link.rate?)))
}

pub(super) const RATE: Property = Property {
    option: "--rate",
    takes: Takes::List("RATE,.."),
    help: "Rate of the bottleneck, such as 20mbit [default: unlimited]",
    parse: |link, text| set(&mut link.rate, unless_none(text, |rate| Ok(rate.parse::<Rate>()?))),
    columns: &[Column::optional("rate_bps", COUNT, |link| link.rate.map(Rate::bits_per_second).into())],
    words: |settings| {
        let Some(rate) = settings.count("rate_bps") else { return Vec::new() };
        let queue = Word::Text(" with a queue of ");
        match (settings.count("queue_bytes"), settings.count("queue_packets")) {
            (Some(bytes), _) => vec![Word::Rate(rate), queue, Word::Count(bytes), Word::Text(" bytes")],
            (None, Some(packets)) => vec![Word::Rate(rate), queue, Word::Packets(packets)],
            (None, None) => vec![Word::Rate(rate)],
        }
    },
    obstacle: |link| link.rate.map(|_| Obstacle::Queueing),
    ..Property::PLAIN
};
