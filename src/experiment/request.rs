//! What is to be run: plans, path by path.

use std::{num::NonZero, thread};

use super::{path_kind::PathKind, remote::Remote, sample_file::JobIndex};
use crate::report::Skipped;

/// The plans of one path.
#[derive(Debug, Clone)]
pub struct Batch<P> {
    /// The path.
    pub path: PathKind,
    /// How many seeds each plan is run with.
    pub seeds: u64,
    /// The plans.
    pub plans: Vec<P>,
    /// The server of each plan; empty where the path has its own.
    pub servers: Vec<Remote>,
}

/// What is to be run.
#[derive(Debug, Clone)]
pub struct Request<P> {
    /// The plans, path by path.
    pub batches: Vec<Batch<P>>,
    /// What was asked for and cannot be run.
    pub skipped: Vec<Skipped>,
}

impl<P> Request<P> {
    /// The plans of all paths.
    pub fn plans(&self) -> impl Iterator<Item = &P> + Clone {
        self.batches.iter().flat_map(|batch| &batch.plans)
    }

    /// How many runs there are.
    pub fn runs(&self) -> u64 {
        self.batches.iter().map(Batch::runs).sum()
    }

    /// The paths, one of each batch.
    pub fn paths(&self) -> impl Iterator<Item = PathKind> + Clone {
        self.batches.iter().map(|batch| batch.path)
    }

    /// Every batch, with the indices of its first job and its first plan.
    pub(super) fn with_first_jobs(&self) -> impl Iterator<Item = (JobIndex, &Batch<P>)> {
        self.batches.iter().scan(JobIndex::default(), |next, batch| {
            let first = *next;
            next.job += usize::try_from(batch.runs()).unwrap_or(usize::MAX);
            next.plan += batch.plans.len();
            Some((first, batch))
        })
    }

    /// Every batch with its jobs, counted from its first: `None` for all, or those among the jobs of a `part`, which are
    /// counted over all batches and in ascending order.
    pub(super) fn with_jobs(
        &self,
        part: Option<&[usize]>,
    ) -> impl Iterator<Item = (&Batch<P>, Option<Vec<usize>>)> {
        self.with_first_jobs().map(move |(first, batch)| {
            let runs = usize::try_from(batch.runs()).unwrap_or(usize::MAX);
            let own = |jobs: &[usize]| {
                let own = jobs.iter().skip_while(|job| **job < first.job).map(|job| job - first.job);
                own.take_while(|job| *job < runs).collect()
            };
            (batch, part.map(own))
        })
    }

    /// How many runs each plan has, batch by batch: all, or those among the jobs of a `part`.
    pub fn runs_of_plans(&self, part: Option<&[usize]>) -> Vec<Vec<u64>> {
        let of_batch = |(batch, jobs): (&Batch<P>, Option<Vec<usize>>)| match jobs {
            None => vec![batch.seeds; batch.plans.len()],
            Some(jobs) => {
                let seeds = usize::try_from(batch.seeds).unwrap_or(usize::MAX);
                let mut runs = vec![0; batch.plans.len()];
                jobs.iter().for_each(|job| runs[job / seeds] += 1);
                runs
            }
        };
        self.with_jobs(part).map(of_batch).collect()
    }

    /// Notes what is left out, once for each name, path and reason.
    pub fn skip(&mut self, name: &str, path: PathKind, reason: &str) {
        let skipped = skipped(name, path, reason);
        if !self.skipped.contains(&skipped) {
            self.skipped.push(skipped);
        }
    }
}

impl<P> Batch<P> {
    /// How many runs there are.
    pub fn runs(&self) -> u64 {
        (self.plans.len() as u64).saturating_mul(self.seeds)
    }

    /// How many runs are made at a time.
    pub fn parallel(&self) -> usize {
        // In real time, two runs at once would disturb each other.
        if self.path.is_real_time() { 1 } else { thread::available_parallelism().map_or(1, NonZero::get) }
    }
}

/// The entry for a plan that is left out on a path. `name` is its transport, or its list of senders.
pub fn skipped(name: impl Into<String>, path: PathKind, reason: impl Into<String>) -> Skipped {
    Skipped { transport: name.into(), path: path.name().to_owned(), reason: reason.into() }
}
