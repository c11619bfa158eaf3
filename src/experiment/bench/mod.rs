//! Messages on a schedule: the experiment behind `bench` and `hol`.

pub(super) mod client;
mod memory;
mod pictures;
mod reconnect;
pub(super) mod remote;
pub(super) mod run;
mod server;
pub(super) mod settings;
mod updates;
mod without_sockets;

use self::{
    client::LEAD,
    remote::run_remote,
    run::{Beside, run_beside},
};
use crate::{
    experiment::{
        driver::{Contents, Experiment, Job, Problem, RunSize},
        error::RunError,
        matrix::Runs,
        plan::Plan,
        record::{
            observe::Observers,
            outcome::Outcome,
            samples::{SAMPLE_COLUMNS, SampleRows},
            trace::{TRACING, Tracer},
        },
        remote::Remote,
        result::{cell::cell, compare::compare},
        senders::FlowsOutcome,
        setup::Setup,
        work,
    },
    path::Fidelity,
    report::{Cell, Flag, Paired},
};

/// Sends messages on a schedule and records what became of each.
#[derive(Debug, Clone, Copy, Default)]
pub struct Bench {
    /// Whether to follow the losses that QUIC declares; see [`Observers::follows_losses`].
    pub follows_losses: bool,
}

impl Experiment for Bench {
    type Plan = Plan;
    type Outcome = Outcome;

    const SAMPLE_COLUMNS: Option<&'static str> = Some(SAMPLE_COLUMNS);

    fn setup(plan: &Plan) -> Setup<'_> {
        plan.setup()
    }

    fn size(plan: &Plan) -> RunSize {
        let workload = &plan.workload;
        let messages = (workload.warmup + workload.duration).as_secs_f64() / workload.interval.as_secs_f64();
        let lengths = [workload.length, workload.reply_length];
        let each = match without_sockets::suits(plan) {
            true => work::WITHOUT_SOCKETS,
            false => work::per_message(plan.transport, lengths),
        };
        RunSize {
            tracing: (messages * TRACING) as u64,
            work: (messages * each) as u64,
            duration: Some(LEAD + workload.warmup + workload.duration),
            memory: memory::estimate(plan),
            contents: Contents::of(workload),
            ..RunSize::default()
        }
    }

    fn is_traced(plan: &Plan, plans: usize) -> bool {
        pictures::has_timeline(&plan.workload.application, plans)
    }

    fn run(&self, plan: &Plan, job: &Job<'_>) -> Result<Outcome, RunError> {
        self.measure(plan, job, Beside::default()).map(|(outcome, _)| outcome)
    }

    fn fidelity(outcome: &Outcome) -> Option<&Fidelity> {
        outcome.fidelity.as_ref()
    }

    fn has_succeeded(outcome: &Outcome) -> bool {
        outcome.messages.delivered > 0
    }

    fn was_interrupted(outcome: &Outcome) -> bool {
        outcome.interrupted
    }

    fn has_lost_server(outcome: &Outcome) -> bool {
        outcome.broken.is_some()
    }

    fn problem(_: &Plan, runs: &Runs<Outcome>, server: Option<&Remote>) -> Option<Problem> {
        let subject = server?.url.clone();
        let broken = runs.outcomes.iter().find_map(|(_, outcome)| outcome.broken.clone());
        let failed = || runs.failures.first().map(|(_, error)| error.to_string());
        Some(Problem { subject, reason: broken.or_else(failed)?, is_incomplete: true })
    }

    fn cell(plan: &Plan, runs: &Runs<Outcome>) -> Cell {
        let mut cell = cell(plan, &runs.outcomes);
        let is_remote = runs.outcomes.iter().any(|(_, outcome)| outcome.remote);
        if is_remote && !runs.failures.is_empty() && !cell.flags.contains(&Flag::Incomplete) {
            cell.flags.push(Flag::Incomplete);
        }
        cell
    }

    fn compare(plans: &[Plan], runs: &[Runs<Outcome>], cells: &[Option<usize>]) -> Vec<Paired> {
        compare(plans, runs, cells)
    }

    fn picture(plans: &[Plan], runs: &[Runs<Outcome>], cells: &[Option<usize>], file: &mut [Cell]) {
        pictures::add(plans, runs, cells, file);
    }
}

impl Bench {
    /// Makes one run, with what `beside` adds.
    pub(super) fn measure(
        &self,
        plan: &Plan,
        job: &Job<'_>,
        beside: Beside<'_>,
    ) -> Result<(Outcome, Option<FlowsOutcome>), RunError> {
        let rows = job.samples.map(|rows| (rows, SampleRows::new(plan, job.seed)));
        let samples = rows.as_ref().map(|(_, samples)| samples.sink());
        let tracer = job.traced.then(|| Tracer::new(plan));
        let samples = match &tracer {
            Some(tracer) => Some(tracer.sink(samples)),
            None => samples,
        };
        let wire = tracer.as_ref().filter(|_| plan.path.has_link()).map(Tracer::observer);
        let recording = job.recording.clone();
        let observers =
            Observers { samples, packets: None, wire, recording, follows_losses: self.follows_losses };
        let (outcome, flows) = match job.server {
            Some(server) => (run_remote(plan, server, job.seed, observers, job.stop)?, None),
            None => run_beside(plan, job.seed, observers, job.stop, beside)?,
        };
        let trace = tracer.and_then(|tracer| tracer.finish());
        if let Some((rows, samples)) = rows {
            rows.get_or_init(|| samples.text());
        }
        Ok((Outcome { trace, ..outcome }, flows))
    }
}
