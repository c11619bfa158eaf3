//! The experiment behind `bench --rebind`.

use super::{
    cell::cell,
    plan::{MovedOutcome, MovedPlan, Rebind},
};
use crate::{
    experiment::{
        Remote, RunError,
        bench::{Bench, run::Beside},
        driver::{Experiment, Job, Problem, RunSize},
        matrix::Runs,
        migration::{ClientChange, Migration},
        plan::Plan,
        record::{outcome::Outcome, samples::SAMPLE_COLUMNS},
        setup::Setup,
    },
    path::Fidelity,
    report::{Cell, Paired},
};

/// Sends messages on a schedule from a client whose address changes.
#[derive(Debug, Clone, Copy)]
pub struct Moved(
    /// How the messages are sent.
    pub Bench,
);

impl Experiment for Moved {
    type Plan = MovedPlan;
    type Outcome = MovedOutcome;

    const SAMPLE_COLUMNS: Option<&'static str> = Some(SAMPLE_COLUMNS);

    fn setup(plan: &MovedPlan) -> Setup<'_> {
        Bench::setup(&plan.plan)
    }

    fn refusal(plan: &MovedPlan) -> Option<String> {
        plan.rebind.refusal(plan.plan.path).map(str::to_owned).or_else(|| Bench::refusal(&plan.plan))
    }

    fn size(plan: &MovedPlan) -> RunSize {
        Bench::size(&plan.plan)
    }

    fn is_traced(plan: &MovedPlan, plans: usize) -> bool {
        Bench::is_traced(&plan.plan, plans)
    }

    fn run(&self, plan: &MovedPlan, job: &Job<'_>) -> Result<MovedOutcome, RunError> {
        let Rebind { at, what } = plan.rebind;
        let migration = Migration::new(
            ClientChange::new(what, plan.handover.clone(), at),
            plan.plan.workload.application.exchange(),
        );
        let beside = Beside { migration: Some(&migration), ..Beside::default() };
        let (messages, _) = self.0.measure(&plan.plan, job, beside)?;
        Ok(MovedOutcome { messages, migration: migration.figures() })
    }

    fn fidelity(outcome: &MovedOutcome) -> Option<&Fidelity> {
        Bench::fidelity(&outcome.messages)
    }

    fn has_succeeded(outcome: &MovedOutcome) -> bool {
        Bench::has_succeeded(&outcome.messages)
    }

    fn was_interrupted(outcome: &MovedOutcome) -> bool {
        Bench::was_interrupted(&outcome.messages)
    }

    fn problem(_: &MovedPlan, _: &Runs<MovedOutcome>, _: Option<&Remote>) -> Option<Problem> {
        None
    }

    fn cell(plan: &MovedPlan, runs: &Runs<MovedOutcome>) -> Cell {
        cell(plan, runs)
    }

    fn compare(plans: &[MovedPlan], runs: &[Runs<MovedOutcome>], cells: &[Option<usize>]) -> Vec<Paired> {
        let (plans, runs) = messages(plans, runs);
        Bench::compare(&plans, &runs, cells)
    }

    fn picture(plans: &[MovedPlan], runs: &[Runs<MovedOutcome>], cells: &[Option<usize>], file: &mut [Cell]) {
        let (plans, runs) = messages(plans, runs);
        Bench::picture(&plans, &runs, cells, file);
    }
}

/// The plans and outcomes of the messages.
fn messages(plans: &[MovedPlan], runs: &[Runs<MovedOutcome>]) -> (Vec<Plan>, Vec<Runs<Outcome>>) {
    let runs = runs.iter().map(|runs| runs.select(|outcome| &outcome.messages));
    (plans.iter().map(|plan| plan.plan.clone()).collect(), runs.collect())
}
