//! The experiment behind `handshake`.

use std::time::Duration;

use super::{HandshakeOutcome, HandshakePlan, handshake, handshake_cell};
use crate::{
    experiment::{
        driver::{Experiment, Job, Problem, RunSize, Setup},
        error::RunError,
        matrix::Runs,
        remote::Remote,
    },
    path::Fidelity,
    report::Cell,
};

/// Makes connections and records how long they take to the first reply and to the second.
#[derive(Debug, Clone, Copy)]
pub struct Handshake;

/// Round trips of a connection without loss, with two requests and its end.
const ROUND_TRIPS: u32 = 5;
/// What a connection takes without a link.
const WITHOUT_LINK: Duration = Duration::from_millis(1);

impl Experiment for Handshake {
    type Plan = HandshakePlan;
    type Outcome = HandshakeOutcome;

    fn setup(plan: &HandshakePlan) -> Setup<'_> {
        let HandshakePlan { path, transport, ref links, congestion, .. } = *plan;
        Setup { path, transport, links, congestion }
    }

    fn size(plan: &HandshakePlan) -> RunSize {
        let round_trip = plan.links.to_server.delay + plan.links.to_client.delay;
        let each = if plan.path.has_link() { round_trip * ROUND_TRIPS } else { WITHOUT_LINK };
        let connections = plan.connections as f64 / plan.parallel as f64;
        RunSize { duration: Some(each.mul_f64(connections)), bytes: None }
    }

    fn run(&self, plan: &HandshakePlan, job: &Job<'_>) -> Result<HandshakeOutcome, RunError> {
        handshake(plan, job.seed)
    }

    fn fidelity(outcome: &HandshakeOutcome) -> Option<&Fidelity> {
        outcome.fidelity.as_ref()
    }

    fn has_succeeded(outcome: &HandshakeOutcome) -> bool {
        outcome.first.n() > 0
    }

    fn problem(plan: &HandshakePlan, runs: &Runs<HandshakeOutcome>, _: Option<&Remote>) -> Option<Problem> {
        let problem = runs.outcomes.iter().find_map(|(_, outcome)| outcome.problem.as_ref())?;
        Some(Problem {
            subject: "first of the failed connections".to_owned(),
            reason: format!("{}: {problem}", plan.transport),
            is_incomplete: false,
        })
    }

    fn cell(plan: &HandshakePlan, runs: &Runs<HandshakeOutcome>) -> Cell {
        handshake_cell(plan, &runs.outcomes)
    }
}
