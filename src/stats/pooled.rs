//! Statistics over the pooled messages of several seeds, with a weight for each seed.

use super::{histogram::Histogram, summary::Percentile};

/// A statistic over pooled seeds.
///
/// The weight of a seed is 1 for the estimate itself. For a resample it is the number of times that the seed was drawn.
pub trait Pooled {
    /// Number of seeds.
    fn seeds(&self) -> usize;

    /// The statistic with seed `i` counted `weights[i]` times; `None` if the denominator is zero.
    fn value(&self, weights: &[u64]) -> Option<f64>;
}

/// Histograms of one quantity, one per seed, in a layout for weighted statistics.
///
/// Counts are cumulative over the buckets, so the bucket of a rank is found by binary search. A percentile costs
/// `seeds x log2(buckets)`.
#[derive(Debug, Clone)]
pub struct Seeds {
    /// The middles of all buckets used by any seed, in ascending order.
    values: Vec<u64>,
    /// For each bucket and seed, the number of values up to and including the bucket.
    cumulative: Vec<u64>,
    n: Vec<u64>,
    sums: Vec<u128>,
    min: u64,
    max: u64,
}

impl Seeds {
    /// Pools one histogram per seed.
    pub fn new(histograms: &[Histogram]) -> Self {
        let seeds = histograms.len();
        let mut values: Vec<u64> =
            histograms.iter().flat_map(|histogram| histogram.buckets().map(|(value, _)| value)).collect();
        values.sort_unstable();
        values.dedup();

        let mut cumulative = vec![0; values.len() * seeds];
        for (seed, histogram) in histograms.iter().enumerate() {
            let mut buckets = histogram.buckets().peekable();
            let mut below = 0;
            for (row, value) in values.iter().enumerate() {
                if let Some((_, count)) = buckets.next_if(|(bucket, _)| bucket == value) {
                    below += count;
                }
                cumulative[row * seeds + seed] = below;
            }
        }
        Self {
            values,
            cumulative,
            n: histograms.iter().map(Histogram::n).collect(),
            sums: histograms.iter().map(Histogram::sum).collect(),
            min: histograms.iter().filter_map(Histogram::min).min().unwrap_or(0),
            max: histograms.iter().filter_map(Histogram::max).max().unwrap_or(0),
        }
    }

    /// The pooled mean.
    pub fn mean(&self) -> PooledMean<'_> {
        PooledMean(self)
    }

    /// A pooled percentile.
    pub fn percentile(&self, percentile: Percentile) -> PooledPercentile<'_> {
        PooledPercentile(self, percentile)
    }

    fn count(&self, weights: &[u64]) -> u64 {
        dot(&self.n, weights)
    }
}

/// The mean over all messages of the seeds.
#[derive(Debug, Clone, Copy)]
pub struct PooledMean<'a>(&'a Seeds);

impl Pooled for PooledMean<'_> {
    fn seeds(&self) -> usize {
        self.0.n.len()
    }

    fn value(&self, weights: &[u64]) -> Option<f64> {
        let count = self.0.count(weights);
        let sum: u128 = self.0.sums.iter().zip(weights).map(|(sum, &weight)| sum * u128::from(weight)).sum();
        (count > 0).then(|| sum as f64 / count as f64)
    }
}

/// A percentile over all messages of the seeds, by nearest rank.
#[derive(Debug, Clone, Copy)]
pub struct PooledPercentile<'a>(&'a Seeds, Percentile);

impl Pooled for PooledPercentile<'_> {
    fn seeds(&self) -> usize {
        self.0.n.len()
    }

    fn value(&self, weights: &[u64]) -> Option<f64> {
        let Self(seeds, percentile) = self;
        let count = seeds.count(weights);
        if count == 0 {
            return None;
        }
        let rank = percentile.rank(count);
        let width = seeds.n.len();
        let up_to = |row: usize| dot(&seeds.cumulative[row * width..][..width], weights);
        let (mut low, mut high) = (0, seeds.values.len() - 1);
        while low < high {
            let middle = low.midpoint(high);
            if up_to(middle) < rank {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Some(seeds.values[low].clamp(seeds.min, seeds.max) as f64)
    }
}

/// A ratio of counts, one pair per seed. The pooled ratio is the sum of the numerators over the sum of the
/// denominators.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ratios(Vec<(u64, u64)>);

impl Ratios {
    /// Pools one (numerator, denominator) pair per seed.
    pub const fn new(counts: Vec<(u64, u64)>) -> Self {
        Self(counts)
    }
}

impl Pooled for Ratios {
    fn seeds(&self) -> usize {
        self.0.len()
    }

    fn value(&self, weights: &[u64]) -> Option<f64> {
        let (numerator, denominator) = self.0.iter().zip(weights).fold(
            (0u128, 0u128),
            |(above, below), (&(numerator, denominator), &weight)| {
                let weight = u128::from(weight);
                (above + weight * u128::from(numerator), below + weight * u128::from(denominator))
            },
        );
        (denominator > 0).then(|| numerator as f64 / denominator as f64)
    }
}

/// One value per seed. The pooled value is their mean.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Means(Vec<f64>);

impl Means {
    /// Pools one value per seed.
    pub const fn new(values: Vec<f64>) -> Self {
        Self(values)
    }
}

impl Pooled for Means {
    fn seeds(&self) -> usize {
        self.0.len()
    }

    fn value(&self, weights: &[u64]) -> Option<f64> {
        let count: u64 = weights.iter().sum();
        let sum: f64 = self.0.iter().zip(weights).map(|(value, &weight)| value * weight as f64).sum();
        (count > 0).then(|| sum / count as f64)
    }
}

fn dot(counts: &[u64], weights: &[u64]) -> u64 {
    counts.iter().zip(weights).map(|(c, w)| c * w).sum()
}
