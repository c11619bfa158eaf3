//! A row of a result: messages of a client whose address changes, over all seeds.

use std::time::Duration;

use super::plan::{MovedOutcome, MovedPlan};
use crate::{
    channel::Exchange,
    experiment::{
        matrix::Runs,
        migration::{MigrationFigures, Unvalidated},
        result::{cell::cell as messages_cell, settings::link},
    },
    link::Loss,
    path::Handover,
    report::{Cell, Flag, Migration, Ratio},
    stats::Histogram,
    unit::nanos,
};

/// Pools the runs of one plan.
pub(super) fn cell(plan: &MovedPlan, runs: &Runs<MovedOutcome>) -> Cell {
    let figures: Vec<MigrationFigures> = runs.outcomes.iter().map(|(_, outcome)| outcome.migration).collect();
    let mut cell = messages_cell(&plan.plan, &runs.select(|outcome| &outcome.messages).outcomes);
    let migration = migration(plan, &figures);
    cell.theory = None;
    cell.theory_reason = Some("the client's address changes".to_owned());
    if !plan.plan.transport.survives_new_address() {
        // The order of delivery is followed on one connection only.
        (cell.hol, cell.delayed, cell.budget_ns) = (None, None, None);
    }
    if migration.connections > 0 {
        // Only the latest connection reports its counters.
        cell.recovery = None;
    }
    if !loses_at_random(plan) {
        // What the change lost was no random loss.
        cell.flags.retain(|flag| !matches!(flag, Flag::Congested | Flag::KernelCongested));
    }
    cell.migration = Some(migration);
    cell
}

/// Whether a link of the run loses packets besides those that the change loses.
fn loses_at_random(plan: &MovedPlan) -> bool {
    let after = plan.handover.iter().flat_map(|handover| &handover.after);
    plan.plan.links.iter().chain(after).any(|link| link.loss != Loss::NONE)
}

fn migration(plan: &MovedPlan, seeds: &[MigrationFigures]) -> Migration {
    let sum = |of: fn(&MigrationFigures) -> u64| seeds.iter().map(of).sum();
    let times = |of: fn(&MigrationFigures) -> Option<Duration>| {
        let mut times = Histogram::new();
        seeds.iter().filter_map(of).for_each(|time| times.record(nanos(time)));
        times
    };
    let trips: Vec<f64> = seeds.iter().filter_map(|seed| round_trips(plan, seed)).collect();
    let unvalidated = seeds.iter().filter_map(|seed| unvalidated(plan, seed)).reduce(Unvalidated::worse);
    let MovedPlan { rebind, handover, .. } = plan;
    Migration {
        at_ns: nanos(rebind.at),
        changed: rebind.what.to_string(),
        outage_ns: handover.as_ref().map(|handover| nanos(handover.outage)),
        after: handover.as_ref().map(|handover| link(&handover.after)),
        survives: Some(plan.plan.transport.survives_new_address()),
        gap_ns: times(|seed| seed.gap).summary(),
        no_service: sum(|seed| u64::from(seed.gap.is_none())),
        lost: sum(|seed| seed.lost),
        resent_bytes: sum(|seed| seed.repeated_bytes),
        full_speed_ns: times(|seed| seed.full_speed).summary(),
        round_trips: Ratio::new(trips.iter().sum::<f64>() / trips.len() as f64),
        connections: sum(|seed| seed.reconnections.connections),
        connections_after_silence: sum(|seed| seed.reconnections.after_silence),
        reconnected_seeds: sum(|seed| u64::from(seed.reconnections.connections > 0)),
        resent_requests: sum(|seed| seed.reconnections.requests),
        unroutable_packets: sum(|seed| seed.unroutable),
        unvalidated_ratio: unvalidated.and_then(|worst| Ratio::new(worst.factor()?)),
        within_limit: unvalidated.map(|worst| worst.is_within_limit()),
    }
}

/// What the server sent to an address that it had not validated. Only QUIC validates addresses, and a client that
/// connected again left the connection that moved.
fn unvalidated(plan: &MovedPlan, seed: &MigrationFigures) -> Option<Unvalidated> {
    let has_moved = plan.plan.transport.mapping().is_some() && seed.reconnections.connections == 0;
    seed.unvalidated.filter(|_| has_moved)
}

/// The time from the change until latency was as before, in round trips.
fn round_trips(plan: &MovedPlan, seed: &MigrationFigures) -> Option<f64> {
    let round_trip = match plan.plan.workload.application.exchange() {
        Exchange::Answers | Exchange::BothWays => seed.usual?,
        // The latency is that of one direction.
        Exchange::OneWay => {
            let own = || plan.plan.links.iter().map(|link| link.delay).sum();
            plan.handover.as_ref().map_or_else(own, Handover::round_trip)
        }
    };
    (!round_trip.is_zero()).then_some(seed.full_speed?.as_secs_f64() / round_trip.as_secs_f64())
}
