//! The progress bar.

use indicatif::{ProgressBar, ProgressStyle};
use wirelab::experiment::{Experiment, Request};

/// A bar over a share of all runs, or of all bytes where runs report them.
pub(super) fn bar<E: Experiment>(request: &Request<E::Plan>, share: f64) -> ProgressBar {
    let bytes = request.batches.iter().flat_map(|batch| {
        let bytes = |plan| Some(E::size(plan).bytes?.saturating_mul(batch.seeds));
        batch.plans.iter().map(bytes)
    });
    let (total, template) = match bytes.sum::<Option<u64>>() {
        Some(bytes) => (bytes, "{bar:40} {bytes}/{total_bytes}, {binary_bytes_per_sec}, {eta} left"),
        None => (request.runs(), "{bar:40} {pos}/{len} runs, {eta} left"),
    };
    let bar = ProgressBar::new((total as f64 * share) as u64);
    bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}
