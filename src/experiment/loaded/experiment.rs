//! The experiment behind `bench --background`.

use super::{
    cell::cell,
    plan::{LoadedOutcome, LoadedPlan},
};
use crate::{
    capture::Recording,
    experiment::{
        Remote, RunError,
        bench::{Bench, run::Beside},
        driver::{Experiment, Job, Problem, RunSize},
        matrix::Runs,
        plan::Plan,
        record::outcome::Outcome,
        senders::Flows,
        setup::Setup,
        work,
    },
    path::Fidelity,
    report::{Cell, Paired},
};

/// Sends messages on a schedule, first alone and then beside a background.
#[derive(Debug, Clone, Copy)]
pub struct Loaded(
    /// How the messages are sent.
    pub Bench,
);

impl Experiment for Loaded {
    type Plan = LoadedPlan;
    type Outcome = LoadedOutcome;

    fn setup(plan: &LoadedPlan) -> Setup<'_> {
        Bench::setup(&plan.plan)
    }

    fn refusal(plan: &LoadedPlan) -> Option<String> {
        Bench::refusal(&plan.plan)
    }

    fn size(plan: &LoadedPlan) -> RunSize {
        let once = Bench::size(&plan.plan);
        let duration = plan.plan.workload.warmup + plan.plan.workload.duration;
        let rates = plan.plan.links.iter().filter_map(|link| link.rate);
        let bytes = rates.map(|rate| rate.bits_per_second() as f64 / 8.0).sum::<f64>();
        let per_byte = plan.background.iter().map(|sender| work::per_byte(sender.transport));
        let background = (bytes * duration.as_secs_f64() * per_byte.fold(0.0, f64::max)) as u64;
        RunSize {
            duration: once.duration.map(|duration| duration * 2),
            work: once.work.saturating_mul(2).saturating_add(background),
            ..once
        }
    }

    fn is_traced(plan: &LoadedPlan, plans: usize) -> bool {
        Bench::is_traced(&plan.plan, plans)
    }

    fn run(&self, plan: &LoadedPlan, job: &Job<'_>) -> Result<LoadedOutcome, RunError> {
        let LoadedPlan { plan: messages, .. } = plan;
        let alone = Job { recording: Recording::default(), samples: None, traced: false, ..*job };
        let (idle, _) = self.0.measure(messages, &alone, Beside::default())?;
        let mut flows = Flows::new(&plan.flows(), messages.path, &messages.links, job.seed)?;
        flows.record(&job.recording);
        let loaded = Job { recording: job.recording.clone(), samples: None, ..*job };
        let (loaded, flows) =
            self.0.measure(messages, &loaded, Beside { background: Some(&flows), ..Beside::default() })?;
        Ok(LoadedOutcome { idle, loaded, flows: flows.unwrap_or_default() })
    }

    fn fidelity(outcome: &LoadedOutcome) -> Option<&Fidelity> {
        Bench::fidelity(&outcome.loaded)
    }

    fn has_succeeded(outcome: &LoadedOutcome) -> bool {
        Bench::has_succeeded(&outcome.loaded)
    }

    fn is_possible(plan: &LoadedPlan, outcome: &LoadedOutcome) -> bool {
        outcome.flows.is_possible(plan.flows().len())
    }

    fn was_interrupted(outcome: &LoadedOutcome) -> bool {
        outcome.idle.interrupted || outcome.loaded.interrupted
    }

    /// A sender of the background that stopped early, so the load was lower than asked for.
    fn problem(plan: &LoadedPlan, runs: &Runs<LoadedOutcome>, _: Option<&Remote>) -> Option<Problem> {
        let flows = plan.flows();
        let mut pairs = runs.outcomes.iter().flat_map(|(_, outcome)| flows.iter().zip(&outcome.flows.flows));
        let (sender, reason) =
            pairs.find_map(|(flow, outcome)| Some((flow.sender, outcome.stopped()?.clone())))?;
        Some(Problem { subject: format!("{sender} on {}", plan.plan.path), reason, is_incomplete: true })
    }

    fn cell(plan: &LoadedPlan, runs: &Runs<LoadedOutcome>) -> Cell {
        cell(plan, runs)
    }

    fn compare(plans: &[LoadedPlan], runs: &[Runs<LoadedOutcome>], cells: &[Option<usize>]) -> Vec<Paired> {
        let (plans, runs) = loaded(plans, runs);
        Bench::compare(&plans, &runs, cells)
    }

    fn picture(
        plans: &[LoadedPlan],
        runs: &[Runs<LoadedOutcome>],
        cells: &[Option<usize>],
        file: &mut [Cell],
    ) {
        let (plans, runs) = loaded(plans, runs);
        Bench::picture(&plans, &runs, cells, file);
    }
}

/// The plans and outcomes of the messages beside the background.
fn loaded(plans: &[LoadedPlan], runs: &[Runs<LoadedOutcome>]) -> (Vec<Plan>, Vec<Runs<Outcome>>) {
    let runs = runs.iter().map(|runs| runs.select(|outcome| &outcome.loaded));
    (plans.iter().map(|plan| plan.plan.clone()).collect(), runs.collect())
}
