//! The experiment behind `share`.

use super::{
    SharePlan,
    cell::{cell, pictures},
    run::{ShareOutcome, run},
};
use crate::{
    experiment::{
        Remote, RunError,
        driver::{Experiment, Job, Problem, RunSize},
        matrix::Runs,
        setup::Setup,
        work,
    },
    path::Fidelity,
    report::Cell,
    transport::{Congestion, LossDetection, Transport},
};

/// Runs several senders over one bottleneck and records what each of them gets.
#[derive(Debug, Clone, Copy)]
pub struct Share;

impl Experiment for Share {
    type Plan = SharePlan;
    type Outcome = ShareOutcome;

    /// The setup of the first sender, because a setup has one transport. The result names all senders.
    fn setup(plan: &SharePlan) -> Setup<'_> {
        let first = plan.senders.first();
        let (transport, congestion) =
            first.map_or((Transport::UDP, Congestion::Cubic), |sender| (sender.transport, sender.congestion));
        let loss_detection = LossDetection::default();
        Setup { path: plan.path, transport, links: &plan.links, congestion, loss_detection }
    }

    fn name(plan: &SharePlan) -> String {
        plan.names()
    }

    fn refusal(plan: &SharePlan) -> Option<String> {
        plan.refusal()
    }

    fn size(plan: &SharePlan) -> RunSize {
        // The senders keep the bottleneck full.
        let per_byte = plan.senders.iter().map(|sender| work::per_byte(sender.transport)).fold(0.0, f64::max);
        let bits = plan.bottleneck().rate.map_or(0.0, |rate| rate.bits_per_second() as f64);
        let work = bits / 8.0 * plan.duration.as_secs_f64() * per_byte;
        RunSize { duration: Some(plan.duration), work: work as u64, ..RunSize::default() }
    }

    fn run(&self, plan: &SharePlan, job: &Job<'_>) -> Result<ShareOutcome, RunError> {
        run(plan, job)
    }

    fn fidelity(outcome: &ShareOutcome) -> Option<&Fidelity> {
        outcome.fidelity.as_ref()
    }

    fn has_succeeded(outcome: &ShareOutcome) -> bool {
        outcome.flows.flows.iter().any(|flow| flow.received.last() > Some(&0))
    }

    fn is_possible(plan: &SharePlan, outcome: &ShareOutcome) -> bool {
        outcome.flows.is_possible(plan.senders.len())
    }

    fn was_interrupted(outcome: &ShareOutcome) -> bool {
        outcome.interrupted
    }

    /// Why senders stopped early, or why runs could not be made.
    fn problem(plan: &SharePlan, runs: &Runs<ShareOutcome>, _: Option<&Remote>) -> Option<Problem> {
        let mut flows =
            runs.outcomes.iter().flat_map(|(_, outcome)| plan.senders.iter().zip(&outcome.flows.flows));
        let stopped = flows.find_map(|(sender, flow)| Some((sender.to_string(), flow.stopped()?.clone())));
        let failed = || Some((plan.names(), runs.failures.first()?.1.to_string()));
        let (name, reason) = stopped.or_else(failed)?;
        Some(Problem { subject: format!("{name} on {}", plan.path), reason, is_incomplete: true })
    }

    fn cell(plan: &SharePlan, runs: &Runs<ShareOutcome>) -> Cell {
        cell(plan, &runs.outcomes)
    }

    fn picture(plans: &[SharePlan], runs: &[Runs<ShareOutcome>], cells: &[Option<usize>], file: &mut [Cell]) {
        for ((plan, runs), cell) in plans.iter().zip(runs).zip(cells) {
            if let (Some(cell), Some((seed, outcome))) = (cell, runs.outcomes.first()) {
                file[*cell].pictures = Some(pictures(plan, *seed, outcome));
            }
        }
    }
}
