//! A row of a result: messages beside a background, over all seeds.

use super::plan::{LoadedOutcome, LoadedPlan};
use crate::{
    channel::Exchange,
    experiment::{
        matrix::Runs,
        plan::Plan,
        record::outcome::Outcome,
        result::{cell::cell as messages_cell, pool},
        senders::{Crossed, Flow},
    },
    report::{Cell, Flag, Load, LoadSender, Ratio},
    stats::{Histogram, Means, Percentile, Pooled, Seeds, paired},
};

/// Pools the runs of one plan. The figures of the cell are those beside the background.
pub(super) fn cell(plan: &LoadedPlan, runs: &Runs<LoadedOutcome>) -> Cell {
    let idle = runs.select(|outcome| &outcome.idle).outcomes;
    let loaded = runs.select(|outcome| &outcome.loaded).outcomes;
    let mut cell = messages_cell(&plan.plan, &loaded);
    // The background fills the queue on purpose.
    cell.flags.retain(|flag| !matches!(flag, Flag::Congested | Flag::KernelCongested));
    let idle_cell = messages_cell(&plan.plan, &idle);
    let seeds = |arm: &[(u64, Outcome)]| -> Seeds {
        let latencies: Vec<Histogram> = arm.iter().map(|(_, outcome)| outcome.latency.clone()).collect();
        Seeds::new(&latencies)
    };
    let (before, after) = (seeds(&idle), seeds(&loaded));
    let median = Percentile::P50;
    let added = paired(&after.percentile(median), &before.percentile(median));
    let nanoseconds = |value: f64| libm::round(value) as i64;
    let queue = |cell: &Cell| Some(cell.budget_ns.as_ref()?.queue?.cast_signed());
    let added_queue = queue(&cell).zip(queue(&idle_cell)).map(|(beside, alone)| beside - alone);
    let flows = plan.flows();
    cell.load = Some(Load {
        background: flows
            .iter()
            .enumerate()
            .map(|(index, flow)| sender(plan, index, flow, &runs.outcomes))
            .collect(),
        idle_latency_ns: idle_cell.latency_ns,
        idle_loss_ratio: idle_cell.loss_ratio,
        added_p50_ns: added.map(|added| nanoseconds(added.difference)),
        added_p50_ci95_ns: added.and_then(|added| added.ci95).map(|ends| ends.map(nanoseconds)),
        added_queue_ns: added_queue.map(|added| added / crossed(&plan.plan)),
    });
    cell
}

/// How many directions of the link a message crosses, with its reply.
fn crossed(plan: &Plan) -> i64 {
    match plan.workload.application.exchange() {
        Exchange::Answers => 2,
        Exchange::OneWay | Exchange::BothWays => 1,
    }
}

/// One flow of the background.
fn sender(plan: &LoadedPlan, index: usize, flow: &Flow, outcomes: &[(u64, LoadedOutcome)]) -> LoadSender {
    let Flow { sender, direction } = *flow;
    let flows = || outcomes.iter().map(|(_, outcome)| &outcome.flows);
    let rates = flows().filter_map(|flows| {
        let flow = &flows.flows[index];
        flows.goodput(index, [flows.counted_from.max(flow.start), flow.end])
    });
    let rates = Means::new(rates.collect());
    let Crossed { packets, dropped } = flows().map(|flows| flows.flows[index].crossed).sum();
    let ends: Vec<_> = flows()
        .flat_map(|flows| [&flows.flows[index].transfer.client, &flows.flows[index].transfer.server])
        .collect();
    LoadSender {
        sender: sender.to_string(),
        transport: sender.transport.name().to_owned(),
        congestion: sender.controller(plan.plan.path),
        direction,
        goodput_bps: rates.value(&vec![1; rates.seeds()]).map(|rate| libm::round(rate) as u64),
        packets,
        dropped,
        loss_ratio: Ratio::of(dropped, packets),
        retransmitted_packets: pool::transfer_recovery(sender.transport, &ends).retransmitted_packets,
    }
}
