//! A histogram in bounded memory.

use super::summary::{Percentile, Summary};

/// The largest value recorded as itself: 2^48 - 1, or 78 hours in nanoseconds.
///
/// With this bound the sum of squares of 2^32 values fits into 128 bits.
pub const MAX_VALUE: u64 = (1 << 48) - 1;

/// Buckets have a relative width of 10^-3.
const SIGNIFICANT_DIGITS: u8 = 3;

/// A histogram of non-negative integers, usually nanoseconds, with three significant digits. The count, the extremes,
/// the sum and the sum of squares are exact.
///
/// Its memory depends on the largest value, not on the number of values, and is at most 0.3 MB.
#[derive(Debug, Clone, PartialEq)]
pub struct Histogram {
    /// `None` while empty: many histograms of a run remain empty, and the counts take 16 KB.
    pub(super) counts: Option<hdrhistogram::Histogram<u64>>,
    pub(super) n: u64,
    pub(super) min: u64,
    pub(super) max: u64,
    pub(super) sum: u128,
    pub(super) sum_of_squares: u128,
}

impl Default for Histogram {
    fn default() -> Self {
        Self::new()
    }
}

/// The counts of a histogram without values.
pub(super) fn no_counts() -> hdrhistogram::Histogram<u64> {
    hdrhistogram::Histogram::new(SIGNIFICANT_DIGITS).expect("hdrhistogram takes from 0 to 5 digits")
}

impl Histogram {
    /// An empty histogram.
    pub const fn new() -> Self {
        Self { counts: None, n: 0, min: u64::MAX, max: 0, sum: 0, sum_of_squares: 0 }
    }

    /// Records `value`, capped at [`MAX_VALUE`].
    pub fn record(&mut self, value: u64) {
        let value = value.min(MAX_VALUE);
        let counts = self.counts.get_or_insert_with(no_counts);
        counts.record(value).expect("the histogram grows to hold any value");
        self.n += 1;
        self.min = self.min.min(value);
        self.max = self.max.max(value);
        self.sum += u128::from(value);
        self.sum_of_squares += u128::from(value) * u128::from(value);
    }

    /// Adds all values of `other`.
    pub fn merge(&mut self, other: &Self) {
        match (&mut self.counts, &other.counts) {
            (Some(counts), Some(more)) => counts.add(more).expect("the histogram grows to hold any value"),
            (None, Some(more)) => self.counts = Some(more.clone()),
            (_, None) => {}
        }
        self.n += other.n;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        self.sum += other.sum;
        self.sum_of_squares += other.sum_of_squares;
    }

    /// Number of values.
    pub const fn n(&self) -> u64 {
        self.n
    }

    /// The exact sum of all values.
    pub const fn sum(&self) -> u128 {
        self.sum
    }

    /// The smallest value; `None` if empty.
    pub fn min(&self) -> Option<u64> {
        (self.n > 0).then_some(self.min)
    }

    /// The largest value; `None` if empty.
    pub fn max(&self) -> Option<u64> {
        (self.n > 0).then_some(self.max)
    }

    /// The mean, from the exact sum and rounded to the nearest integer.
    pub fn mean(&self) -> Option<u64> {
        let n = u128::from(self.n);
        (n > 0).then(|| u64::try_from((self.sum + n / 2) / n).unwrap_or(MAX_VALUE))
    }

    /// The sample standard deviation, rounded to the nearest integer; `None` with fewer than two values.
    pub fn stddev(&self) -> Option<u64> {
        if self.n < 2 {
            return None;
        }
        // Sums squares about the integer part q of the mean: sum((x-q)^2) = sum(x^2) - q(qn + 2r). These terms fit into
        // 128 bits, whereas n sum(x^2) would overflow.
        let n = u128::from(self.n);
        let (q, r) = (self.sum / n, self.sum % n);
        let about_q = self.sum_of_squares - q * (q * n + 2 * r);
        let about_mean = about_q as f64 - (r as f64) * (r as f64) / n as f64;
        let variance = about_mean.max(0.0) / (n - 1) as f64;
        Some(libm::round(libm::sqrt(variance)) as u64)
    }

    /// The percentile by nearest rank, within 0.05% of the exact value and within the extremes.
    pub fn percentile(&self, percentile: Percentile) -> Option<u64> {
        let [value] = self.percentiles([percentile]);
        value
    }

    /// Percentiles in ascending order, in one pass over the buckets.
    fn percentiles<const N: usize>(&self, ascending: [Percentile; N]) -> [Option<u64>; N] {
        let mut buckets = self.buckets();
        let (mut value, mut up_to) = (None, 0);
        ascending.map(|percentile| {
            let rank = percentile.rank(self.n);
            while up_to < rank
                && let Some((middle, count)) = buckets.next()
            {
                value = Some(middle.clamp(self.min, self.max));
                up_to += count;
            }
            value
        })
    }

    /// Summarizes the distribution.
    pub fn summary(&self) -> Summary {
        let [p50, p90, p99, p999] =
            self.percentiles([Percentile::P50, Percentile::P90, Percentile::P99, Percentile::P999]);
        Summary {
            n: self.n,
            min: self.min(),
            mean: self.mean(),
            stddev: self.stddev(),
            p50,
            p90,
            p99,
            p999,
            max: self.max(),
        }
    }

    /// The nonempty buckets in ascending order: (middle of the bucket, count).
    pub(crate) fn buckets(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.counts.iter().flat_map(|counts| {
            counts.iter_recorded().map(|step| {
                let middle = counts.median_equivalent(step.value_iterated_to());
                (middle, step.count_at_value())
            })
        })
    }
}

impl Extend<u64> for Histogram {
    fn extend<I: IntoIterator<Item = u64>>(&mut self, values: I) {
        values.into_iter().for_each(|value| self.record(value));
    }
}

impl FromIterator<u64> for Histogram {
    fn from_iter<I: IntoIterator<Item = u64>>(values: I) -> Self {
        let mut histogram = Self::new();
        histogram.extend(values);
        histogram
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn no_value_makes_it_grow_beyond_its_bound() {
        let histogram: super::Histogram = std::iter::repeat_n(u64::MAX, 1000).collect();
        assert!(histogram.counts.unwrap().len() < 45_000);
    }
}
