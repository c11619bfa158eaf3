//! Means over seeds and their confidence intervals.

use super::model::{PerSeed, Ratio};
use crate::stats::{Pooled, ci95};

/// A figure and its 95% confidence interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Spread {
    pub(crate) value: f64,
    pub(crate) ci95: Option<[f64; 2]>,
}

/// A figure of a cell, with the interval of the mean over its seeds.
pub(crate) fn seeds(value: f64, seeds: &[PerSeed], read: impl Fn(&PerSeed) -> Option<Ratio>) -> Spread {
    let values: Vec<f64> = seeds.iter().filter_map(|seed| Some(read(seed)?.get())).collect();
    Spread { value, ci95: ci95(&Mean(values)) }
}

/// The mean over seeds.
pub(crate) struct Mean(pub(crate) Vec<f64>);

impl Mean {
    /// The mean; `None` without seeds.
    pub(crate) fn mean(&self) -> Option<f64> {
        self.value(&vec![1; self.0.len()])
    }
}

impl Pooled for Mean {
    fn seeds(&self) -> usize {
        self.0.len()
    }

    fn value(&self, weights: &[u64]) -> Option<f64> {
        let n = weights.iter().copied().fold(0, u64::saturating_add);
        let sum: f64 = self.0.iter().zip(weights).map(|(value, weight)| value * *weight as f64).sum();
        (n > 0).then(|| sum / n as f64)
    }
}
