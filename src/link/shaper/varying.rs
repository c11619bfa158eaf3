//! A transmitter whose rate changes.

use std::fmt;

use super::{Shaper, Transmission};
use crate::unit::Time;

/// A rate as a function of time, in pieces.
pub(super) trait Pieces: fmt::Debug + Send {
    /// The rate at `now` in bits per second, and until when it holds. `now` does not decrease.
    fn at(&mut self, now: u64) -> (u64, u64);
}

/// A transmitter whose rate follows `pieces`. A packet in transmission continues at the new rate.
#[derive(Debug)]
pub(super) struct Varying {
    pieces: Box<dyn Pieces>,
    /// When the last bit is sent: `free_at`, plus the time that `fraction` bit-nanoseconds take.
    free_at: u64,
    fraction: u64,
}

impl Varying {
    pub(super) fn new(pieces: Box<dyn Pieces>) -> Self {
        Self { pieces, free_at: 0, fraction: 0 }
    }

    /// When the last bit of the packets so far is sent, rounded up to a nanosecond.
    fn last_bit(&self) -> u64 {
        self.free_at.saturating_add(u64::from(self.fraction > 0))
    }
}

impl Shaper for Varying {
    /// While the rate is 0, nothing starts.
    fn next_start(&mut self, offered: Time) -> Time {
        let mut at = self.last_bit().max(offered.as_nanos());
        loop {
            match self.pieces.at(at) {
                (0, until) if until < u64::MAX => at = until,
                _ => return Time::from_nanos(at),
            }
        }
    }

    fn transmit(&mut self, offered: Time, bytes: u16) -> Transmission {
        const BIT_NANOSECONDS_PER_BYTE: u128 = 8 * 1_000_000_000;
        let starts = self.next_start(offered);
        if self.last_bit() < starts.as_nanos() {
            (self.free_at, self.fraction) = (starts.as_nanos(), 0);
        }
        let mut work = u128::from(self.fraction) + u128::from(bytes) * BIT_NANOSECONDS_PER_BYTE;
        loop {
            let (rate, until) = self.pieces.at(self.free_at);
            let done = u128::from(rate) * u128::from(until - self.free_at);
            if work > done && until < u64::MAX {
                work -= done;
                self.free_at = until;
                continue;
            }
            let rate = u128::from(rate.max(1));
            self.free_at = self.free_at.saturating_add(u64::try_from(work / rate).unwrap_or(u64::MAX));
            // Below the rate.
            self.fraction = (work % rate) as u64;
            return Transmission { starts, departs: Time::from_nanos(self.last_bit()) };
        }
    }
}
