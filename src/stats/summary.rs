//! The summary of a distribution in a result.

use serde::{Deserialize, Serialize};

/// A percentile, in thousandths so that its rank is exact for any count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Percentile(u16);

impl Percentile {
    /// The median.
    pub const P50: Self = Self(500);
    /// The 90th percentile.
    pub const P90: Self = Self(900);
    /// The 99th percentile.
    pub const P99: Self = Self(990);
    /// The 99.9th percentile.
    pub const P999: Self = Self(999);

    /// The percentile with `thousandths` of the values at or below it, capped at 1000.
    pub const fn from_thousandths(thousandths: u16) -> Self {
        Self(if thousandths > 1000 { 1000 } else { thousandths })
    }

    /// The nearest rank among `n` values, from 1 to `n`.
    pub(crate) fn rank(self, n: u64) -> u64 {
        let rank = (u128::from(n) * u128::from(self.0)).div_ceil(1000);
        u64::try_from(rank).unwrap_or(n).clamp(1, n.max(1))
    }
}

/// Nine numbers that summarize a distribution, in the unit of its values: nanoseconds, unless the name of the field
/// says otherwise. All but `n` are null if there are no values.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Number of values.
    pub n: u64,
    /// The smallest value, exact.
    pub min: Option<u64>,
    /// The exact mean, rounded to the nearest integer.
    pub mean: Option<u64>,
    /// The sample standard deviation; null with fewer than two values.
    pub stddev: Option<u64>,
    /// The median by nearest rank, to three significant digits, as for all percentiles.
    pub p50: Option<u64>,
    /// The 90th percentile.
    pub p90: Option<u64>,
    /// The 99th percentile.
    pub p99: Option<u64>,
    /// The 99.9th percentile.
    pub p999: Option<u64>,
    /// The largest value, exact.
    pub max: Option<u64>,
}
