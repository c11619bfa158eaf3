//! What every experiment pools over its seeds.

use std::time::Duration;

use crate::{
    report::{PerSeed, Ratio},
    stats::{Histogram, Percentile},
    unit::nanos,
};

/// The outcomes of all seeds.
pub(in crate::experiment) struct Pool<'a, O>(pub(in crate::experiment) &'a [(u64, O)]);

impl<O> Pool<'_, O> {
    pub(in crate::experiment) fn sum(&self, of: impl Fn(&O) -> u64) -> u64 {
        self.0.iter().map(|(_, outcome)| of(outcome)).sum()
    }

    pub(in crate::experiment) fn merge(&self, of: impl Fn(&O) -> &Histogram) -> Histogram {
        let mut all = Histogram::new();
        self.0.iter().for_each(|(_, outcome)| all.merge(of(outcome)));
        all
    }
}

/// The median in round trips of the link, to hundredths: percentiles have three digits.
pub(in crate::experiment) fn round_trips(times: &Histogram, round_trip: Duration) -> Option<Ratio> {
    let trips = times.percentile(Percentile::P50)? as f64 / nanos(round_trip) as f64;
    Ratio::new(libm::round(trips * 100.0) / 100.0)
}

/// The row of one seed, for experiments that do not measure single messages.
pub(in crate::experiment) fn per_seed(seed: u64, times: &Histogram, failed_ratio: Option<Ratio>) -> PerSeed {
    PerSeed {
        seed,
        p50_ns: times.percentile(Percentile::P50),
        p99_ns: times.percentile(Percentile::P99),
        loss_ratio: failed_ratio,
        delayed_ratio: None,
        blocked_ratio: None,
    }
}
