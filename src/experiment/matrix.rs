//! Many runs on all cores: plans times seeds.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
};

use super::{error::RunError, outcome::Outcome, plan::Plan};

/// The outcomes of one plan, in the order of their seeds.
#[derive(Debug)]
pub struct Runs<O = Outcome> {
    /// Outcomes by seed. Seeds that were not run are missing.
    pub outcomes: Vec<(u64, O)>,
    /// Seeds whose run could not be made, and why.
    pub failures: Vec<(u64, RunError)>,
}

/// How a matrix is run.
#[derive(Debug, Clone, Copy)]
pub struct Effort<'a> {
    /// The first seed.
    pub first_seed: u64,
    /// How many seeds.
    pub seeds: u64,
    /// How many runs may go on at once. Runs in real time disturb each other: one.
    pub threads: usize,
    /// Set from outside to end early with what is done.
    pub stop: &'a AtomicBool,
}

/// Runs every plan with every seed by `run` and calls `done` after each. The result does not depend on the number
/// of threads: a run knows nothing of the others, and outcomes are put in order.
pub fn run_matrix(
    plans: &[Plan],
    effort: Effort<'_>,
    run: impl Fn(&Plan, u64) -> Result<Outcome, RunError> + Sync,
    done: impl Fn() + Sync,
) -> Vec<Runs> {
    run_numbered_matrix(plans, effort, |_, plan, seed| run(plan, seed), done)
}

/// [`run_matrix`], whose `run` is also told its place: the jobs are the plans in order, each with its seeds in
/// order, and are begun in that order.
pub fn run_numbered_matrix<P: Sync, O: Send>(
    plans: &[P],
    effort: Effort<'_>,
    run: impl Fn(usize, &P, u64) -> Result<O, RunError> + Sync,
    done: impl Fn() + Sync,
) -> Vec<Runs<O>> {
    let seeds = usize::try_from(effort.seeds).unwrap_or(usize::MAX);
    let total = plans.len().saturating_mul(seeds);
    let next = AtomicUsize::new(0);
    let finished = Mutex::new(Vec::new());
    let work = || {
        while !effort.stop.load(Ordering::Relaxed) {
            let job = next.fetch_add(1, Ordering::Relaxed);
            if job >= total {
                return;
            }
            let seed = effort.first_seed.wrapping_add((job % seeds) as u64);
            let result = run(job, &plans[job / seeds], seed);
            finished.lock().unwrap_or_else(PoisonError::into_inner).push((job, seed, result));
            done();
        }
    };
    thread::scope(|scope| {
        for _ in 0..effort.threads.clamp(1, total.max(1)) {
            scope.spawn(work);
        }
    });
    let mut finished = finished.into_inner().unwrap_or_else(PoisonError::into_inner);
    finished.sort_by_key(|(job, ..)| *job);
    let empty = || Runs { outcomes: Vec::new(), failures: Vec::new() };
    let mut runs: Vec<Runs<O>> = plans.iter().map(|_| empty()).collect();
    for (job, seed, result) in finished {
        let runs = &mut runs[job / seeds];
        match result {
            Ok(outcome) => runs.outcomes.push((seed, outcome)),
            Err(error) => runs.failures.push((seed, error)),
        }
    }
    runs
}
