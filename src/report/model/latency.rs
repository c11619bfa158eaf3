//! Latency with the confidence that it deserves.

use serde::{Deserialize, Serialize};

use crate::stats::{Histogram, Percentile, Pooled, Seeds, Summary, ci95};

/// A summary of latencies with intervals from the spread between seeds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Latency {
    /// The pooled distribution, in nanoseconds.
    #[serde(flatten)]
    pub summary: Summary,
    /// 95% confidence intervals.
    pub ci95: Intervals,
}

impl Latency {
    /// Pools one histogram a seed.
    pub fn pooled(seeds: &[Histogram]) -> Self {
        let mut all = Histogram::new();
        seeds.iter().for_each(|seed| all.merge(seed));
        let seeds = Seeds::new(seeds);
        let interval =
            |statistic: &dyn Pooled| ci95(statistic).map(|ends| ends.map(|end| libm::round(end) as u64));
        Self {
            summary: all.summary(),
            ci95: Intervals {
                mean: interval(&seeds.mean()),
                p50: interval(&seeds.percentile(Percentile::P50)),
                p99: interval(&seeds.percentile(Percentile::P99)),
            },
        }
    }
}

/// 95% confidence intervals in nanoseconds, lower end first; null below two seeds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intervals {
    /// Of the mean.
    pub mean: Option<[u64; 2]>,
    /// Of the median.
    pub p50: Option<[u64; 2]>,
    /// Of the 99th percentile.
    pub p99: Option<[u64; 2]>,
}
