//! Many runs on several threads: plans times seeds.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use super::error::RunError;
use crate::{path::StopSignal, unit::Mutex};

/// The outcomes of one plan, in the order of their seeds.
#[derive(Debug)]
pub struct Runs<O> {
    /// Outcomes by seed. Seeds that were not run are missing.
    pub outcomes: Vec<(u64, O)>,
    /// Seeds whose run could not be made, and why.
    pub failures: Vec<(u64, RunError)>,
}

impl<O> Default for Runs<O> {
    fn default() -> Self {
        Self { outcomes: Vec::new(), failures: Vec::new() }
    }
}

impl<O> Runs<O> {
    /// How many seeds were run.
    pub(crate) fn done(&self) -> u64 {
        (self.outcomes.len() + self.failures.len()) as u64
    }

    /// The runs that were made, with one part of each outcome.
    pub(super) fn select<T: Clone>(&self, part: impl Fn(&O) -> &T) -> Runs<T> {
        let outcomes = self.outcomes.iter().map(|(seed, outcome)| (*seed, part(outcome).clone())).collect();
        Runs { outcomes, failures: Vec::new() }
    }

    /// Adds the run with the next seed.
    pub(super) fn add(&mut self, seed: u64, result: Result<O, RunError>) {
        match result {
            Ok(outcome) => self.outcomes.push((seed, outcome)),
            Err(error) => self.failures.push((seed, error)),
        }
    }
}

/// How a matrix is run.
#[derive(Debug, Clone, Copy)]
pub struct MatrixOptions<'a> {
    /// The first seed.
    pub first_seed: u64,
    /// How many seeds.
    pub seeds: u64,
    /// How many runs may go on at once. Runs in real time disturb each other: use one.
    pub threads: usize,
    /// Set from outside to end early with what is done.
    pub stop: &'a StopSignal,
}

/// Runs every plan with every seed. `run` gets the number of its job, its plan and its seed: jobs are the plans in
/// order, each with its seeds in order, and are started in that order. The result does not depend on the number of
/// threads. A run that fails with [`RunError::Interrupted`] counts as not made.
pub fn run_matrix<P: Sync, O: Send>(
    plans: &[P],
    options: MatrixOptions<'_>,
    run: impl Fn(usize, &P, u64) -> Result<O, RunError> + Sync,
) -> Vec<Runs<O>> {
    let seeds = usize::try_from(options.seeds).unwrap_or(usize::MAX);
    let total = plans.len().saturating_mul(seeds);
    let finished = run_jobs(total, options.threads, options.stop, |job| {
        run(job, &plans[job / seeds], seed_of(options.first_seed, job % seeds))
    });
    let mut runs: Vec<Runs<O>> = plans.iter().map(|_| Runs::default()).collect();
    for (job, result) in finished {
        runs[job / seeds].add(seed_of(options.first_seed, job % seeds), result);
    }
    runs
}

/// The seed with this index.
pub(super) fn seed_of(first: u64, index: usize) -> u64 {
    first.wrapping_add(index as u64)
}

/// Runs jobs on several threads, and starts them in order. Returns their results, in order. A job that fails with
/// [`RunError::Interrupted`] counts as not made.
pub(super) fn run_jobs<O: Send>(
    jobs: usize,
    threads: usize,
    stop: &StopSignal,
    run: impl Fn(usize) -> Result<O, RunError> + Sync,
) -> Vec<(usize, Result<O, RunError>)> {
    let next = AtomicUsize::new(0);
    let finished = Mutex::new(Vec::new());
    let work = || {
        while !stop.is_set() {
            let job = next.fetch_add(1, Ordering::Relaxed);
            if job >= jobs {
                return;
            }
            let result = run(job);
            if matches!(result, Err(RunError::Interrupted)) {
                return;
            }
            finished.lock().push((job, result));
        }
    };
    thread::scope(|scope| {
        for _ in 0..threads.clamp(1, jobs.max(1)) {
            // In a browser there are no threads.
            if thread::Builder::new().spawn_scoped(scope, work).is_err() {
                work();
                break;
            }
        }
    });
    let mut finished = finished.into_inner();
    finished.sort_by_key(|(job, _)| *job);
    finished
}
