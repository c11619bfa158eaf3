//! A row of a result: the loads of one plan, over all seeds.

use super::{PageOutcome, PagePlan};
use crate::{
    experiment::result::{
        cell::{congestion, loss_detection},
        pool,
        seeds::{Pool, per_seed, round_trips},
        settings::link,
    },
    path::Fidelity,
    report::{self, Cell, Flag, PagePhases, Ratio},
};

/// Pools the outcomes of one plan.
pub(super) fn cell(plan: &PagePlan, outcomes: &[(u64, PageOutcome)]) -> Cell {
    let link = plan.path.has_link().then(|| link(&plan.links));
    let workload = report::Workload {
        application: Some(plan.page.to_string()),
        flows: plan.flows.into(),
        length_bytes: Some(super::REQUEST_BYTES as u64),
        ..report::Workload::default()
    };
    let mut cell = Cell::new(plan.transport.name(), plan.path.name(), link, workload);
    let pool = Pool(outcomes);
    cell.congestion = congestion(plan.transport, plan.path, plan.congestion);
    cell.loss_detection = loss_detection(&plan.setup());
    cell.seeds = outcomes.len() as u64;
    cell.connect_ns = Some(pool.merge(|outcome| &outcome.connect).summary());
    let complete = || outcomes.iter().map(|(_, outcome)| outcome).filter(|outcome| outcome.all.n() > 0);
    let bytes = complete().map(|outcome| outcome.bytes * outcome.all.n()).sum();
    cell.wire = pool::wire(complete().map(|outcome| outcome.wire), Some(bytes));
    let resent = outcomes.iter().filter_map(|(_, outcome)| outcome.resent).reduce(|sum, resent| sum + resent);
    cell.recovery = resent.map(|resent| report::Recovery {
        retransmitted_packets: Some(resent),
        ..report::Recovery::default()
    });
    cell.page = Some(page(plan, &pool));
    let failed = |outcome: &PageOutcome| Ratio::of(outcome.failed, outcome.loads);
    let row = |(seed, outcome): &(u64, PageOutcome)| per_seed(*seed, &outcome.all, failed(outcome));
    cell.per_seed = outcomes.iter().map(row).collect();
    cell.flags = flags(&cell, &pool);
    cell
}

fn page(plan: &PagePlan, pool: &Pool<'_, PageOutcome>) -> report::Page {
    let all = pool.merge(|outcome| &outcome.all);
    let complete = all.n();
    let per_load = |sum: u64| sum.checked_div(complete);
    let phases = PagePhases {
        connecting_ns: pool.sum(|outcome| outcome.phases.connecting_ns),
        waiting_ns: pool.sum(|outcome| outcome.phases.waiting_ns),
        request_ns: pool.sum(|outcome| outcome.phases.request_ns),
        receiving_ns: pool.sum(|outcome| outcome.phases.receiving_ns),
    };
    report::Page {
        mode: plan.mode,
        max_connections: PagePlan::has_connections(plan.transport).then_some(plan.connections.into()),
        objects: plan.page.count(),
        mean_bytes: pool.sum(|outcome| outcome.bytes).checked_div(pool.0.len() as u64),
        loads: pool.sum(|outcome| outcome.loads),
        complete,
        failed: pool.sum(|outcome| outcome.failed),
        connections_per_load: Ratio::new(pool.sum(|outcome| outcome.connections) as f64 / complete as f64),
        first_byte_ns: pool.merge(|outcome| &outcome.first_byte).summary(),
        document_ns: pool.merge(|outcome| &outcome.document).summary(),
        first_object_ns: pool.merge(|outcome| &outcome.first_object).summary(),
        each_object_ns: pool.merge(|outcome| &outcome.each).summary(),
        object_first_byte_ns: pool.merge(|outcome| &outcome.each_first_byte).summary(),
        complete_ns: all.summary(),
        round_trips: plan.round_trip().and_then(|round_trip| round_trips(&all, round_trip)),
        phases_mean_ns: (complete > 0).then(|| phases.map(|sum| per_load(sum).unwrap_or(0))),
        problem: pool.0.iter().find_map(|(_, outcome)| outcome.problem.clone()),
    }
}

fn flags(cell: &Cell, pool: &Pool<'_, PageOutcome>) -> Vec<Flag> {
    let fidelity = Fidelity::of_all(pool.0.iter().filter_map(|(_, outcome)| outcome.fidelity.as_ref()));
    let machine = |of: fn(&Fidelity) -> u64| fidelity.as_ref().is_some_and(|fidelity| of(fidelity) > 0);
    let ways = || cell.wire.iter().flat_map(|wire| [wire.to_server, wire.to_client]).flatten();
    let flags = [
        (Flag::NoReply, pool.merge(|outcome| &outcome.all).n() == 0),
        (Flag::QueueDropped, ways().any(|way| way.queue_dropped > 0)),
        (Flag::MachineDropped, machine(|fidelity| fidelity.dropped.unwrap_or(0))),
        (Flag::SendErrors, machine(|fidelity| fidelity.send_errors)),
    ];
    flags.into_iter().filter_map(|(flag, is_so)| is_so.then_some(flag)).collect()
}
