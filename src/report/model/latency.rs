//! Latency and its confidence intervals.

use serde::{Deserialize, Serialize};

use crate::stats::Summary;

/// A summary of latencies, with confidence intervals from the spread between seeds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Latency {
    /// The pooled distribution, in nanoseconds.
    #[serde(flatten)]
    pub summary: Summary,
    /// 95% confidence intervals.
    pub ci95: Intervals,
}

/// 95% confidence intervals in nanoseconds, lower end first; null with fewer than two seeds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intervals {
    /// Of the mean.
    pub mean: Option<[u64; 2]>,
    /// Of the median.
    pub p50: Option<[u64; 2]>,
    /// Of the 99th percentile.
    pub p99: Option<[u64; 2]>,
}
