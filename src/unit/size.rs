//! Sizes in bytes: `1500`, `128KB`, `1MiB`.

use std::{fmt, str::FromStr};

use serde::Serialize;

use super::{UnitError, decimal::Notation};

const NOTATION: Notation = Notation {
    name: "size",
    example: "1500, 128KB or 1MiB",
    finest: "1 byte",
    max: 1 << 50,
    max_text: "1048576GiB",
    units: &[
        ("B", 1),
        ("kB", 1_000),
        ("kiB", 1 << 10),
        ("mB", 1_000_000),
        ("miB", 1 << 20),
        ("gB", 1_000_000_000),
        ("giB", 1 << 30),
    ],
    known: "B, KB, KiB, MB, MiB, GB or GiB (a small b means bits)",
};

/// A number of bytes.
///
/// It is written without a unit (`1500`) or with one: `KB` is 1000 bytes, `KiB` is 1024.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Size(u64);

impl Size {
    /// A size of `bytes` bytes.
    pub const fn from_bytes(bytes: u64) -> Self {
        Self(bytes)
    }

    /// The number of bytes.
    pub const fn bytes(self) -> u64 {
        self.0
    }
}

impl FromStr for Size {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        NOTATION.parse(text, |number| NOTATION.bounded(text, NOTATION.steps(text, number, 1)?)).map(Self)
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(u64, &str); 6] = [
            (1_000_000_000, "GB"),
            (1 << 30, "GiB"),
            (1_000_000, "MB"),
            (1 << 20, "MiB"),
            (1_000, "KB"),
            (1 << 10, "KiB"),
        ];
        let fits = |(scale, _): &&(u64, &str)| self.0 >= *scale && self.0.is_multiple_of(*scale);
        let (scale, unit) = UNITS.iter().find(fits).copied().unwrap_or((1, "B"));
        write!(f, "{}{unit}", self.0 / scale)
    }
}
