//! Probabilities as shares of a whole: `1%`, `0.07%`.

use std::{fmt, str::FromStr};

use serde::{Serialize, Serializer};

use super::{
    UnitError,
    decimal::{Notation, trimmed},
    error::shown,
};

/// Parts in a whole, which makes the smallest step 10^-10 percent.
const WHOLE: u64 = 1_000_000_000_000;

const NOTATION: Notation = Notation {
    name: "share",
    example: "1% or 0.07%",
    finest: "0.0000000001%",
    max: WHOLE,
    max_text: "100%",
    units: &[("%", WHOLE / 100)],
    known: "%",
};

/// A probability in [0, 1], parsed from a percentage and stored as an exact decimal.
///
/// It is serialized as a ratio: `1%` is 0.01.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Share(u64);

impl Share {
    /// 0%.
    pub const ZERO: Self = Self(0);
    /// 100%.
    pub const ONE: Self = Self(WHOLE);
    /// 10%.
    pub(crate) const TENTH: Self = Self(WHOLE / 10);
    /// Number of parts in a whole.
    pub const PARTS: u64 = WHOLE;

    /// The share in parts of [`Share::PARTS`].
    pub const fn parts(self) -> u64 {
        self.0
    }

    /// The share as a ratio in [0, 1].
    pub fn ratio(self) -> f64 {
        self.0 as f64 / WHOLE as f64
    }

    /// The complement: 100% minus this share.
    #[must_use]
    pub const fn complement(self) -> Self {
        Self(WHOLE - self.0)
    }

    /// Whether it is 0%.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }
}

impl FromStr for Share {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        NOTATION
            .parse(text, |number| {
                let hint = format!("{}% (a ratio of 0.01 is 1%)", shown(number));
                Err(UnitError::NoUnit { text: shown(text.trim()), hint })
            })
            .map(Self)
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", trimmed(self.0, WHOLE / 100))
    }
}

impl Serialize for Share {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.ratio())
    }
}

/// `value` rounded to six decimals, as ratios are written in results; `None` if it is not finite.
pub(crate) fn rounded(value: f64) -> Option<f64> {
    // Adding zero turns -0 into 0, which is written differently.
    let rounded = libm::round(value * 1e6) / 1e6 + 0.0;
    rounded.is_finite().then_some(rounded)
}
