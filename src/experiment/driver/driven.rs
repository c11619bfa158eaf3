//! The result of the runs of a request: its rows, and what went wrong.

use super::{Experiment, Problem};
use crate::{
    experiment::{
        matrix::Runs,
        request::{Batch, Request, skipped},
        result::system::add_fidelity,
    },
    report::ResultFile,
};

/// The result of a request and the runs that it comes from.
#[derive(Debug)]
pub struct Driven<O> {
    /// The result.
    pub file: ResultFile,
    /// The outcomes of each batch.
    pub runs: Vec<Vec<Runs<O>>>,
    /// What went wrong, in the order of the plans.
    pub problems: Vec<Problem>,
    /// How many runs succeeded, as defined by [`Experiment::has_succeeded`].
    pub succeeded: u64,
    /// Whether the runs of a plan failed, as defined by [`Experiment::has_failed`].
    pub failed: bool,
    /// Whether an interrupt left runs out or cut them short.
    pub interrupted: bool,
}

impl<O> Driven<O> {
    /// The rows of all `runs` in `file`, whose system, if there is one, is the machine that made them.
    pub(super) fn new<E: Experiment<Outcome = O>>(
        request: &Request<E::Plan>,
        runs: Vec<Vec<Runs<O>>>,
        pictures: bool,
        file: ResultFile,
    ) -> Self {
        let problems = Vec::new();
        let mut driven =
            Self { file, runs: Vec::new(), problems, succeeded: 0, failed: false, interrupted: false };
        for (batch, runs) in request.batches.iter().zip(&runs) {
            // Not the signal itself: an interrupt during the last run may leave nothing out.
            let was_interrupted = |runs: &Runs<O>| {
                runs.done() != batch.seeds
                    || runs.outcomes.iter().any(|(_, outcome)| E::was_interrupted(outcome))
            };
            driven.interrupted |= runs.iter().any(was_interrupted);
            driven.collect::<E>(batch, runs, pictures);
        }
        driven.runs = runs;
        let outcomes = driven.runs.iter().flatten().flat_map(|runs| &runs.outcomes);
        let wires = outcomes.filter_map(|(_, outcome)| E::fidelity(outcome));
        if let Some(system) = &mut driven.file.system {
            add_fidelity(system, wires);
        }
        driven.file.complete =
            !driven.interrupted && driven.problems.iter().all(|problem| !problem.is_incomplete);
        driven
    }

    /// Adds the rows of one path, and the plans that could not be run.
    fn collect<E: Experiment<Outcome = O>>(
        &mut self,
        batch: &Batch<E::Plan>,
        runs: &[Runs<O>],
        pictures: bool,
    ) {
        let mut cells = Vec::with_capacity(runs.len());
        for (index, (plan, runs)) in batch.plans.iter().zip(runs).enumerate() {
            let server = batch.servers.get(index);
            self.succeeded +=
                runs.outcomes.iter().filter(|(_, outcome)| E::has_succeeded(outcome)).count() as u64;
            self.failed |= E::has_failed(runs);
            if let Some(problem) = E::problem(plan, runs, server)
                && self.problems.iter().all(|other| other.subject != problem.subject)
            {
                self.problems.push(problem);
            }
            if let Some((seed, error)) = runs.failures.first() {
                let failed = runs.failures.len();
                let reason = format!("{failed} of {} runs failed, seed {seed} first: {error}", batch.seeds);
                self.file.skipped.push(skipped(E::name(plan), batch.path, reason));
            }
            cells.push((!runs.outcomes.is_empty()).then(|| {
                let mut cell = E::cell(plan, runs);
                cell.server = server.map(|server| server.url.clone());
                cell.server_address =
                    server.and_then(|server| server.answered.get()).map(ToString::to_string);
                self.file.cells.push(cell);
                self.file.cells.len() - 1
            }));
        }
        self.file.paired.extend(E::compare(&batch.plans, runs, &cells));
        if pictures {
            E::picture(&batch.plans, runs, &cells, &mut self.file.cells);
        }
    }
}
