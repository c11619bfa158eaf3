//! Ratios in a result.

use serde::{Deserialize, Serialize};

use crate::unit::rounded;

/// A finite ratio, rounded to six decimals, so that the same run writes the same bytes.
///
/// A ratio with a denominator of zero is `None`, and null in the file.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Ratio(f64);

impl Ratio {
    /// `numerator / denominator`; none if the denominator is zero.
    pub fn of(numerator: u64, denominator: u64) -> Option<Self> {
        Self::new(numerator as f64 / denominator as f64)
    }

    /// `value` rounded; none if it is not finite.
    pub fn new(value: f64) -> Option<Self> {
        rounded(value).map(Self)
    }

    /// The rounded ratio.
    pub const fn get(self) -> f64 {
        self.0
    }
}

impl TryFrom<f64> for Ratio {
    type Error = &'static str;

    /// Rounds again, because parsing a decimal may be off by one unit in the last place.
    fn try_from(value: f64) -> Result<Self, Self::Error> {
        Self::new(value).ok_or("a ratio must be finite")
    }
}

impl From<Ratio> for f64 {
    fn from(ratio: Ratio) -> Self {
        ratio.0
    }
}
