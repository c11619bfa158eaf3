//! The experiment behind `handshake --hold`.

use std::time::Duration;

use super::{cell::cell, outcome::HeldOutcome, process::hold};
use crate::{
    experiment::{
        driver::{Experiment, Job, Problem, RunSize},
        error::RunError,
        handshake::HandshakePlan,
        matrix::Runs,
        remote::Remote,
        setup::Setup,
        work,
    },
    path::Fidelity,
    report::Cell,
};

/// Opens the connections of a plan, keeps them open, and records their memory at each end.
#[derive(Debug, Clone, Copy)]
pub struct Held;

impl Experiment for Held {
    type Plan = HandshakePlan;
    type Outcome = HeldOutcome;

    const ALL_MUST_SUCCEED: bool = true;

    fn setup(plan: &HandshakePlan) -> Setup<'_> {
        plan.setup()
    }

    fn refusal(plan: &HandshakePlan) -> Option<String> {
        let has_none = !plan.transport.spec().has_handshake;
        let refusal = plan.setup().refusal().or(has_none.then_some("it has no connections"));
        refusal.map(str::to_owned)
    }

    fn size(plan: &HandshakePlan) -> RunSize {
        /// The processor time of a connection at both ends, roughly.
        const EACH: Duration = Duration::from_millis(2);
        RunSize {
            duration: Some(EACH.mul_f64(plan.connections as f64)),
            work: (plan.connections as f64 * work::per_connection(plan.transport)) as u64,
            ..RunSize::default()
        }
    }

    fn run(&self, plan: &HandshakePlan, job: &Job<'_>) -> Result<HeldOutcome, RunError> {
        hold(plan, job.stop)
    }

    fn fidelity(_: &HeldOutcome) -> Option<&Fidelity> {
        None
    }

    fn has_succeeded(_: &HeldOutcome) -> bool {
        true
    }

    fn was_interrupted(_: &HeldOutcome) -> bool {
        false
    }

    fn problem(plan: &HandshakePlan, runs: &Runs<HeldOutcome>, _: Option<&Remote>) -> Option<Problem> {
        let (_, error) = runs.failures.first()?;
        Some(Problem {
            subject: plan.transport.name().to_owned(),
            reason: error.to_string(),
            is_incomplete: true,
        })
    }

    fn cell(plan: &HandshakePlan, runs: &Runs<HeldOutcome>) -> Cell {
        cell(plan, runs)
    }
}
