//! Which run of a matrix an episode is taken from.

use super::Which;
use crate::experiment::{Outcome, Plan, Runs};

/// The plan and the seed to look at, if anything was run. For the longest stall: the longest of the first link and
/// workload on which any transport stalled. Without a stall: the longest recovery. For one message: the first seed of
/// the first plan that stalled, or of the first plan.
pub fn choose<'a>(plans: &'a [Plan], runs: &[Runs<Outcome>], which: Which) -> Option<(&'a Plan, u64)> {
    let all = || {
        plans
            .iter()
            .zip(runs)
            .flat_map(|(plan, runs)| runs.outcomes.iter().map(move |(seed, outcome)| (plan, *seed, outcome)))
    };
    let stalled = all().find(|(_, _, outcome)| outcome.order.longest_stall.is_some());
    if let Which::Message(_) = which {
        let (plan, ..) = stalled.or_else(|| all().next())?;
        return all().find(|(other, ..)| std::ptr::eq(*other, plan)).map(|(plan, seed, _)| (plan, seed));
    }
    match stalled {
        Some((first, ..)) => longest(all().filter(|(plan, ..)| plan.differs_in_transport_only(first)), stall),
        None => longest(all(), |outcome| outcome.extra.max().unwrap_or(0)),
    }
}

/// A plan that differs from `plan` only in its transport, and its seed with the longest recovery. Of the plans that
/// recovered from a loss, it is the one that blocked the fewest messages.
pub fn choose_contrast<'a>(
    plans: &'a [Plan],
    runs: &[Runs<Outcome>],
    plan: &Plan,
) -> Option<(&'a Plan, u64)> {
    let blocked =
        |runs: &Runs<Outcome>| runs.outcomes.iter().map(|(_, outcome)| outcome.order.blocked).sum::<u64>();
    let recovered = |runs: &Runs<Outcome>| runs.outcomes.iter().any(|(_, outcome)| outcome.extra.n() > 0);
    let alike = |other: &Plan| other.transport != plan.transport && other.differs_in_transport_only(plan);
    let others = plans.iter().zip(runs).filter(|(other, runs)| alike(other) && recovered(runs));
    let (least, runs) = others.min_by_key(|(_, runs)| blocked(runs))?;
    let outcomes = runs.outcomes.iter().map(|(seed, outcome)| (least, *seed, outcome));
    longest(outcomes, |outcome| outcome.extra.max().unwrap_or(0))
}

fn stall(outcome: &Outcome) -> u64 {
    outcome.order.longest_stall.map_or(0, |stall| crate::unit::nanos(stall.duration))
}

/// The longest run; the first of equals.
fn longest<'a, 'b>(
    runs: impl Iterator<Item = (&'a Plan, u64, &'b Outcome)>,
    measure: impl Fn(&Outcome) -> u64,
) -> Option<(&'a Plan, u64)> {
    let longer = |longest: (&'a Plan, u64, &'b Outcome), run: (&'a Plan, u64, &'b Outcome)| {
        if measure(run.2) > measure(longest.2) { run } else { longest }
    };
    runs.reduce(longer).map(|(plan, seed, _)| (plan, seed))
}
