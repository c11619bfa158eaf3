//! The transmitter of the bottleneck: how long packets take to serialise.

mod fixed_rate;
mod profile;
mod trace;
mod varying;

use std::fmt;

use super::{
    Column, LinkSpec, Obstacle, Property, Setting, Takes, Word,
    effects::{Draw, Generators},
    property::{COUNT, TEXT, unless_none},
};
use crate::unit::{Rate, Time};
use fixed_rate::FixedRate;
use trace::Traced;
use varying::Varying;

pub use profile::{CELLULAR_SLOT, RateProfile, SAWTOOTH_STEPS};
pub use trace::{OPPORTUNITY_BYTES, Trace};

/// A transmitter, which sends one packet at a time.
pub(super) trait Shaper: fmt::Debug + Send {
    /// When the transmitter would begin to send a packet offered at `offered`, after the packets so far.
    fn next_start(&mut self, offered: Time) -> Time;

    /// Sends a packet that was offered at `offered`, after the packets so far.
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

/// The transmitter of `link`; `None` if packets take no time to serialise.
pub(super) fn of(link: &LinkSpec, generators: &mut Generators) -> Option<Box<dyn Shaper>> {
    let rate = link.rate?;
    Some(match &link.rate_profile {
        None => Box::new(FixedRate::new(rate)),
        Some(RateProfile::Trace(trace)) => Box::new(Traced::new(trace.clone())),
        Some(profile) => match profile.pieces(|| generators.take(Draw::Rate)) {
            Some(pieces) => Box::new(Varying::new(pieces)),
            None => Box::new(FixedRate::new(rate)),
        },
    })
}

pub(super) const RATE: Property = Property {
    option: "--rate",
    takes: Takes::List("RATE,.."),
    help: "Rate of the bottleneck: 20mbit, or one that changes: trace:FILE (mahimahi's format), \
           steps:0s=20mbit:10s=2mbit, onoff:20mbit:2s:1s, sawtooth:2mbit:20mbit:5s, cellular:12mbit [default: \
           unlimited]",
    parse: |link, text| {
        match RateProfile::parse(text)? {
            Some(profile) => link.follow(profile)?,
            None => {
                let text = if text == "unlimited" { "none" } else { text };
                link.rate = unless_none(text, |rate| Ok(rate.parse::<Rate>()?))?;
                link.rate_profile = None;
            }
        }
        Ok(())
    },
    columns: &[
        Column::optional("rate_bps", COUNT, |link| link.rate.map(Rate::bits_per_second).into()),
        Column::optional("rate_profile", TEXT, |link| match &link.rate_profile {
            Some(profile) => Setting::Text(profile.to_string()),
            None => Setting::Off,
        }),
    ],
    words: |settings| {
        let Some(rate) = settings.count("rate_bps") else { return Vec::new() };
        let queue = Word::Text(" with a queue of ");
        let mut words = vec![Word::Rate(rate)];
        if let Some(profile) = settings.text("rate_profile") {
            words.extend([Word::Text(" by "), Word::Quoted(profile.to_owned())]);
        }
        match (settings.count("queue_bytes"), settings.count("queue_packets")) {
            (Some(bytes), _) => words.extend([queue, Word::Count(bytes), Word::Text(" bytes")]),
            (None, Some(packets)) => words.extend([queue, Word::Packets(packets)]),
            (None, None) => {}
        }
        words
    },
    obstacle: |link| link.rate.map(|_| Obstacle::Queueing),
    ..Property::PLAIN
};
