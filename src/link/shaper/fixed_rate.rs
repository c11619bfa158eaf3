//! A transmitter of a fixed rate.

use super::{Shaper, Transmission};
use crate::unit::{Rate, Time};

/// A transmitter of a fixed rate.
#[derive(Debug)]
pub(super) struct FixedRate {
    rate: Rate,
    /// When the last bit is sent: `free_at` plus `fraction / rate` nanoseconds. The fraction is carried, so that no
    /// rounding error accumulates over a busy period.
    free_at: Time,
    fraction: u64,
}

impl FixedRate {
    pub(super) fn new(rate: Rate) -> Self {
        Self { rate, free_at: Time::ZERO, fraction: 0 }
    }

    /// When the last bit of the packets so far is sent, rounded up to a nanosecond.
    fn free_at(&self) -> Time {
        Time::from_nanos(self.free_at.as_nanos().saturating_add(u64::from(self.fraction > 0)))
    }
}

impl Shaper for FixedRate {
    fn next_start(&self, offered: Time) -> Time {
        self.free_at().max(offered)
    }

    fn transmit(&mut self, offered: Time, bytes: u16) -> Transmission {
        const BIT_NANOSECONDS_PER_BYTE: u64 = 8 * 1_000_000_000;
        let starts = self.next_start(offered);
        if self.free_at < offered {
            (self.free_at, self.fraction) = (offered, 0);
        }
        let rate = self.rate.bits_per_second();
        // Below 2^50 + 2^40: a packet has 16 bits of length and a rate is at most 10^12.
        let work = self.fraction + u64::from(bytes) * BIT_NANOSECONDS_PER_BYTE;
        let nanos = self.free_at.as_nanos().saturating_add(work / rate);
        (self.free_at, self.fraction) = (Time::from_nanos(nanos), work % rate);
        Transmission { starts, departs: self.free_at() }
    }
}
