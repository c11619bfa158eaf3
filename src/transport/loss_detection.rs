//! When QUIC and ARQ declare a packet lost.

use std::{fmt, str::FromStr};

/// The thresholds of loss detection (RFC 9002 section 6.1). A packet is declared lost when a packet is acknowledged
/// that was sent `packet_threshold` packets later. It is also declared lost when any later packet is acknowledged and
/// `time_threshold` has passed since it was sent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LossDetection {
    /// The packet threshold (section 6.1.1), at least 1.
    pub packet_threshold: u32,
    /// The time threshold (section 6.1.2).
    pub time_threshold: TimeThreshold,
}

impl Default for LossDetection {
    /// What RFC 9002 recommends.
    fn default() -> Self {
        Self { packet_threshold: 3, time_threshold: TimeThreshold::RECOMMENDED }
    }
}

/// A time threshold in round trips, at least 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TimeThreshold(f32);

impl TimeThreshold {
    /// 9/8, as RFC 9002 recommends.
    pub const RECOMMENDED: Self = Self(1.125);
    /// The largest threshold.
    const MAX: f32 = 1000.0;

    /// The threshold in round trips.
    pub const fn round_trips(self) -> f32 {
        self.0
    }
}

impl fmt::Display for TimeThreshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The text is not a time threshold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected round trips from 1 to 1000, such as 1.125 or 9/8")]
pub struct NoTimeThreshold;

impl FromStr for TimeThreshold {
    type Err = NoTimeThreshold;

    /// A number, or a fraction of two.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = |text: &str| text.parse::<f32>().ok();
        let value = match text.split_once('/') {
            Some((dividend, divisor)) => number(dividend).zip(number(divisor)).map(|(a, b)| a / b),
            None => number(text),
        };
        // NaN is in no range.
        value.filter(|value| (1.0..=Self::MAX).contains(value)).map(Self).ok_or(NoTimeThreshold)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_threshold_is_a_number_or_a_fraction_of_at_least_one() {
        for (text, value) in [("9/8", 1.125), ("1.125", 1.125), ("1", 1.0), ("1000", 1000.0), ("5/4", 1.25)] {
            assert_eq!(text.parse(), Ok(TimeThreshold(value)), "{text}");
        }
        for text in ["", "0", "-2", "0.99", "8/9", "1/0", "0/0", "NaN", "inf", "1001", "9/8/7", "2ms"] {
            assert_eq!(text.parse::<TimeThreshold>(), Err(NoTimeThreshold), "{text}");
        }
        assert_eq!(TimeThreshold::RECOMMENDED.to_string(), "1.125");
    }
}
