//! The form in which a histogram is saved: the exact figures and the buckets that are not empty.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::histogram::{Histogram, MAX_VALUE, no_counts};

/// A histogram with values. An empty one is saved as null.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    n: u64,
    min: u64,
    max: u64,
    sum: u128,
    sum_of_squares: u128,
    /// The lowest value of each bucket and its count, in ascending order.
    buckets: Vec<(u64, u64)>,
}

/// With more values than this, sums of squares could exceed 128 bits.
const MAX_N: u64 = u32::MAX as u64;

impl Serialize for Histogram {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let stored = self.counts.as_ref().map(|counts| Stored {
            n: self.n,
            min: self.min,
            max: self.max,
            sum: self.sum,
            sum_of_squares: self.sum_of_squares,
            buckets: counts
                .iter_recorded()
                .map(|step| (counts.lowest_equivalent(step.value_iterated_to()), step.count_at_value()))
                .collect(),
        });
        stored.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Histogram {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let stored = Option::<Stored>::deserialize(deserializer)?;
        stored.map_or_else(|| Ok(Self::new()), |stored| stored.restore().map_err(de::Error::custom))
    }
}

impl Stored {
    fn restore(self) -> Result<Histogram, &'static str> {
        self.check()?;
        let Self { n, min, max, sum, sum_of_squares, ref buckets } = self;
        let mut counts = no_counts();
        for &(value, count) in buckets {
            counts.record_n(value, count).map_err(|_| "a bucket of a histogram is out of range")?;
        }
        let is_within = |value, bucket: Option<&(u64, u64)>| {
            bucket.is_some_and(|&(lowest, _)| counts.equivalent(value, lowest))
        };
        match is_within(min, buckets.first()) && is_within(max, buckets.last()) {
            true => Ok(Histogram { counts: Some(counts), n, min, max, sum, sum_of_squares }),
            false => Err("the extremes of a histogram are not in its buckets"),
        }
    }

    /// Rejects figures that no set of values can have, so that later sums cannot overflow.
    fn check(&self) -> Result<(), &'static str> {
        let Self { n, min, max, sum, sum_of_squares, ref buckets } = *self;
        if n == 0 || n > MAX_N || max > MAX_VALUE || min > max {
            return Err("the count or the extremes of a histogram are out of range");
        }
        let is_ascending = buckets.windows(2).all(|pair| pair[0].0 < pair[1].0);
        let is_filled = buckets.iter().all(|&(value, count)| value <= MAX_VALUE && count > 0);
        let counted = buckets.iter().try_fold(0u64, |all, &(_, count)| all.checked_add(count));
        if !is_ascending || !is_filled || counted != Some(n) {
            return Err("the buckets of a histogram do not add up");
        }
        let (n, least, most) = (u128::from(n), u128::from(min), u128::from(max));
        // The sum of squares is least if all values are equal.
        let (mean, rest) = (sum / n, sum % n);
        let is_possible = (n * least..=n * most).contains(&sum)
            && (mean * (mean * n + 2 * rest)..=n * most * most).contains(&sum_of_squares);
        if is_possible { Ok(()) } else { Err("the sums of a histogram do not fit its values") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn saved(histogram: &Histogram) -> String {
        serde_json::to_string(histogram).unwrap()
    }

    #[test]
    fn a_restored_histogram_has_the_same_figures_and_merges_in_the_same_way() {
        let values = [[0, 1, 1000, 50_003_917, 50_003_917], [7, 1 << 40, MAX_VALUE, 3, 123_456_789]];
        let [one, other] = values.map(|values| values.into_iter().collect::<Histogram>());
        let empty = Histogram::new();
        let restored = |histogram| serde_json::from_str::<Histogram>(&saved(histogram)).unwrap();
        for histogram in [&one, &other, &empty] {
            let back = restored(histogram);
            assert_eq!((back.summary(), back.sum()), (histogram.summary(), histogram.sum()));
            assert!(back.buckets().eq(histogram.buckets()));
            assert_eq!(saved(&back), saved(histogram));
        }
        let merge = |mut one: Histogram, other: &Histogram| {
            one.merge(other);
            saved(&one)
        };
        assert_eq!(merge(restored(&one), &restored(&other)), merge(one, &other));
        assert_eq!(saved(&empty), "null");
    }

    #[test]
    fn impossible_figures_are_rejected() {
        let good = saved(&[3u64, 5].into_iter().collect::<Histogram>());
        assert_eq!(good, r#"{"n":2,"min":3,"max":5,"sum":8,"sum_of_squares":34,"buckets":[[3,1],[5,1]]}"#);
        for (from, to) in [
            ("\"n\":2", "\"n\":3"),
            ("\"n\":2", "\"n\":0"),
            ("\"min\":3", "\"min\":4"),
            ("\"max\":5", "\"max\":281474976710656"),
            ("\"sum\":8", "\"sum\":11"),
            ("\"sum\":8", "\"sum\":340282366920938463463374607431768211455"),
            ("34", "31"),
            ("34", "340282366920938463463374607431768211455"),
            ("[3,1]", "[3,18446744073709551615]"),
            ("[[3,1],[5,1]]", "[[5,1],[3,1]]"),
            ("[[3,1],[5,1]]", "[]"),
        ] {
            let bad = good.replace(from, to);
            assert_ne!(bad, good);
            assert!(serde_json::from_str::<Histogram>(&bad).is_err(), "{bad}");
        }
    }
}
