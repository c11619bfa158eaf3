//! Percentiles, moments and merging.

use proptest::prelude::*;
use wirelab::stats::{Histogram, MAX_VALUE, Percentile, Summary};

fn nearest_rank(sorted: &[u64], thousandths: usize) -> u64 {
    sorted[(sorted.len() * thousandths).div_ceil(1000).max(1) - 1]
}

/// Latencies from a nanosecond to an hour, dense at every magnitude.
fn values() -> impl Strategy<Value = Vec<u64>> {
    let value = (0u32..42).prop_flat_map(|bits| 0..=(1u64 << bits));
    prop::collection::vec(value, 1..400)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn percentiles_are_within_a_thousandth_of_the_exact_ones(mut values in values()) {
        let histogram: Histogram = values.iter().copied().collect();
        values.sort_unstable();
        for thousandths in [0, 1, 250, 500, 900, 990, 999, 1000] {
            let exact = nearest_rank(&values, thousandths.into());
            let seen = histogram
                .percentile(Percentile::from_thousandths(thousandths))
                .unwrap();
            prop_assert!(seen.abs_diff(exact) as f64 <= exact as f64 * 1e-3);
            prop_assert!(values[0] <= seen && seen <= values[values.len() - 1]);
        }
    }

    #[test]
    fn moments_are_those_of_the_values(values in values()) {
        let summary = values.iter().copied().collect::<Histogram>().summary();
        let n = values.len() as f64;
        let mean = values.iter().sum::<u64>() as f64 / n;
        prop_assert_eq!(summary.n, values.len() as u64);
        prop_assert_eq!(summary.min, values.iter().min().copied());
        prop_assert_eq!(summary.max, values.iter().max().copied());
        prop_assert!((summary.mean.unwrap() as f64 - mean).abs() <= 0.5 + mean * 1e-12);
        if values.len() > 1 {
            let squares: f64 = values.iter().map(|&v| (v as f64 - mean).powi(2)).sum();
            let stddev = (squares / (n - 1.0)).sqrt();
            prop_assert!((summary.stddev.unwrap() as f64 - stddev).abs() <= 1.0 + stddev * 1e-9);
        }
    }

    #[test]
    fn merging_is_associative_commutative_and_recording_it_all(
        a in values(), b in values(), c in values()
    ) {
        let of = |values: &[u64]| values.iter().copied().collect::<Histogram>();
        let merged = |mut left: Histogram, right: &Histogram| { left.merge(right); left };
        let left = merged(merged(of(&a), &of(&b)), &of(&c));
        let right = merged(of(&a), &merged(of(&b), &of(&c)));
        let turned = merged(merged(of(&c), &of(&b)), &of(&a));
        prop_assert_eq!(&left, &right);
        prop_assert_eq!(left.summary(), turned.summary());
        prop_assert_eq!(left.summary(), of(&[a, b, c].concat()).summary());
    }
}

#[test]
fn nothing_recorded_has_no_figures() {
    assert_eq!(Histogram::new().summary(), Summary::default());
}

#[test]
fn one_value_is_its_own_percentiles_and_has_no_deviation() {
    let summary = [50_000_123].into_iter().collect::<Histogram>().summary();
    assert_eq!(summary.p50, Some(50_000_123));
    assert_eq!(summary.p999, Some(50_000_123));
    assert_eq!(summary.stddev, None);
}

#[test]
fn values_beyond_the_greatest_do_not_overflow() {
    let histogram: Histogram = std::iter::repeat_n(u64::MAX, 1000).collect();
    let summary = histogram.summary();
    assert_eq!(summary.max, Some(MAX_VALUE));
    assert_eq!(summary.mean, Some(MAX_VALUE));
    assert_eq!(summary.stddev, Some(0));
}
