//! The experiment behind `bench --workload page`.

use std::time::Duration;

use super::{
    cell::cell,
    outcome::PageOutcome,
    plan::PagePlan,
    run::{LOAD_TIMEOUT, load_page},
};
use crate::{
    experiment::{
        Remote, RunError,
        driver::{Contents, Experiment, Job, Problem, RunSize},
        matrix::Runs,
        setup::Setup,
        work,
    },
    path::Fidelity,
    report::{Cell, Waterfall},
};

/// Loads a page and records when each of its objects was complete.
#[derive(Debug, Clone, Copy)]
pub struct Pages;

/// Round trips of a load besides those of its objects: connecting, and closing.
const OTHER_ROUND_TRIPS: u32 = 3;

/// The most bytes that a run of `plan` holds at a time. Whatever the congestion window lets through is on the link or
/// waits for earlier bytes, and what it does not let through waits at the server. A byte stream of the kernel's takes
/// no more than it sends.
fn memory(plan: &PagePlan) -> u64 {
    /// The bytes of a page that were measured to take a byte: 1.0 over QUIC and 1.4 over ARQ.
    const EACH: f64 = 1.5;
    if PagePlan::has_connections(plan.transport) {
        return 0;
    }
    let rate = plan.links.to_client.rate.filter(|_| plan.path.has_link());
    let carried = rate.map_or(f64::INFINITY, |rate| rate.bits_per_second() as f64 / 8.0);
    // A load that takes longer is given up.
    let most = carried * LOAD_TIMEOUT.as_secs_f64();
    (plan.page.expected_bytes().min(most) * EACH) as u64
}

impl Experiment for Pages {
    type Plan = PagePlan;
    type Outcome = PageOutcome;

    fn setup(plan: &PagePlan) -> Setup<'_> {
        plan.setup()
    }

    fn refusal(plan: &PagePlan) -> Option<String> {
        plan.refusal().map(str::to_owned)
    }

    fn size(plan: &PagePlan) -> RunSize {
        let bytes = plan.page.expected_bytes();
        let round_trips = plan.round_trip().unwrap_or_default() * (plan.page.levels() + OTHER_ROUND_TRIPS);
        let rate = plan.links.to_client.rate.filter(|_| plan.path.has_link());
        let sending = rate.map_or(0.0, |rate| bytes * 8.0 / rate.bits_per_second() as f64);
        let load = round_trips + Duration::try_from_secs_f64(sending).unwrap_or_default();
        let work = work::per_connection(plan.transport) * f64::from(plan.connections)
            + bytes * work::per_byte(plan.transport);
        RunSize {
            duration: Some(load.saturating_mul(u32::try_from(plan.loads).unwrap_or(u32::MAX))),
            is_least: true,
            memory: memory(plan),
            contents: Contents::Page,
            work: (work * plan.loads as f64) as u64,
            ..RunSize::default()
        }
    }

    fn run(&self, plan: &PagePlan, job: &Job<'_>) -> Result<PageOutcome, RunError> {
        load_page(plan, job.seed, job.traced, job.stop, &job.recording)
    }

    fn fidelity(outcome: &PageOutcome) -> Option<&Fidelity> {
        outcome.fidelity.as_ref()
    }

    fn has_succeeded(outcome: &PageOutcome) -> bool {
        outcome.all.n() > 0
    }

    fn was_interrupted(outcome: &PageOutcome) -> bool {
        outcome.interrupted
    }

    fn problem(plan: &PagePlan, runs: &Runs<PageOutcome>, _: Option<&Remote>) -> Option<Problem> {
        let problem = runs.outcomes.iter().find_map(|(_, outcome)| outcome.problem.as_ref())?;
        Some(Problem {
            subject: "first of the failed loads".to_owned(),
            reason: format!("{}: {problem}", plan.transport),
            is_incomplete: false,
        })
    }

    fn cell(plan: &PagePlan, runs: &Runs<PageOutcome>) -> Cell {
        cell(plan, &runs.outcomes)
    }

    fn picture(_: &[PagePlan], runs: &[Runs<PageOutcome>], cells: &[Option<usize>], file: &mut [Cell]) {
        for (runs, cell) in runs.iter().zip(cells) {
            let drawn: Option<&Waterfall> =
                runs.outcomes.iter().find_map(|(_, outcome)| outcome.waterfall.as_ref());
            if let (Some(waterfall), Some(cell)) = (drawn, cell) {
                file[*cell].pictures.get_or_insert_default().waterfall = Some(waterfall.clone());
            }
        }
    }
}
