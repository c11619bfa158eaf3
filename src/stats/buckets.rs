//! The buckets of a histogram: one for each value below 2,048, and 1,024 for each power of two above.

/// Buckets for each power of two.
const PER_POWER: usize = 1 << PER_POWER_BITS;
const PER_POWER_BITS: u32 = 10;

/// How many values fell into each bucket. Its memory depends on the largest value.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Buckets(Vec<u64>);

impl Buckets {
    pub(super) const fn new() -> Self {
        Self(Vec::new())
    }

    /// Counts `value` `count` times.
    #[inline]
    pub(super) fn add(&mut self, value: u64, count: u64) {
        let index = index(value);
        if index >= self.0.len() {
            self.grow(index);
        }
        self.0[index] += count;
    }

    /// Adds all counts of `other`.
    pub(super) fn merge(&mut self, other: &Self) {
        if self.0.len() < other.0.len() {
            self.0.resize(other.0.len(), 0);
        }
        self.0.iter_mut().zip(&other.0).for_each(|(sum, count)| *sum += count);
    }

    /// The buckets that are not empty, in ascending order, and their counts.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Bucket, u64)> + '_ {
        let filled = self.0.iter().enumerate().filter(|(_, count)| **count > 0);
        filled.map(|(index, count)| (Bucket(index), *count))
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Makes room for the bucket at `index`, and for all of its power of two.
    #[cold]
    fn grow(&mut self, index: usize) {
        self.0.resize((index / PER_POWER + 1) * PER_POWER, 0);
    }
}

/// A bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bucket(usize);

impl Bucket {
    /// The bucket of `value`.
    pub(super) fn of(value: u64) -> Self {
        Self(index(value))
    }

    /// Its lowest value.
    pub(super) fn lowest(self) -> u64 {
        let shift = self.shift();
        ((self.0 - (shift << PER_POWER_BITS)) as u64) << shift
    }

    /// The value in its middle.
    pub(super) fn middle(self) -> u64 {
        self.lowest() + (1 << self.shift()) / 2
    }

    /// The power of two that is its width.
    fn shift(self) -> usize {
        (self.0 / PER_POWER).saturating_sub(1)
    }
}

/// The index of the bucket of `value`: the value itself, or that of its highest bits behind the buckets below.
#[inline]
fn index(value: u64) -> usize {
    let shift = (u64::BITS - PER_POWER_BITS - 1).saturating_sub(value.leading_zeros());
    ((shift as usize) << PER_POWER_BITS) + (value >> shift) as usize
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn small_values_have_a_bucket_each_and_later_ones_follow_without_a_gap() {
        for value in 0..4096 {
            let wanted = if value < 2048 { value } else { value & !1 };
            assert_eq!(Bucket::of(value).lowest(), wanted);
        }
        for power in 11..64 {
            let first = Bucket::of(1 << power);
            assert_eq!((first.0, first.lowest()), (Bucket::of((1 << power) - 1).0 + 1, 1 << power));
        }
    }

    proptest! {
        #[test]
        fn a_value_is_within_a_thousandth_of_the_middle_of_its_bucket(value: u64) {
            let bucket = Bucket::of(value);
            prop_assert!(bucket.lowest() <= value);
            prop_assert!(bucket.middle().abs_diff(value) <= value / 1000);
            prop_assert_eq!(Bucket::of(bucket.lowest()), bucket);
            prop_assert_eq!(Bucket::of(bucket.middle()), bucket);
        }
    }
}
