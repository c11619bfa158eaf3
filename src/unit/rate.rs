//! Rates in bits per second: `384kbit`, `1.5mbit`.

use std::{fmt, num::NonZeroU64, str::FromStr};

use serde::Serialize;

use super::{
    UnitError,
    decimal::{Notation, trimmed},
    error::shown,
};

const NOTATION: Notation = Notation {
    name: "rate",
    example: "384kbit, 1.5mbit or 1gbit",
    finest: "1bit",
    max: Rate::MAX_BITS_PER_SECOND,
    max_text: "1000gbit",
    units: &[
        ("bit", 1),
        ("kbit", 1_000),
        ("mbit", 1_000_000),
        ("gbit", 1_000_000_000),
        // As iperf3 has them, and as results are written.
        ("k", 1_000),
        ("m", 1_000_000),
        ("g", 1_000_000_000),
        ("bit/s", 1),
        ("kbit/s", 1_000),
        ("mbit/s", 1_000_000),
        ("gbit/s", 1_000_000_000),
    ],
    known: "bit, kbit, mbit or gbit (bits per second)",
};

/// A rate in bits per second. It is never 0, because such a link would carry nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Rate(NonZeroU64);

impl Rate {
    /// The slowest rate: 1 bit/s.
    pub(crate) const SLOWEST: Self = Self(NonZeroU64::MIN);

    const MAX_BITS_PER_SECOND: u64 = 1_000_000_000_000;

    /// A rate of `bits` per second. Returns [`UnitError`] for 0 and for more than 1000 Gbit/s.
    pub fn from_bits_per_second(bits: u64) -> Result<Self, UnitError> {
        if bits > Self::MAX_BITS_PER_SECOND {
            return Err(NOTATION.too_large(&format!("{bits}bit")));
        }
        NonZeroU64::new(bits).map(Self).ok_or(UnitError::ZeroRate)
    }

    /// The number of bits per second.
    pub const fn bits_per_second(self) -> u64 {
        self.0.get()
    }
}

impl FromStr for Rate {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let bits = NOTATION.parse(text, |number| {
            // Zero is invalid with any unit.
            if number.bytes().all(|digit| matches!(digit, b'0' | b'.')) {
                return Err(UnitError::ZeroRate);
            }
            let number = shown(number);
            let hint = format!("{number}mbit or {number}kbit");
            Err(UnitError::NoUnit { text: shown(text.trim()), hint })
        })?;
        Self::from_bits_per_second(bits)
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bits = self.bits_per_second();
        let (scale, unit) = match bits {
            0..1_000 => (1, "bit"),
            1_000..1_000_000 => (1_000, "kbit"),
            1_000_000..1_000_000_000 => (1_000_000, "mbit"),
            _ => (1_000_000_000, "gbit"),
        };
        write!(f, "{}{unit}", trimmed(bits, scale))
    }
}
