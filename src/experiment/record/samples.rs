//! Every message of a run as a row of CSV.

use std::{collections::BTreeMap, fmt::Write as _, sync::Arc};

use crate::{
    channel::Delivery,
    experiment::{
        plan::Plan,
        record::observe::{Sample, SampleSink, Status},
        workload::Workload,
    },
    unit::{Mutex, Time},
    wire::MessageId,
};

/// The columns of the samples of messages. `seq` is a message's number in the schedule, over all flows, and the number
/// of the message that blocked it is of the same kind.
pub const SAMPLE_COLUMNS: &str = "seed,transport,flow,seq,due_ns,sent_ns,server_arrived_ns,\
    server_released_ns,client_arrived_ns,client_released_ns,to_server_blocked_by_flow,to_server_blocked_by_seq,\
    to_client_blocked_by_flow,to_client_blocked_by_seq,status";

/// The rows of one run, without their cell.
#[derive(Clone)]
pub struct SampleRows {
    /// By number.
    rows: Arc<Mutex<BTreeMap<u64, String>>>,
    prefix: String,
    workload: Workload,
}

impl SampleRows {
    /// The rows of a run of `plan`.
    pub fn new(plan: &Plan, seed: u64) -> Self {
        Self {
            rows: Arc::default(),
            prefix: format!("{seed},{}", plan.transport.name()),
            workload: plan.workload.clone(),
        }
    }

    /// Adds a row for each message that it is shown.
    pub fn sink(&self) -> SampleSink {
        let rows = self.clone();
        Box::new(move |sample| {
            let (number, row) = (rows.workload.number(sample.id), rows.row(sample));
            rows.rows.lock().insert(number, row);
        })
    }

    /// The rows so far, in the order of the messages.
    pub fn text(&self) -> String {
        self.rows.lock().values().map(String::as_str).collect()
    }

    fn row(&self, sample: &Sample) -> String {
        let MessageId { flow, .. } = sample.id;
        let number = self.workload.number(sample.id);
        let mut row = format!("{},{flow},{number},{}", self.prefix, sample.due.as_nanos());
        let mut cell = |value: Option<u64>| match value {
            // Writing to a string cannot fail.
            Some(value) => drop(write!(row, ",{value}")),
            None => row.push(','),
        };
        cell(sample.sent.map(Time::as_nanos));
        for delivery in [&sample.server, &sample.client] {
            cell(delivery.as_ref().and_then(|delivery| delivery.arrived).map(Time::as_nanos));
            cell(delivery.as_ref().map(|delivery| delivery.released.as_nanos()));
        }
        for delivery in [&sample.server, &sample.client] {
            let blocker = delivery.as_ref().and_then(|delivery: &Delivery| delivery.blocked_by);
            cell(blocker.map(|blocker| blocker.flow.into()));
            cell(blocker.map(|blocker| self.workload.number(blocker)));
        }
        row.push_str(match sample.status {
            Status::Delivered => ",delivered\n",
            Status::Lost => ",lost\n",
            Status::Unfinished => ",unfinished\n",
            Status::Unknown => ",unknown\n",
        });
        row
    }
}
