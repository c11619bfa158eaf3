//! Quotients as they stand in a result.

use serde::{Deserialize, Serialize};

/// A quotient, finite and rounded to six decimals, so that the same run writes the same bytes.
///
/// A quotient without a denominator does not exist: it is `None`, and null in the file.
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
        // Adding zero turns -0 into 0, which is written differently.
        let rounded = libm::round(value * 1e6) / 1e6 + 0.0;
        rounded.is_finite().then_some(Self(rounded))
    }

    /// The rounded quotient.
    pub const fn get(self) -> f64 {
        self.0
    }
}

impl TryFrom<f64> for Ratio {
    type Error = &'static str;

    /// Rounds again: reading a decimal may miss the nearest double by one step.
    fn try_from(value: f64) -> Result<Self, Self::Error> {
        Self::new(value).ok_or("a ratio must be finite")
    }
}

impl From<Ratio> for f64 {
    fn from(ratio: Ratio) -> Self {
        ratio.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn without_a_denominator_there_is_no_ratio() {
        assert_eq!(Ratio::of(0, 0), None);
        assert_eq!(Ratio::of(1, 0), None);
        assert_eq!(Ratio::new(f64::NAN), None);
    }

    #[test]
    fn six_decimals_are_written_and_zero_has_one_sign() {
        assert_eq!(serde_json::to_string(&Ratio::of(1, 3)).unwrap(), "0.333333");
        assert_eq!(serde_json::to_string(&Ratio::new(-1e-9)).unwrap(), "0.0");
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back_to_the_same_bytes(a in 0u64..1 << 40, b in 1u64..1 << 40) {
            let written = serde_json::to_string(&Ratio::of(a, b)).unwrap();
            let read: Option<Ratio> = serde_json::from_str(&written).unwrap();
            prop_assert_eq!(serde_json::to_string(&read).unwrap(), written);
        }
    }
}
