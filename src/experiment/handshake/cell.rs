//! A row of a result: the connections of one plan, pooled over seeds.

use super::{HandshakeOutcome, HandshakePlan};
use crate::{
    experiment::result::{
        cell::{congestion, loss_detection},
        seeds::{Pool, per_seed, round_trips},
        settings::link,
    },
    link::Counters,
    report::{self, Cell, Flag, Ratio},
    unit::PerDirection,
};

/// Pools the outcomes of one plan.
pub fn handshake_cell(plan: &HandshakePlan, outcomes: &[(u64, HandshakeOutcome)]) -> Cell {
    let link = plan.path.has_link().then(|| link(&plan.links));
    let workload = report::Workload {
        flows: 1,
        length_bytes: Some(plan.length as u64),
        reply_length_bytes: Some(plan.length as u64),
        ..report::Workload::default()
    };
    let mut cell = Cell::new(plan.transport.name(), plan.path.name(), link, workload);
    let pool = Pool(outcomes);
    cell.congestion = congestion(plan.transport, plan.path, plan.congestion);
    cell.loss_detection = loss_detection(&plan.setup());
    cell.seeds = outcomes.len() as u64;
    let connections = pool.sum(|outcome| outcome.connections);
    let failed = pool.sum(|outcome| outcome.failed);
    let first = pool.merge(|outcome| &outcome.first);
    let PerDirection { to_server, to_client } =
        pool.wire().map_or_else(Default::default, |wire| wire.map(Some));
    let per_connection =
        |way: Option<Counters>, of: fn(&Counters) -> u64| Ratio::new(of(&way?) as f64 / first.n() as f64);
    let bytes = |way| per_connection(way, |way| way.bytes).map(|mean| libm::round(mean.get()) as u64);
    cell.handshake = Some(report::Handshake {
        mode: plan.mode,
        connections: Some(connections),
        failed: Some(failed),
        connect_ns: Some(pool.merge(|outcome| &outcome.connect).summary()),
        first_reply_ns: Some(first.summary()),
        second_reply_ns: Some(pool.merge(|outcome| &outcome.second).summary()),
        over_1s_ratio: Ratio::of(pool.sum(|outcome| outcome.over_a_second), connections),
        round_trips: plan.round_trip().and_then(|round_trip| round_trips(&first, round_trip)),
        packets_to_server: per_connection(to_server, |way| way.packets),
        packets_to_client: per_connection(to_client, |way| way.packets),
        bytes_to_server: bytes(to_server),
        bytes_to_client: bytes(to_client),
        connections_per_second: (!plan.path.has_link()).then(|| pool.rate()).flatten(),
    });
    let failed = |outcome: &HandshakeOutcome| Ratio::of(outcome.failed, outcome.connections);
    let row = |(seed, outcome): &(u64, HandshakeOutcome)| per_seed(*seed, &outcome.first, failed(outcome));
    cell.per_seed = outcomes.iter().map(row).collect();
    if first.n() == 0 {
        cell.flags.push(Flag::NoReply);
    }
    cell
}

impl Pool<'_, HandshakeOutcome> {
    /// Packets on the wire until the first replies; `None` if one is not known.
    fn wire(&self) -> Option<PerDirection<Counters>> {
        let mut sum = PerDirection::default();
        for (_, outcome) in self.0.iter().filter(|(_, outcome)| outcome.first.n() > 0) {
            sum += outcome.wire?;
        }
        Some(sum)
    }

    /// Completed connections a second.
    fn rate(&self) -> Option<Ratio> {
        let seconds: f64 = self.0.iter().map(|(_, outcome)| outcome.elapsed.as_secs_f64()).sum();
        Ratio::new(self.sum(|outcome| outcome.connections - outcome.failed) as f64 / seconds)
    }
}
