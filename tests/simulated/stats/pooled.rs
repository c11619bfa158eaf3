//! Statistics over the pooled messages of several seeds, with a weight for each seed.

use proptest::prelude::*;
use wirelab::stats::{Histogram, Percentile, Pooled, Ratios, Seeds};

proptest! {
    #[test]
    fn weighting_seeds_is_merging_their_histograms_that_often(
        seeds in prop::collection::vec(
            (prop::collection::vec(0u64..2_000_000_000, 0..60), 0u64..4), 1..8)
    ) {
        let histograms: Vec<Histogram> =
            seeds.iter().map(|(values, _)| values.iter().copied().collect()).collect();
        let weights: Vec<u64> = seeds.iter().map(|&(_, weight)| weight).collect();
        let mut merged = Histogram::new();
        for (histogram, &weight) in histograms.iter().zip(&weights) {
            (0..weight).for_each(|_| merged.merge(histogram));
        }
        let pool = Seeds::new(&histograms);
        let mean = pool.mean().value(&weights).map(|mean| mean.round() as u64);
        prop_assert_eq!(mean, merged.mean());
        for percentile in [Percentile::P50, Percentile::P99] {
            let seen = pool.percentile(percentile).value(&weights);
            // The clamp is to the extremes of all seeds, those of weight 0 included.
            let exact = merged.percentile(percentile).map(|exact| exact as f64);
            match (seen, exact) {
                (Some(seen), Some(exact)) =>
                    prop_assert!((seen - exact).abs() <= 1e-3 * exact),
                (seen, exact) => prop_assert_eq!(seen, exact),
            }
        }
    }
}

#[test]
fn a_ratio_pools_counts_and_has_no_value_without_a_denominator() {
    let ratios = Ratios::new(vec![(1, 10), (0, 90), (0, 0)]);
    assert_eq!(ratios.value(&[1, 1, 1]), Some(0.01));
    assert_eq!(ratios.value(&[2, 0, 1]), Some(0.1));
    assert_eq!(ratios.value(&[0, 0, 3]), None);
}

#[test]
fn no_seeds_or_empty_seeds_have_no_value() {
    assert_eq!(Seeds::new(&[]).mean().value(&[]), None);
    let empty = Seeds::new(&[Histogram::new(), Histogram::new()]);
    assert_eq!(empty.percentile(Percentile::P99).value(&[1, 1]), None);
}
