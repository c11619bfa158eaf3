//! Runs some jobs of a request, and makes the result of the whole from the records of all jobs.

use std::cell::OnceCell;

use super::{Driven, Experiment, Options, Running};
use crate::{
    experiment::{
        error::RunError,
        matrix::{Runs, run_jobs, seed_of},
        part::{Made, Record},
        request::Request,
        sample_file::JobIndex,
    },
    report::ResultFile,
};

/// Runs some `jobs` of a request, counted over all its batches and in ascending order. With `keeps_samples`, the
/// records have the rows of their samples. Returns fewer records than jobs if the run was ended from outside.
pub fn drive_jobs<E: Experiment>(
    experiment: &E,
    request: &Request<E::Plan>,
    options: &Options<'_>,
    jobs: &[usize],
    keeps_samples: bool,
) -> Vec<Record<E::Outcome>> {
    let mut records = Vec::new();
    let mut rest = jobs;
    for (first, batch) in request.with_first_jobs() {
        let end = first.job + usize::try_from(batch.runs()).unwrap_or(usize::MAX);
        let (own, later) = rest.split_at(rest.partition_point(|job| *job < end));
        rest = later;
        let running = Running::new(experiment, batch, first, options);
        let finished = run_jobs(own.len(), batch.parallel(), &options.stop, |index| {
            let rows = OnceCell::new();
            let outcome = running.run(own[index] - first.job, keeps_samples.then_some(&rows));
            match outcome {
                Ok(outcome) if E::was_interrupted(&outcome) => Err(RunError::Interrupted),
                outcome => outcome.map(|outcome| (outcome, rows.into_inner())),
            }
        });
        records.extend(finished.into_iter().map(|(index, result)| {
            let (made, samples) = match result {
                Ok((outcome, rows)) => (Made::Outcome(outcome), rows),
                Err(error) => (Made::Failure(error.to_string()), None),
            };
            Record { job: own[index] as u64, made, samples }
        }));
    }
    records
}

/// Makes the result of `request` from the records of all its jobs, in the order of the jobs, and adds it to `file`. If
/// `file` names the machine that made the runs, the result has the same bytes as that of [`drive`](super::drive).
pub fn assemble<E: Experiment>(
    request: &Request<E::Plan>,
    options: &Options<'_>,
    records: impl IntoIterator<Item = Record<E::Outcome>>,
    mut file: ResultFile,
) -> Driven<E::Outcome> {
    file.skipped.extend(request.skipped.iter().cloned());
    let mut records = records.into_iter();
    let mut all = Vec::new();
    for (first, batch) in request.with_first_jobs() {
        let seeds = usize::try_from(batch.seeds).unwrap_or(usize::MAX);
        let mut runs: Vec<Runs<E::Outcome>> = batch.plans.iter().map(|_| Runs::default()).collect();
        for (job, Record { made, samples, .. }) in
            records.by_ref().take(runs.len().saturating_mul(seeds)).enumerate()
        {
            let index = JobIndex { job: first.job + job, plan: first.plan + job / seeds };
            let reservation = options.samples.map(|file| file.reserve(index));
            if let (Made::Outcome(_), Some(reservation), Some(rows)) = (&made, reservation, samples) {
                reservation.write(rows);
            }
            let result = match made {
                Made::Outcome(outcome) => Ok(outcome),
                Made::Failure(reason) => Err(RunError::Elsewhere(reason)),
            };
            runs[job / seeds].add(seed_of(options.first_seed, job % seeds), result);
        }
        all.push(runs);
    }
    Driven::new::<E>(request, all, options.pictures, file)
}
