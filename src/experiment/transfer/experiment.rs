//! The experiment behind `transfer`.

use std::time::Duration;

use super::{
    TransferOutcome, TransferPlan, cell,
    over::{Watchers, transfer_watched},
    pictures::{self, Meter},
    transfer_against,
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
    report::{Cell, count},
    transfer::{SaveFile, Watch},
    unit::Mutex,
};

/// Moves content and records how long it takes and what arrives.
#[derive(Debug, Default)]
pub struct Transfer {
    /// The file in which the first transfer saves what it receives.
    saved: Mutex<Option<SaveFile>>,
}

impl Transfer {
    /// Saves what the first transfer receives in `file`.
    pub fn saved_in(file: SaveFile) -> Self {
        Self { saved: Mutex::new(Some(file)) }
    }
}

impl Experiment for Transfer {
    type Plan = TransferPlan;
    type Outcome = TransferOutcome;

    const ALL_MUST_SUCCEED: bool = true;

    fn setup(plan: &TransferPlan) -> Setup<'_> {
        plan.setup()
    }

    fn size(plan: &TransferPlan) -> RunSize {
        let bytes = plan.content.bytes();
        let rate = plan.links[plan.direction.into()].rate.as_ref().filter(|_| plan.path.has_link());
        let at_rate =
            |rate: f64| Duration::try_from_secs_f64(bytes as f64 * 8.0 / rate).unwrap_or(Duration::MAX);
        RunSize {
            bytes: Some(bytes),
            work: (bytes as f64 * work::per_byte(plan.transport)) as u64,
            duration: rate.map(|rate| at_rate(rate.bits_per_second() as f64)),
            is_least: true,
            ..RunSize::default()
        }
    }

    fn run(&self, plan: &TransferPlan, job: &Job<'_>) -> Result<TransferOutcome, RunError> {
        let watch = Watch { moved: job.progress.clone(), stop: job.stop.clone(), ..Watch::default() };
        let saved = self.saved.lock().take();
        match job.server {
            Some(server) => transfer_against(plan, server, job.seed, saved, &watch, &job.recording),
            None => {
                let meter = (job.traced && plan.path.has_link()).then(|| Meter::new(plan));
                let watchers = Watchers { meter: meter.as_ref(), recording: Some(&job.recording) };
                let outcome = transfer_watched(plan, job.seed, saved, &watch, watchers)?;
                Ok(TransferOutcome { progress: meter.map(|meter| meter.finish()), ..outcome })
            }
        }
    }

    fn fidelity(outcome: &TransferOutcome) -> Option<&Fidelity> {
        outcome.fidelity.as_ref()
    }

    fn has_succeeded(outcome: &TransferOutcome) -> bool {
        outcome.time.is_some()
    }

    fn was_interrupted(outcome: &TransferOutcome) -> bool {
        outcome.interrupted
    }

    /// Why transfers stopped. Lost datagrams are a result, except if no other transfer completed.
    fn problem(plan: &TransferPlan, runs: &Runs<TransferOutcome>, _: Option<&Remote>) -> Option<Problem> {
        let stopped = runs.outcomes.iter().find_map(|(_, outcome)| outcome.stopped.clone());
        let failed = || runs.failures.first().map(|(_, error)| error.to_string());
        let incomplete = || match &runs.outcomes[..] {
            [(_, only)] if only.time.is_none() => {
                Some(format!("{} of {} bytes arrived", count(only.arrived?), count(plan.content.bytes())))
            }
            _ => None,
        };
        Some(Problem {
            subject: format!("{} on {}", plan.transport, plan.path),
            reason: stopped.or_else(failed).or_else(incomplete)?,
            is_incomplete: false,
        })
    }

    fn cell(plan: &TransferPlan, runs: &Runs<TransferOutcome>) -> Cell {
        cell(plan, &runs.outcomes)
    }

    fn picture(
        _: &[TransferPlan],
        runs: &[Runs<TransferOutcome>],
        cells: &[Option<usize>],
        file: &mut [Cell],
    ) {
        pictures::add(runs, cells, file);
    }
}
