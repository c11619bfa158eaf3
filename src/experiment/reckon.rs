//! How long a request takes, reckoned before it is run.

use std::time::Duration;

use super::{
    driver::Experiment,
    request::{Batch, Request},
};
use crate::{path::StopSignal, unit::nanos};

/// About how long each job of `batch` takes as part of a sweep, in nanoseconds. The first seed's jobs are longer than
/// the others, because they are recorded for pictures.
pub(super) fn work_in_part<E: Experiment>(batch: &Batch<E::Plan>) -> impl Iterator<Item = u64> {
    let seeds = usize::try_from(batch.seeds).unwrap_or(usize::MAX);
    let is_real_time = batch.path.is_real_time();
    batch.plans.iter().flat_map(move |plan| {
        let size = E::size(plan);
        let duration = size.duration.filter(|_| is_real_time);
        let work = duration.map_or(size.work, nanos);
        let tracing = if E::is_traced(plan, batch.plans.len()) { size.tracing } else { 0 };
        (0..seeds).map(move |seed| work.saturating_add(if seed == 0 { tracing } else { 0 }))
    })
}

/// About how long all runs in real time take, or those among the jobs of a `part`.
pub fn in_real_time<E: Experiment>(
    experiment: &E,
    request: &Request<E::Plan>,
    part: Option<&[usize]>,
    stop: &StopSignal,
) -> Duration {
    let runs = request.runs_of_plans(part);
    let batches = request.batches.iter().zip(runs).filter(|(batch, _)| batch.path.is_real_time());
    let durations = batches.flat_map(|(batch, runs)| {
        let some = batch.plans.iter().zip(runs).filter(|(_, runs)| *runs > 0);
        some.map(|(plan, runs)| {
            let duration = experiment.expected(plan, stop).unwrap_or_default();
            duration.saturating_mul(u32::try_from(runs).unwrap_or(u32::MAX))
        })
    });
    durations.fold(Duration::ZERO, Duration::saturating_add)
}

/// About how long all runs in virtual time take on this machine's cores, or those among the jobs of a `part`.
pub fn in_virtual_time<E: Experiment>(request: &Request<E::Plan>, part: Option<&[usize]>) -> Duration {
    let batches = request.with_jobs(part).filter(|(batch, _)| !batch.path.is_real_time());
    let durations = batches.map(|(batch, jobs)| {
        let (work, runs) = match jobs {
            None => {
                let work = batch.plans.iter().map(|plan| E::size(plan).work).fold(0, u64::saturating_add);
                (work.saturating_mul(batch.seeds), batch.runs())
            }
            Some(jobs) => {
                let all: Vec<u64> = work_in_part::<E>(batch).collect();
                (jobs.iter().map(|job| all[*job]).fold(0, u64::saturating_add), jobs.len() as u64)
            }
        };
        let at_once = runs.min(batch.parallel() as u64).max(1);
        Duration::from_nanos(work / at_once)
    });
    durations.fold(Duration::ZERO, Duration::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        experiment::{Bench, PathKind, Plan, Workload},
        transport::{Congestion, LossDetection, Transport},
        unit::PerDirection,
    };

    /// Two seeds of a run of a minute, and two of one of ten minutes.
    fn request(path: PathKind) -> Request<Plan> {
        let plan = |minutes: u64| {
            let usual = Workload::usual(Duration::from_millis(100));
            let duration = Duration::from_secs(60 * minutes);
            Plan {
                path,
                transport: Transport::UDP,
                links: PerDirection::both("delay=25ms,loss=1%".parse().unwrap()),
                congestion: Congestion::Cubic,
                loss_detection: LossDetection::default(),
                workload: Workload { duration, ..usual },
            }
        };
        let batch = Batch { path, seeds: 2, plans: vec![plan(1), plan(10)], servers: Vec::new() };
        Request { batches: vec![batch.clone(), batch], skipped: Vec::new() }
    }

    #[test]
    fn a_part_takes_as_long_as_its_own_jobs() {
        let bench = Bench { follows_losses: false };
        let stop = StopSignal::default();
        let simulated = |part: &[usize]| in_virtual_time::<Bench>(&request(PathKind::Sim), Some(part));
        let real = |part: Option<&[usize]>| in_real_time(&bench, &request(PathKind::Relay), part, &stop);
        // The second seed of each plan is not recorded. The first job of the second batch is number 4.
        for [short, long] in [[1, 3], [5, 7]] {
            let ratio = simulated(&[long]).as_secs_f64() / simulated(&[short]).as_secs_f64();
            assert!((9.0..=10.0).contains(&ratio), "{ratio}");
            let (short, long) = (real(Some(&[short])), real(Some(&[long])));
            assert_eq!(long - short, Duration::from_secs(9 * 60));
        }
        assert!(simulated(&[0]) > simulated(&[1]), "the first seed is recorded");
        assert_eq!(real(None), real(Some(&[0, 3, 4])) + real(Some(&[1, 2, 5, 6, 7])));
        assert_eq!((simulated(&[]), real(Some(&[]))), (Duration::ZERO, Duration::ZERO));
    }

    #[test]
    fn the_runs_of_each_plan_are_counted() {
        let request = request(PathKind::Sim);
        assert_eq!(request.runs_of_plans(None), [[2, 2], [2, 2]]);
        assert_eq!(request.runs_of_plans(Some(&[0, 3, 4, 5])), [[1, 1], [2, 0]]);
    }
}
