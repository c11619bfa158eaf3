//! A row of a result: the transfers of one plan, over all seeds.

use std::time::Duration;

use super::{TransferOutcome, TransferPlan};
use crate::{
    experiment::result::{
        cell::{congestion, loss_detection},
        pool,
        queueing::{ecn, queueing},
        settings::link,
        truth::truth,
    },
    path::Fidelity,
    report::{self, Cell, Flag, Ratio},
    stats::Histogram,
    transport::{Recovery, Shape},
    unit::nanos,
};

/// Pools the transfers of one plan.
pub fn cell(plan: &TransferPlan, outcomes: &[(u64, TransferOutcome)]) -> Cell {
    let link = plan.path.has_link().then(|| link(&plan.links));
    let workload = report::Workload { flows: plan.flows.into(), ..report::Workload::default() };
    let mut cell = Cell::new(plan.transport.name(), plan.path.name(), link, workload);
    let outcomes: Vec<&TransferOutcome> = outcomes.iter().map(|(_, outcome)| outcome).collect();
    cell.congestion = congestion(plan.transport, plan.path, plan.congestion);
    cell.loss_detection = loss_detection(&plan.setup());
    cell.seeds = outcomes.len() as u64;
    cell.connect_ns = Some(histogram(outcomes.iter().map(|outcome| nanos(outcome.connect))).summary());
    let arrived = outcomes.iter().map(|outcome| outcome.arrived).sum();
    cell.wire = pool::wire(outcomes.iter().map(|outcome| outcome.wire), arrived);
    cell.queue = queueing(outcomes.iter().map(|outcome| (outcome.queue.as_ref(), outcome.wire)));
    cell.ecn = ecn(outcomes.iter().map(|outcome| outcome.ecn));
    cell.recovery = Some(recovery(plan, &outcomes));
    cell.transfer = Some(transfer(plan, &outcomes));
    cell.flags = flags(&cell, &outcomes);
    cell
}

fn histogram(values: impl Iterator<Item = u64>) -> Histogram {
    let mut histogram = Histogram::new();
    values.for_each(|value| histogram.record(value));
    histogram
}

fn transfer(plan: &TransferPlan, outcomes: &[&TransferOutcome]) -> report::Transfer {
    let bytes = plan.content.bytes();
    let times = || outcomes.iter().filter_map(|outcome| outcome.time);
    let completed = times().count() as u64;
    let goodput = times().filter(|time| !time.is_zero()).map(|time| {
        let bps = u128::from(bytes) * 8 * 1_000_000_000 / time.as_nanos();
        u64::try_from(bps).unwrap_or(u64::MAX)
    });
    let known = || outcomes.iter().filter_map(|outcome| outcome.arrived);
    let (arrived, of) = (known().reduce(|sum, more| sum + more), bytes * known().count() as u64);
    let missing = |outcome: &&TransferOutcome| {
        Some(report::Missing {
            bytes: bytes.checked_sub(outcome.arrived?).filter(|_| outcome.gaps > 0)?,
            parts: outcome.gaps,
            first: outcome.missing.iter().map(|gap| [gap.start, gap.end]).collect(),
        })
    };
    report::Transfer {
        direction: Some(plan.direction),
        bytes,
        pace_bps: (plan.transport.shape() == Shape::Datagrams).then(|| plan.pace.bits_per_second()),
        completed,
        failed: outcomes.len() as u64 - completed,
        time_ns: histogram(times().map(nanos)).summary(),
        goodput_bps: histogram(goodput).summary(),
        unknown: (outcomes.len() - known().count()) as u64,
        arrived_bytes: arrived,
        arrived_ratio: arrived.and_then(|arrived| Ratio::of(arrived, of)),
        missing: outcomes.iter().find_map(missing),
        stopped: outcomes.iter().find_map(|outcome| outcome.stopped.clone()),
    }
}

fn recovery(plan: &TransferPlan, outcomes: &[&TransferOutcome]) -> report::Recovery {
    let ends: Vec<&Recovery> =
        outcomes.iter().flat_map(|outcome| [&outcome.client, &outcome.server]).collect();
    let truth = truth(plan.transport, outcomes.iter().map(|outcome| outcome.truth.as_ref()));
    report::Recovery { truth, ..pool::transfer_recovery(plan.transport, &ends) }
}

/// A transfer gets a flag if a limit kept data from being sent for more than this share of the time.
const LIMITED_SHARE: f64 = 0.1;

/// The share of the transfer time above which a busy thread counts as the limit.
const BUSY_SHARE: f64 = 0.9;

/// Whether the thread of either end was busy for nearly all of the time of completed transfers.
fn is_machine_limited(outcomes: &[&TransferOutcome]) -> bool {
    let completed = || outcomes.iter().filter_map(|outcome| Some((outcome.time?, outcome)));
    let took: Duration = completed().map(|(time, _)| time).sum();
    let busy = |of: fn(&TransferOutcome) -> Option<Duration>| {
        let used: Duration = completed().filter_map(|(_, outcome)| of(outcome)).sum();
        used > took.mul_f64(BUSY_SHARE)
    };
    busy(|outcome| outcome.client_busy) || busy(|outcome| outcome.server_busy)
}

fn flags(cell: &Cell, outcomes: &[&TransferOutcome]) -> Vec<Flag> {
    let ways = || cell.wire.iter().flat_map(|wire| [wire.to_server, wire.to_client]).flatten();
    let fidelity = Fidelity::of_all(outcomes.iter().filter_map(|outcome| outcome.fidelity.as_ref()));
    let machine = |of: fn(&Fidelity) -> u64| fidelity.as_ref().is_some_and(|fidelity| of(fidelity) > 0);
    let ends: Vec<&Recovery> =
        outcomes.iter().flat_map(|outcome| [&outcome.client, &outcome.server]).collect();
    let took: Duration = outcomes.iter().map(|outcome| outcome.took).sum();
    let limits = pool::limit_flags(pool::limited_by(&ends), took.mul_f64(LIMITED_SHARE));
    let flags = [
        (Flag::QueueDropped, ways().any(|way| way.queue_dropped > 0)),
        (Flag::MachineDropped, machine(|fidelity| fidelity.dropped.unwrap_or(0))),
        (Flag::MachineLimited, is_machine_limited(outcomes)),
        (Flag::SendErrors, machine(|fidelity| fidelity.send_errors)),
    ];
    limits.into_iter().chain(flags.into_iter().filter_map(|(flag, is_so)| is_so.then_some(flag))).collect()
}
