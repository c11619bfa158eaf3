//! Differences between cells.

use serde::{Deserialize, Serialize};

use super::ratio::Ratio;
use crate::stats::Difference;

/// The difference of a statistic between two cells, `a` minus `b`, over the same seeds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Paired {
    /// Index into the cells.
    pub a: usize,
    /// Index into the cells.
    pub b: usize,
    /// The statistic.
    pub metric: Metric,
    /// `a` minus `b`, in the metric's unit.
    pub difference: Amount,
    /// 95% confidence interval; null with fewer than two seeds.
    pub ci95: Option<[Amount; 2]>,
}

impl Paired {
    /// A difference in the metric's unit; none if it is not finite.
    pub fn new(a: usize, b: usize, metric: Metric, seen: Difference) -> Option<Self> {
        let ci95 = match seen.ci95 {
            Some([low, high]) => Some([metric.amount(low)?, metric.amount(high)?]),
            None => None,
        };
        Some(Self { a, b, metric, difference: metric.amount(seen.difference)?, ci95 })
    }
}

/// A statistic that cells are compared by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// Mean latency.
    MeanNs,
    /// Median latency.
    P50Ns,
    /// 99th percentile of the latency.
    P99Ns,
    /// Share lost.
    LossRatio,
    /// Share within the deadline.
    OnTimeRatio,
    /// Share delayed.
    DelayedRatio,
    /// Share blocked.
    BlockedRatio,
}

impl Metric {
    fn amount(self, value: f64) -> Option<Amount> {
        match self {
            Self::MeanNs | Self::P50Ns | Self::P99Ns => {
                value.is_finite().then(|| Amount::Nanos(libm::round(value) as i64))
            }
            Self::LossRatio | Self::OnTimeRatio | Self::DelayedRatio | Self::BlockedRatio => {
                Ratio::new(value).map(Amount::Ratio)
            }
        }
    }
}

/// A difference, in the unit of its metric.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Amount {
    /// A difference of times.
    Nanos(i64),
    /// A difference of shares.
    Ratio(Ratio),
}
