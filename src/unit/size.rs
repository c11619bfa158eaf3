//! Sizes in bytes: `1500`, `128KB`, `1MiB`.

use std::{fmt, str::FromStr};

use serde::Serialize;

use super::{UnitError, decimal::Kind};

const KIND: Kind = Kind {
    name: "size",
    example: "1500, 128KB or 1MiB",
    finest: "1 byte",
    most: (1 << 50, "1048576GiB"),
    units: &[
        ("b", 1),
        ("kb", 1_000),
        ("kib", 1 << 10),
        ("mb", 1_000_000),
        ("mib", 1 << 20),
        ("gb", 1_000_000_000),
        ("gib", 1 << 30),
    ],
    known: "B, KB, KiB, MB, MiB, GB or GiB",
};

/// A number of bytes.
///
/// Written bare (`1500`) or with a unit, `KB` being 1000 and `KiB` 1024 bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Size(u64);

impl Size {
    /// So many bytes.
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
        KIND.parse(text, |number| KIND.bounded(text, KIND.steps(text, number, 1)?)).map(Self)
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
