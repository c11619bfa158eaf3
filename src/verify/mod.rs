//! Cases with a known answer: what they measure is held against closed forms and published figures.
//!
//! A case is one file: it asks a [`Wire`] for runs and packets, and says what should have come out. The wire is an
//! argument so that tests can hand in a broken one and see that the case notices.
//!
//! Samples are drawn from fixed seeds, so a verdict is the same on every run. Every statistical tolerance is at
//! least three standard errors wide, and each case says at which sample size.

mod bursts;
mod chain;
mod echo_loss;
mod finding;
mod handshake;
mod message_loss;
mod null;
mod order;
mod queue;
mod single_drop;
mod text;
mod timeout;
mod wire;

use std::{
    num::NonZero,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use serde::Serialize;

pub use self::{
    finding::{Finding, Unit},
    text::to_table,
    wire::{OneWay, RealWire, Wire},
};
use crate::{
    experiment::{Arrivals, PathKind, Plan, RunError, Wait, Workload},
    link::{LinkSpec, SpecError},
    transport::{Congestion, Transport},
    unit::PerDirection,
};

/// A setting whose outcome is known.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    /// Its number, which users select it by. Cases that look at two sides of one statement share a number.
    pub number: u8,
    /// What is done.
    pub setting: &'static str,
    /// Does it.
    check: fn(&dyn Wire) -> Result<Vec<Finding>, CaseError>,
}

/// Every case, in the order of their numbers.
pub const CASES: &[Case] = &[
    echo_loss::CASE,
    bursts::CASE,
    queue::CASE,
    chain::CASE,
    message_loss::CASE,
    order::ONE_STREAM,
    order::FOUR_STREAMS,
    order::STREAM_PER_MESSAGE,
    single_drop::CASE,
    order::SPARSE_ONE_STREAM,
    order::SPARSE_FOUR_STREAMS,
    null::STREAMS,
    null::SEEDS,
    timeout::CASE,
    handshake::CASE,
];

/// A case that could not be carried out, which counts as failed.
#[derive(Debug, thiserror::Error)]
pub enum CaseError {
    /// A run could not be made.
    #[error(transparent)]
    Run(#[from] RunError),
    /// There is no such link.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// A run showed nothing of what the case is about.
    #[error("{0}")]
    Nothing(&'static str),
}

/// What a case has come to.
#[derive(Debug, Serialize)]
pub struct Verdict {
    /// The number of the case.
    pub case: u8,
    /// What was done.
    pub setting: &'static str,
    /// Whether it could be carried out and all findings hold.
    pub passed: bool,
    /// What was measured, beside what should have been.
    pub findings: Vec<Finding>,
    /// Why there are no findings.
    pub error: Option<String>,
}

impl Case {
    /// Carries the case out on `wire`.
    pub fn verdict(&self, wire: &dyn Wire) -> Verdict {
        let (findings, error) = match (self.check)(wire) {
            Ok(findings) => (findings, None),
            Err(error) => (Vec::new(), Some(error.to_string())),
        };
        let passed = error.is_none() && findings.iter().all(Finding::holds);
        Verdict { case: self.number, setting: self.setting, passed, findings, error }
    }
}

/// Carries `cases` out on all cores, and calls `done` after each. Verdicts come in the order of the cases.
pub fn verify(wire: &dyn Wire, cases: &[Case], done: impl Fn() + Sync) -> Vec<Verdict> {
    let next = AtomicUsize::new(0);
    let finished = Mutex::new(Vec::new());
    let work = || {
        // The last cases take longest, and what takes longest is best begun first.
        while let Some(index) = cases.len().checked_sub(1 + next.fetch_add(1, Ordering::Relaxed)) {
            let verdict = cases[index].verdict(wire);
            finished.lock().unwrap_or_else(PoisonError::into_inner).push((index, verdict));
            done();
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, NonZero::get) {
            scope.spawn(work);
        }
    });
    let mut finished = finished.into_inner().unwrap_or_else(PoisonError::into_inner);
    finished.sort_by_key(|(index, _)| *index);
    finished.into_iter().map(|(_, verdict)| verdict).collect()
}

const MS: Duration = Duration::from_millis(1);

/// A link as it would be written on the command line.
fn link(pairs: &str) -> Result<LinkSpec, SpecError> {
    let mut spec = LinkSpec::default();
    spec.apply_pairs(pairs)?;
    spec.validate()?;
    Ok(spec)
}

/// One flow of messages that fit into one packet, without warm-up, under a window that does not move: what the case
/// is not about has no part in it.
fn plan(transport: Transport, links: PerDirection<LinkSpec>, interval: Duration, messages: u32) -> Plan {
    let workload = Workload {
        flows: 1,
        interval,
        length: 1000,
        reply_length: 1000,
        arrivals: Arrivals::Isochronous,
        warmup: Duration::ZERO,
        duration: interval * messages,
        wait: Wait { times: 3, most: Duration::from_secs(4) },
        deadline: Duration::from_millis(100),
    };
    let congestion = Congestion::Fixed(crate::transport::FIXED_WINDOW_BYTES);
    Plan { path: PathKind::Sim, transport, links, workload, congestion }
}
