//! Episodes of the same message in two runs.

use std::sync::Arc;

use super::{
    WatchedRun, Which, collected,
    find::{Found, Hits},
    run_sampled,
};
use crate::{
    experiment::{error::RunError, plan::Plan, workload::Workload},
    path::StopSignal,
    report::episode::Episode,
    unit::Mutex,
};

/// Runs two plans and collects the episodes of one message that was lost or late in both: the most interesting, or the
/// one that `which` names. Uses the first of `seeds` that has such a message.
///
/// Fails like [`super::run`].
pub fn pair(
    plans: [&Plan; 2],
    seeds: &[u64],
    which: Which,
    stop: &StopSignal,
) -> Result<Option<[Episode; 2]>, RunError> {
    for &seed in seeds {
        let pair = match plans[0].path.is_real_time() {
            true => recorded(plans, seed, which, stop)?,
            false => simulated(plans, seed, which, stop)?,
        };
        if pair.is_some() {
            return Ok(pair);
        }
    }
    Ok(None)
}

fn simulated(
    plans: [&Plan; 2],
    seed: u64,
    which: Which,
    stop: &StopSignal,
) -> Result<Option<[Episode; 2]>, RunError> {
    let hits = |plan: &Plan| -> Result<Arc<Mutex<Hits>>, RunError> {
        let workload = plan.workload.clone();
        run_sampled(plan, seed, stop, Hits::default(), move |hits, sample| hits.note(&workload, sample))
    };
    let [left, right] = [hits(plans[0])?, hits(plans[1])?];
    let common = common([&left.lock(), &right.lock()], &plans[0].workload, which);
    let Some([left, right]) = common else { return Ok(None) };
    Ok(Some([collected(plans[0], seed, left, stop)?, collected(plans[1], seed, right, stop)?]))
}

/// In real time a run cannot be repeated, so each is recorded as a whole.
fn recorded(
    plans: [&Plan; 2],
    seed: u64,
    which: Which,
    stop: &StopSignal,
) -> Result<Option<[Episode; 2]>, RunError> {
    let [left, right] = [WatchedRun::of(plans[0], seed, stop)?, WatchedRun::of(plans[1], seed, stop)?];
    let hits = |plan: &Plan, watched: &WatchedRun| {
        let mut hits = Hits::default();
        watched.samples.iter().for_each(|sample| hits.note(&plan.workload, sample));
        hits
    };
    let both = [&hits(plans[0], &left), &hits(plans[1], &right)];
    let common = common(both, &plans[0].workload, which);
    Ok(common.map(|found| [left.episode(plans[0], seed, found[0]), right.episode(plans[1], seed, found[1])]))
}

fn common([left, right]: [&Hits; 2], workload: &Workload, which: Which) -> Option<[Found; 2]> {
    left.common(right, |found| match which {
        Which::Longest => true,
        Which::Message(number) => workload.number(found.subject) == number,
    })
}
