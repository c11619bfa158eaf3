//! Propagation: from the end of serialisation to arrival.

use super::{
    Column, LinkSpec, Property, Setting, SpecError, Takes,
    effects::Draws,
    property::{COUNT, flag, set},
    replay::REPLAY_AFTER,
};
use crate::unit::{Time, nanos, parse_duration};

pub(super) const DELAY: Property = Property {
    option: "--delay",
    takes: Takes::List("TIME,.."),
    help: "One-way delay, in place of --rtt",
    parse: |link, text| set(&mut link.delay, parse_duration(text)),
    check: |link| SpecError::unless_too_long("delay", link.delay),
    columns: &[Column::new("delay_ns", COUNT, |link| nanos(link.delay).into())],
    ..Property::PLAIN
};

pub(super) const KEEP_ORDER: Property = Property {
    option: "--keep-order",
    takes: Takes::Nothing,
    help: "Packets that jitter would let overtake wait instead",
    parse: |link, text| set(&mut link.keep_order, flag(text)),
    columns: &[Column::new("keep_order", Setting::Flag(false), |link| Setting::Flag(link.keep_order))],
    ..Property::PLAIN
};

/// The propagation delay of one direction, and the latest arrivals.
#[derive(Debug)]
pub(super) struct Propagation {
    /// Nanoseconds.
    delay: i64,
    keep_order: bool,
    /// The latest arrival of a packet that takes the delay; with `keep_order`, later packets do not arrive before it.
    lane_end: Time,
    /// The latest arrival, without copies.
    latest: Time,
}

/// When a packet arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Arrival {
    pub(super) at: Time,
    pub(super) overtaking: bool,
    pub(super) copy_at: Option<Time>,
    pub(super) replay_at: Option<Time>,
}

impl Propagation {
    pub(super) fn new(link: &LinkSpec) -> Self {
        let delay = i64::try_from(nanos(link.delay)).unwrap_or(i64::MAX);
        Self { delay, keep_order: link.keep_order, lane_end: Time::ZERO, latest: Time::ZERO }
    }

    pub(super) fn arrival(&mut self, departs: Time, draws: &Draws) -> Arrival {
        let mut delayed = self.after_delay(departs, draws.jitter);
        if self.keep_order {
            delayed = delayed.max(self.lane_end);
        }
        if !draws.reordered || draws.duplicated {
            self.lane_end = delayed;
        }
        let at = if draws.reordered { departs } else { delayed };
        // With `keep_order` the copy arrives together with the packet: a later one would delay all that follow.
        let copy = || {
            if self.keep_order { delayed } else { self.after_delay(departs, draws.copy_jitter) }
        };
        let copy_at = draws.duplicated.then(copy);
        // After the packet and its duplicate.
        let replay_at = draws.replayed.then(|| copy_at.map_or(at, |copy_at| copy_at.max(at)) + REPLAY_AFTER);
        let overtaking = at < self.latest;
        self.latest = self.latest.max(at);
        Arrival { at, overtaking, copy_at, replay_at }
    }

    fn after_delay(&self, departs: Time, jitter: i64) -> Time {
        let delay = self.delay.saturating_add(jitter).max(0).unsigned_abs();
        Time::from_nanos(departs.as_nanos().saturating_add(delay))
    }
}
