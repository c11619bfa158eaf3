//! The progress bar.

use indicatif::{ProgressBar, ProgressStyle};
use wirelab::experiment::{Experiment, Request};

/// A bar over all runs or those among the jobs of a `part`, or over their bytes where runs report them.
pub(super) fn bar<E: Experiment>(request: &Request<E::Plan>, part: Option<&[usize]>) -> ProgressBar {
    let runs = request.runs_of_plans(part);
    let bytes = request.batches.iter().zip(&runs).flat_map(|(batch, runs)| {
        let bytes = |(plan, runs): (_, &u64)| Some(E::size(plan).bytes?.saturating_mul(*runs));
        batch.plans.iter().zip(runs).map(bytes)
    });
    let (total, template) = match bytes.sum::<Option<u64>>() {
        Some(bytes) => (bytes, "{bar:40} {bytes}/{total_bytes}, {binary_bytes_per_sec}, {eta} left"),
        None => (runs.iter().flatten().sum(), "{bar:40} {pos}/{len} runs, {eta} left"),
    };
    let bar = ProgressBar::new(total);
    bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}
