//! The bottleneck: a drop-tail queue in front of a transmitter of a fixed rate.

use std::{collections::VecDeque, fmt, str::FromStr};

use serde::{Serialize, Serializer};

use super::ValueError;
use crate::unit::{Rate, Size, Time, shown};

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

impl Serialize for QueueLimit {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The queue and its transmitter.
///
/// A packet counts against the limit, with all its bytes, until its last bit is sent. Packets in
/// propagation do not count. A packet that departs at the instant of an arrival makes room for it.
#[derive(Debug)]
pub(super) struct Bottleneck {
    rate: Option<Rate>,
    limit: QueueLimit,
    /// When the last admitted bit is sent: `free_at` plus `fraction / rate` nanoseconds. The fraction is
    /// carried, so that no rounding error accumulates over a busy period.
    free_at: Time,
    fraction: u64,
    /// Departure and size of each packet in the queue; empty without a limit.
    waiting: VecDeque<(Time, u32)>,
    waiting_bytes: u64,
}

impl Bottleneck {
    pub(super) fn new(rate: Option<Rate>, limit: QueueLimit) -> Self {
        Self { rate, limit, free_at: Time::ZERO, fraction: 0, waiting: VecDeque::new(), waiting_bytes: 0 }
    }

    /// When the last bit of a packet offered at `now` is sent; `None` if the queue is full.
    pub(super) fn admit(&mut self, now: Time, bytes: u16) -> Option<Time> {
        let Some(rate) = self.rate else {
            return Some(now);
        };
        if self.limit == QueueLimit::Unlimited {
            return Some(self.transmit(now, bytes, rate));
        }
        while let Some(&(departs, bytes)) = self.waiting.front()
            && departs <= now
        {
            self.waiting.pop_front();
            self.waiting_bytes -= u64::from(bytes);
        }
        let fits = match self.limit {
            QueueLimit::Unlimited => true,
            QueueLimit::Bytes(size) => self.waiting_bytes + u64::from(bytes) <= size.bytes(),
            QueueLimit::Packets(packets) => (self.waiting.len() as u64) < packets,
        };
        if !fits {
            return None;
        }
        let departs = self.transmit(now, bytes, rate);
        self.waiting.push_back((departs, u32::from(bytes)));
        self.waiting_bytes += u64::from(bytes);
        Some(departs)
    }

    /// Queues a packet and returns when its last bit is sent, rounded up to a nanosecond.
    fn transmit(&mut self, now: Time, bytes: u16, rate: Rate) -> Time {
        const BIT_NANOSECONDS_PER_BYTE: u64 = 8 * 1_000_000_000;
        if self.free_at < now {
            (self.free_at, self.fraction) = (now, 0);
        }
        let rate = rate.bits_per_second();
        // Below 2^50 + 2^40: a packet has 16 bits of length and a rate is at most 10^12.
        let work = self.fraction + u64::from(bytes) * BIT_NANOSECONDS_PER_BYTE;
        let nanos = self.free_at.as_nanos().saturating_add(work / rate);
        (self.free_at, self.fraction) = (Time::from_nanos(nanos), work % rate);
        Time::from_nanos(nanos.saturating_add(u64::from(self.fraction > 0)))
    }
}
