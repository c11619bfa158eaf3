//! A row of a result: the memory of the connections of one plan, as the mean over seeds.

use super::{Growth, HeldOutcome};
use crate::{
    experiment::{
        handshake::HandshakePlan,
        matrix::Runs,
        result::cell::{congestion, loss_detection},
    },
    report::{self, Cell},
};

pub(super) fn cell(plan: &HandshakePlan, runs: &Runs<HeldOutcome>) -> Cell {
    let workload = report::Workload {
        flows: 1,
        length_bytes: Some(plan.length as u64),
        reply_length_bytes: Some(plan.length as u64),
        ..report::Workload::default()
    };
    let mut cell = Cell::new(plan.transport.name(), plan.path.name(), None, workload);
    let seeds = runs.outcomes.len() as u64;
    let mean = |of: fn(&HeldOutcome) -> Growth| {
        let sum: u64 = runs.outcomes.iter().map(|(_, outcome)| of(outcome).bytes()).sum();
        sum / seeds.max(1)
    };
    let [client, server] = [mean(|outcome| outcome.client), mean(|outcome| outcome.server)];
    let each = |bytes: u64| bytes / plan.connections.max(1);
    cell.congestion = congestion(plan.transport, plan.path, plan.congestion);
    cell.loss_detection = loss_detection(&plan.setup());
    cell.seeds = seeds;
    cell.memory = Some(report::Memory {
        connections: plan.connections,
        client_bytes: client,
        server_bytes: server,
        client_bytes_per_connection: each(client),
        server_bytes_per_connection: each(server),
    });
    cell
}
