//! The textbook's table of transports, measured: every cell is the outcome of a run.
//!
//! A row is a claim and the run that decides it. The run is the same for all transports, so a transport that behaves
//! differently gets another cell without a change here.

mod connecting;
mod ends;
mod error;
mod group;
mod messages;
mod row;

use std::{
    num::NonZero,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::Duration,
};

pub(crate) use self::{
    error::PropertyError,
    row::{Row, Subject},
};
use crate::{
    report::{Answer, PropertyCell, PropertyRow, PropertyTable},
    transport::Transport,
};

/// Every row, in the order of the table.
pub(crate) const ROWS: &[Row] = &[
    connecting::CONNECTION,
    connecting::FIRST_REPLY,
    ends::BOUNDARIES,
    messages::ORDER,
    messages::REPAIR,
    messages::DUPLICATES,
    messages::DAMAGE,
    ends::IMPOSTOR,
    ends::SECRECY,
    messages::BLOCKING,
    messages::OVERHEAD,
    messages::LARGEST,
    group::RECEIVERS,
    ends::STATE,
];

/// Round trip of the link of every run.
const RTT: Duration = Duration::from_millis(20);

/// Measures every row for each of `transports`. Uses several threads, because runs in real time mostly wait.
pub fn measure(transports: &[Transport]) -> PropertyTable {
    /// Runs in real time at once, each of which sleeps most of its time.
    const AT_ONCE: usize = 8;
    let jobs = ROWS.len() * transports.len();
    let next = AtomicUsize::new(0);
    let work = || {
        let mut cells = Vec::new();
        // Columns at the end of the list are run in real time by default, so those start first.
        while let Some(job) = jobs.checked_sub(1 + next.fetch_add(1, Ordering::Relaxed)) {
            let (row, column) = (job % ROWS.len(), job / ROWS.len());
            let cell = cell(&ROWS[row], Subject::of(transports[column]));
            cells.push(((row, column), cell));
        }
        cells
    };
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let mut cells: Vec<((usize, usize), PropertyCell)> = thread::scope(|scope| {
        let workers: Vec<_> = (0..cores.max(AT_ONCE)).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap_or_default()).collect()
    });
    cells.sort_by_key(|(place, _)| *place);
    let mut cells = cells.into_iter().map(|(_, cell)| cell);
    let row = |row: &Row| PropertyRow {
        claim: row.claim.to_owned(),
        how: row.how.to_owned(),
        cells: cells.by_ref().take(transports.len()).collect(),
    };
    PropertyTable::new(ROWS.iter().map(row).collect())
}

fn cell(row: &Row, subject: Subject) -> PropertyCell {
    let (answer, problem) = match (row.measure)(subject) {
        Ok(answer) => (Some(answer), None),
        Err(error) => (None, Some(error.to_string())),
    };
    PropertyCell {
        row: row.claim.to_owned(),
        transport: subject.transport.name().to_owned(),
        path: subject.path.to_string(),
        answer,
        problem,
    }
}

#[cfg(test)]
mod tests;
