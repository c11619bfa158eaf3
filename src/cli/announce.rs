//! How long a run will take, said before it begins.

use std::time::Duration;

use wirelab::{
    experiment::{Experiment, Request},
    path::StopSignal,
};

use super::output::note;

/// Shorter runs in real time are not announced.
const ANNOUNCED: Duration = Duration::from_secs(1);
/// Shorter runs in virtual time are not announced: their time is only an estimate.
const ANNOUNCED_ESTIMATE: Duration = Duration::from_secs(10);

/// Says how long a share of the runs will take.
pub(super) fn announce<E: Experiment>(
    experiment: &E,
    request: &Request<E::Plan>,
    share: f64,
    stop: &StopSignal,
) {
    let in_real_time = || request.batches.iter().filter(|batch| batch.path.is_real_time());
    let durations = in_real_time().flat_map(|batch| {
        let seeds = u32::try_from(batch.seeds).unwrap_or(u32::MAX);
        let duration = |plan| experiment.expected(plan, stop).unwrap_or_default();
        batch.plans.iter().map(move |plan| duration(plan).saturating_mul(seeds))
    });
    let all = durations.fold(Duration::ZERO, Duration::saturating_add);
    let expected = if share < 1.0 { all.mul_f64(share) } else { all };
    let is_least = in_real_time().flat_map(|batch| &batch.plans).any(|plan| E::size(plan).is_least);
    let about = if is_least { "at least" } else { "about" };
    if expected >= ANNOUNCED {
        note(format_args!("this takes {about} {} of real time", in_words(expected)));
    }
    let simulating = simulating::<E>(request).mul_f64(share);
    if simulating >= ANNOUNCED_ESTIMATE {
        note(format_args!("simulating this takes roughly {}", in_words(simulating)));
    }
}

/// About how long all runs in virtual time take on this machine's cores.
fn simulating<E: Experiment>(request: &Request<E::Plan>) -> Duration {
    let in_virtual_time = request.batches.iter().filter(|batch| !batch.path.is_real_time());
    let durations = in_virtual_time.map(|batch| {
        let work: u64 = batch.plans.iter().map(|plan| E::size(plan).work).fold(0, u64::saturating_add);
        let at_once = batch.runs().min(batch.parallel() as u64).max(1);
        Duration::from_nanos(work.saturating_mul(batch.seeds) / at_once)
    });
    durations.fold(Duration::ZERO, Duration::saturating_add)
}

/// A time that is only about right: `8 s`, `1 min 44 s`.
fn in_words(time: Duration) -> String {
    let seconds = time.as_millis().div_ceil(1000);
    match (seconds / 60, seconds % 60) {
        (0, seconds) => format!("{seconds} s"),
        (minutes, 0) => format!("{minutes} min"),
        (minutes, seconds) => format!("{minutes} min {seconds} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn announced_times_are_whole_seconds() {
        let said = |ms| in_words(Duration::from_millis(ms));
        assert_eq!([said(1_200), said(60_000), said(101_010)], ["2 s", "1 min", "1 min 42 s"]);
    }
}
