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
use crate::{transport::Delivery, unit::Time, wire::MessageId};

/// The first line. `seq` is a message's number in the schedule, over all flows; what blocked it is told likewise.
pub const SAMPLE_COLUMNS: &str = "cell,seed,transport,flow,seq,due_ns,sent_ns,server_arrived_ns,\
    server_released_ns,client_arrived_ns,client_released_ns,to_server_blocked_by_flow,to_server_blocked_by_seq,\
    to_client_blocked_by_flow,to_client_blocked_by_seq,status";

/// A file of samples that many runs write to, each in its turn.
pub struct SampleFile<W> {
    state: Mutex<State<W>>,
    next: Condvar,
}

struct State<W> {
    out: W,
    /// The job whose turn it is.
    turn: usize,
    /// The plan that was written last, and its place among those with any outcome: the index of its cell.
    cell: Option<(usize, usize)>,
    failed: Option<io::Error>,
}

/// The place of a run among all: jobs are counted from 0 in the order in which they are begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The job.
    pub job: usize,
    /// The plan, counted over everything that is written to the file.
    pub plan: usize,
}

/// A run's right to write. Given back without rows it lets the next run have its turn.
pub struct Turn<'a, W: Write> {
    file: &'a SampleFile<W>,
    place: Place,
    rows: Option<String>,
}

impl<W: Write> SampleFile<W> {
    /// A file that begins with the names of its columns.
    pub fn new(mut out: W) -> Self {
        let failed = writeln!(out, "{SAMPLE_COLUMNS}").err();
        Self { state: Mutex::new(State { out, turn: 0, cell: None, failed }), next: Condvar::new() }
    }

    /// Runs that were begun in order take their turns in that order. Every job must take one, even one that fails.
    pub fn turn(&self, place: Place) -> Turn<'_, W> {
        Turn { file: self, place, rows: None }
    }

    /// What was written to.
    ///
    /// # Errors
    ///
    /// The first error of writing.
    pub fn finish(self) -> io::Result<W> {
        let State { mut out, failed, .. } = self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        failed.map_or(Ok(()), Err)?;
        out.flush()?;
        Ok(out)
    }

    fn write(&self, place: Place, rows: Option<&str>) {
        let mut state = self.lock();
        while state.turn != place.job {
            state = self.next.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if let Some(rows) = rows {
            state.write(place.plan, rows);
        }
        state.turn += 1;
        drop(state);
        self.next.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State<W>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<W: Write> State<W> {
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

impl<W: Write> Turn<'_, W> {
    /// Writes the rows of a run that was made, when its turn has come.
    pub fn take(mut self, rows: &SampleRows) {
        self.rows = Some(rows.text());
    }
}

impl<W: Write> Drop for Turn<'_, W> {
    /// A run that panics gives its turn back too, or the others would wait for ever.
    fn drop(&mut self) {
        let rows = self.rows.take().filter(|_| !thread::panicking());
        self.file.write(self.place, rows.as_deref());
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
    /// Of a run of `plan`.
    pub fn new(plan: &Plan, seed: u64) -> Self {
        Self {
            rows: Arc::default(),
            prefix: format!("{seed},{}", plan.transport.name()),
            workload: plan.workload.clone(),
        }
    }

    /// What takes them down.
    pub fn sink(&self) -> SampleSink {
        let rows = self.clone();
        Box::new(move |sample| {
            let (number, row) = (rows.workload.number(sample.id), rows.row(sample));
            rows.lock().insert(number, row);
        })
    }

    fn text(&self) -> String {
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
