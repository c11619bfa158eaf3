//! Every message of every run as a row of a CSV file.
//!
//! Rows stand in the order of cells, seeds and messages, whatever the number of threads: a run keeps its rows until
//! all runs before it have written theirs, and no other run is begun on its thread before that. So no more is held
//! than the rows of one run a thread.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    io::{self, Write},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
};

use super::{
    observe::{Sample, SampleSink, Status},
    plan::Plan,
    workload::Workload,
};
use crate::{channel::Delivery, unit::Time, wire::MessageId};

/// The columns of the samples of messages. `seq` is a message's number in the schedule, over all flows, and the number
/// of the message that blocked it is of the same kind.
pub const SAMPLE_COLUMNS: &str = "seed,transport,flow,seq,due_ns,sent_ns,server_arrived_ns,\
    server_released_ns,client_arrived_ns,client_released_ns,to_server_blocked_by_flow,to_server_blocked_by_seq,\
    to_client_blocked_by_flow,to_client_blocked_by_seq,status";

/// A file of samples that many runs write to, each in its turn.
pub struct SampleFile {
    state: Mutex<State>,
    turn_ended: Condvar,
}

struct State {
    out: Box<dyn Write + Send>,
    /// The job whose turn it is.
    turn: usize,
    /// The plan that was written last, and its index among the plans with any outcome: the index of its cell.
    cell: Option<(usize, usize)>,
    failed: Option<io::Error>,
}

/// The index of a run: jobs are counted from 0 in the order in which they are started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct JobIndex {
    /// The job.
    pub job: usize,
    /// Its plan, counted over everything that is written to the file.
    pub plan: usize,
}

/// A run's turn to write. Dropped without rows, it passes the turn on.
pub struct Reservation<'a> {
    file: &'a SampleFile,
    index: JobIndex,
    rows: Option<String>,
}

impl SampleFile {
    /// A file that begins with `columns`, the names of its columns after that of the cell.
    pub fn new(mut out: Box<dyn Write + Send>, columns: &str) -> Self {
        let failed = writeln!(out, "cell,{columns}").err();
        Self { state: Mutex::new(State { out, turn: 0, cell: None, failed }), turn_ended: Condvar::new() }
    }

    /// Reserves the turn of a job. Every job must take its turn, in the order of their indices, even one that fails.
    pub fn reserve(&self, index: JobIndex) -> Reservation<'_> {
        Reservation { file: self, index, rows: None }
    }

    /// Flushes the file.
    ///
    /// # Errors
    ///
    /// Returns the first error of writing.
    pub fn finish(self) -> io::Result<()> {
        let State { mut out, failed, .. } = self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        failed.map_or(Ok(()), Err)?;
        out.flush()
    }

    fn write(&self, index: JobIndex, rows: Option<&str>) {
        let mut state = self.lock();
        while state.turn != index.job {
            state = self.turn_ended.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if let Some(rows) = rows {
            state.write(index.plan, rows);
        }
        state.turn += 1;
        drop(state);
        self.turn_ended.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn write(&mut self, plan: usize, rows: &str) {
        let cell = match self.cell {
            None => 0,
            Some((last, cell)) => cell + usize::from(last != plan),
        };
        self.cell = Some((plan, cell));
        if self.failed.is_none() {
            let written = rows.lines().try_for_each(|row| writeln!(self.out, "{cell},{row}"));
            self.failed = written.err();
        }
    }
}

impl Reservation<'_> {
    /// Writes the rows of a run when its turn comes.
    pub fn write(mut self, rows: String) {
        self.rows = Some(rows);
    }
}

impl Drop for Reservation<'_> {
    /// A run that panics passes its turn on too, or the others would wait forever.
    fn drop(&mut self) {
        let rows = self.rows.take().filter(|_| !thread::panicking());
        self.file.write(self.index, rows.as_deref());
    }
}

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
            rows.lock().insert(number, row);
        })
    }

    /// The rows so far, in the order of the messages.
    pub fn text(&self) -> String {
        self.lock().values().map(String::as_str).collect()
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
        });
        row
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, String>> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
