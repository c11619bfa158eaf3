//! How long a run will take, said before it begins.

use std::time::Duration;

use wirelab::{
    experiment::{Experiment, Request, in_real_time, in_virtual_time},
    path::StopSignal,
};

use super::output::note;

/// Shorter runs in real time are not announced.
const ANNOUNCED: Duration = Duration::from_secs(1);
/// Shorter runs in virtual time are not announced: their time is only an estimate.
const ANNOUNCED_ESTIMATE: Duration = Duration::from_secs(10);

/// Says how long all runs will take, or those among the jobs of a `part`.
pub(super) fn announce<E: Experiment>(
    experiment: &E,
    request: &Request<E::Plan>,
    part: Option<&[usize]>,
    stop: &StopSignal,
) {
    let expected = in_real_time(experiment, request, part, stop);
    let in_real_time = request.batches.iter().filter(|batch| batch.path.is_real_time());
    let is_least = in_real_time.flat_map(|batch| &batch.plans).any(|plan| E::size(plan).is_least);
    let about = if is_least { "at least" } else { "about" };
    if expected >= ANNOUNCED {
        note(format_args!("this takes {about} {} of real time", in_words(expected)));
    }
    let simulating = in_virtual_time::<E>(request, part);
    if simulating >= ANNOUNCED_ESTIMATE {
        note(format_args!("simulating this takes roughly {}", in_words(simulating)));
    }
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
