//! Experiments in virtual time, run and assembled as the commands do it.

use std::sync::Arc;

use wirelab::{
    experiment::{Batch, Driven, Experiment, Options, PathKind, Request, drive},
    path::StopSignal,
    report::ResultFile,
};

/// Runs `plans` with the seeds from 1 to `seeds` into a result of `command`, with the data for pictures if `pictures`
/// is set.
pub(crate) fn driven<E: Experiment>(
    experiment: &E,
    command: &str,
    plans: Vec<E::Plan>,
    seeds: u64,
    pictures: bool,
) -> Driven<E::Outcome> {
    let batch = Batch { path: PathKind::Sim, seeds, plans, servers: Vec::new() };
    let request = Request { batches: vec![batch], skipped: Vec::new() };
    let options = Options {
        first_seed: 1,
        stop: StopSignal::default(),
        progress: Arc::new(|_| ()),
        samples: None,
        pictures,
        recorder: None,
    };
    drive(experiment, &request, &options, ResultFile::new(command))
}
