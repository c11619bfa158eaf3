//! The experiment behind `handshake`.

use std::time::Duration;

use super::{HandshakeOutcome, HandshakePlan, handshake, handshake_cell};
use crate::{
    capture::Recording,
    experiment::{
        driver::{Experiment, Job, Problem, RunSize},
        error::RunError,
        matrix::Runs,
        remote::Remote,
        setup::Setup,
        work,
    },
    path::{Fidelity, StopSignal},
    report::Cell,
};

/// Makes connections and records how long they take to the first reply and to the second.
#[derive(Debug, Clone, Copy)]
pub struct Handshake;

/// Round trips of a connection without loss, with two requests and its end.
const ROUND_TRIPS: u32 = 5;
/// Connections of a trial.
const TRIAL: u64 = 20;
/// What a connection takes without a link, where there are too few for a trial.
const WITHOUT_LINK: Duration = Duration::from_millis(1);

impl Experiment for Handshake {
    type Plan = HandshakePlan;
    type Outcome = HandshakeOutcome;

    fn setup(plan: &HandshakePlan) -> Setup<'_> {
        plan.setup()
    }

    fn size(plan: &HandshakePlan) -> RunSize {
        let round_trip = plan.links.to_server.delay + plan.links.to_client.delay;
        let each = if plan.path.has_link() { round_trip * ROUND_TRIPS } else { WITHOUT_LINK };
        let connections = plan.connections as f64 / plan.parallel as f64;
        RunSize {
            duration: Some(each.mul_f64(connections)),
            is_least: plan.path.has_link(),
            work: (plan.connections as f64 * work::per_connection(plan.transport)) as u64,
            ..RunSize::default()
        }
    }

    /// Without a link, the machine alone decides, and not by the number of connections at a time: both ends share its
    /// cores. So the first connections are made on trial.
    fn expected(&self, plan: &HandshakePlan, stop: &StopSignal) -> Option<Duration> {
        let trial = TRIAL.max(2 * plan.parallel as u64);
        if plan.path.has_link() || plan.connections < 10 * trial {
            return Self::size(plan).duration;
        }
        let outcome =
            handshake(&HandshakePlan { connections: trial, ..plan.clone() }, 0, stop, &Recording::default())
                .ok()?;
        let all = outcome.elapsed.mul_f64(plan.connections as f64 / outcome.connections as f64);
        Some(Duration::from_secs_f64(libm::ceil(all.as_secs_f64())))
    }

    fn run(&self, plan: &HandshakePlan, job: &Job<'_>) -> Result<HandshakeOutcome, RunError> {
        handshake(plan, job.seed, job.stop, &job.recording)
    }

    fn fidelity(outcome: &HandshakeOutcome) -> Option<&Fidelity> {
        outcome.fidelity.as_ref()
    }

    fn has_succeeded(outcome: &HandshakeOutcome) -> bool {
        outcome.first.n() > 0
    }

    fn was_interrupted(outcome: &HandshakeOutcome) -> bool {
        outcome.interrupted
    }

    /// More than half of the connections failed.
    fn has_failed(runs: &Runs<HandshakeOutcome>) -> bool {
        let sum = |of: fn(&HandshakeOutcome) -> u64| {
            runs.outcomes.iter().map(|(_, outcome)| of(outcome)).sum::<u64>()
        };
        sum(|outcome| outcome.failed) * 2 > sum(|outcome| outcome.connections)
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
