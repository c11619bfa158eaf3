//! A file of samples, as CSV or JSON Lines, that many runs write to.
//!
//! Rows stand in the order of cells and seeds, whatever the number of threads: a run keeps its rows until all runs
//! before it have written theirs, and its thread starts no other run before that. So no more is held than the rows of
//! one run a thread.

use std::{
    fmt::Write as _,
    io::{self, Write},
    sync::{Condvar, PoisonError},
    thread,
};

use crate::unit::Mutex;

/// A file of samples that many runs write to, each in its turn.
pub struct SampleFile {
    state: Mutex<State>,
    turn_ended: Condvar,
}

/// The format of a file of samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SampleFormat {
    /// CSV with a header.
    Csv,
    /// A JSON object per line, with the columns of the CSV as its keys. Empty fields are null.
    JsonLines,
}

struct State {
    out: Box<dyn Write + Send>,
    format: SampleFormat,
    /// The names of the columns, that of the cell first.
    columns: String,
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
    /// A file with these `columns` after that of the cell.
    pub fn new(mut out: Box<dyn Write + Send>, format: SampleFormat, columns: &str) -> Self {
        let columns = format!("cell,{columns}");
        let failed = match format {
            SampleFormat::Csv => writeln!(out, "{columns}").err(),
            SampleFormat::JsonLines => None,
        };
        let state = State { out, format, columns, turn: 0, cell: None, failed };
        Self { state: Mutex::new(state), turn_ended: Condvar::new() }
    }

    /// Reserves the turn of a job. Every job must take its turn, in the order of their indices, even one that fails.
    pub fn reserve(&self, index: JobIndex) -> Reservation<'_> {
        Reservation { file: self, index, rows: None }
    }

    /// Flushes the file. Returns the first error of writing.
    pub fn finish(self) -> io::Result<()> {
        let State { mut out, failed, .. } = self.state.into_inner();
        failed.map_or(Ok(()), Err)?;
        out.flush()
    }

    fn write(&self, index: JobIndex, rows: Option<&str>) {
        let mut state = self.state.lock();
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
}

impl State {
    fn write(&mut self, plan: usize, rows: &str) {
        let cell = match self.cell {
            None => 0,
            Some((last, cell)) => cell + usize::from(last != plan),
        };
        self.cell = Some((plan, cell));
        if self.failed.is_none() {
            let written = rows.lines().try_for_each(|row| match self.format {
                SampleFormat::Csv => writeln!(self.out, "{cell},{row}"),
                SampleFormat::JsonLines => {
                    writeln!(self.out, "{}", json_object(&self.columns, &format!("{cell},{row}")))
                }
            });
            self.failed = written.err();
        }
    }
}

/// A row of CSV without quotes as a JSON object: numbers as numbers, other values as strings, empty ones as null.
fn json_object(columns: &str, row: &str) -> String {
    let mut object = String::with_capacity(columns.len() + row.len());
    for (index, (column, value)) in columns.split(',').zip(row.split(',')).enumerate() {
        object.push(if index == 0 { '{' } else { ',' });
        // Writing to a string cannot fail.
        let _ = match value {
            "" => write!(object, "\"{column}\":null"),
            number if number.parse::<u64>().is_ok() => write!(object, "\"{column}\":{number}"),
            name => write!(object, "\"{column}\":\"{name}\""),
        };
    }
    object.push('}');
    object
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
