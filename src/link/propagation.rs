//! From the end of serialisation to arrival.

use super::impairments::Fate;
use crate::unit::Time;

/// The delay of one direction, and how far the packets on it have got.
#[derive(Debug)]
pub(super) struct Propagation {
    /// Nanoseconds.
    delay: i64,
    keep_order: bool,
    /// The latest arrival of those that take the delay: with `keep_order` none of them is earlier.
    lane_end: Time,
    /// The latest arrival of a packet that is no copy.
    latest: Time,
}

/// When a packet arrives.
pub(super) struct Arrival {
    pub(super) at: Time,
    pub(super) overtaking: bool,
    pub(super) copy_at: Option<Time>,
}

impl Propagation {
    pub(super) fn new(delay: u64, keep_order: bool) -> Self {
        let delay = i64::try_from(delay).unwrap_or(i64::MAX);
        Self { delay, keep_order, lane_end: Time::ZERO, latest: Time::ZERO }
    }

    pub(super) fn arrival(&mut self, departs: Time, fate: &Fate) -> Arrival {
        let mut delayed = self.after_delay(departs, fate.jitter);
        if self.keep_order {
            delayed = delayed.max(self.lane_end);
        }
        if !fate.reordered || fate.duplicated {
            self.lane_end = delayed;
        }
        let at = if fate.reordered { departs } else { delayed };
        // Where order is kept the copy follows right behind: a later one would hold up the rest.
        let copy = || {
            if self.keep_order { delayed } else { self.after_delay(departs, fate.copy_jitter) }
        };
        let copy_at = fate.duplicated.then(copy);
        let overtaking = at < self.latest;
        self.latest = self.latest.max(at);
        Arrival { at, overtaking, copy_at }
    }

    fn after_delay(&self, departs: Time, jitter: i64) -> Time {
        let delay = self.delay.saturating_add(jitter).max(0).unsigned_abs();
        Time::from_nanos(departs.as_nanos().saturating_add(delay))
    }
}
