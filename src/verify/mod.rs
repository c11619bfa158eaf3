//! Cases with a known answer: measurements are compared with closed forms and published figures.
//!
//! A case is one file. It measures runs and packets on a [`Wire`] and states the expected figures. The wire is an
//! argument, so that tests can pass a broken one and check that the case fails.
//!
//! Seeds are fixed, so every run gives the same verdict. Every statistical tolerance is at least three standard errors
//! wide, and each case states its sample size.

mod bursts;
mod call;
mod chain;
mod echo_loss;
mod finding;
mod handshake;
mod message_loss;
mod null;
mod order;
mod page;
mod queue;
mod queues;
mod single_drop;
mod text;
mod timeout;
mod wire;

use std::{
    num::NonZero,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::Duration,
};

use serde::Serialize;

use self::finding::Sample;
pub use self::{
    finding::{Finding, Unit},
    text::to_table,
    wire::{Fate, Offer, RealWire, Wire},
};
use crate::{
    experiment::{Arrivals, LEAD, PathKind, Plan, RunError, Wait, Workload, application::Application},
    link::{LinkSpec, Loss, SpecError},
    transport::{Congestion, LossDetection, Transport},
    unit::{PerDirection, Time},
};

/// A setting with a known outcome.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    /// Its number on the command line. Cases about the same statement share a number.
    pub number: u8,
    /// The setting in words.
    pub setting: &'static str,
    /// Runs it.
    check: fn(&dyn Wire) -> Result<Vec<Finding>, CaseError>,
}

/// Every case, in the order of their numbers.
pub const CASES: &[Case] = &[
    echo_loss::UDP,
    echo_loss::UDP_HMAC,
    echo_loss::DTLS,
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
    queues::DROPS,
    queues::STANDING,
    queues::FQ_CODEL,
    queues::PIE_RISE,
    queues::PIE_SETTLED,
    queues::RED,
    call::LOSS,
    call::FREEZE,
    page::CASE,
];

/// A case that could not be run. It counts as failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CaseError {
    /// A run failed.
    #[error(transparent)]
    Run(#[from] RunError),
    /// Its link is invalid.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// A run did not show what the case measures.
    #[error("{0}")]
    Nothing(&'static str),
}

/// The result of a case.
#[derive(Debug, Serialize)]
pub struct Verdict {
    /// The number of the case.
    pub case: u8,
    /// The setting in words.
    pub setting: &'static str,
    /// Whether it could be run and all findings hold.
    pub passed: bool,
    /// The measured and the expected figures.
    pub findings: Vec<Finding>,
    /// Why it could not be run.
    pub error: Option<String>,
}

impl Case {
    /// Runs the case on `wire`.
    pub(crate) fn verdict(&self, wire: &dyn Wire) -> Verdict {
        let (findings, error) = match (self.check)(wire) {
            Ok(findings) => (findings, None),
            Err(error) => (Vec::new(), Some(error.to_string())),
        };
        let passed = error.is_none() && findings.iter().all(|finding| finding.holds);
        Verdict { case: self.number, setting: self.setting, passed, findings, error }
    }
}

/// Runs `cases` on all cores and hands each verdict to `done` with the index of its case.
pub fn verify(wire: &dyn Wire, cases: &[Case], done: impl Fn(usize, Verdict) + Sync) {
    let next = AtomicUsize::new(0);
    let work = || {
        // The last cases take longest, so they start first.
        while let Some(index) = cases.len().checked_sub(1 + next.fetch_add(1, Ordering::Relaxed)) {
            done(index, cases[index].verdict(wire));
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, NonZero::get) {
            scope.spawn(work);
        }
    });
}

const MS: Duration = Duration::from_millis(1);

/// A link in the notation of the command line.
fn link(pairs: &str) -> Result<LinkSpec, SpecError> {
    let spec: LinkSpec = pairs.parse()?;
    spec.validate()?;
    Ok(spec)
}

/// Whether each of `packets` packets is lost, if `at_once` packets are sent every millisecond.
fn losses(
    wire: &dyn Wire,
    pairs: &str,
    seed: u64,
    packets: u64,
    at_once: u64,
) -> Result<Vec<bool>, CaseError> {
    let sent = |number| Time::ZERO + MS * (number / at_once) as u32;
    let offers: Vec<_> = (0..packets).map(|number| (sent(number), 1200)).collect();
    Ok(wire.arrivals(link(pairs)?, seed, &offers).iter().map(Option::is_none).collect())
}

/// A plan of QUIC on one stream that loses one message on its way to the server.
fn plan_with_one_loss(delay: &str, interval: Duration, messages: u32, lost: u32) -> Result<Plan, SpecError> {
    Ok(plan(Transport::QUIC_ONE, one_loss(delay, interval, lost)?, interval, messages))
}

/// Links that lose message `lost` on its way to the server: no other packet enters the link in the millisecond in which
/// it is sent.
fn one_loss(delay: &str, interval: Duration, lost: u32) -> Result<PerDirection<LinkSpec>, SpecError> {
    let clear = link(delay)?;
    let loss = Loss::Outage { start: LEAD + interval * lost, length: MS };
    Ok(PerDirection { to_server: LinkSpec { loss, ..clear.clone() }, to_client: clear })
}

/// One flow of messages that fit into one packet, without warm-up and with a fixed window.
fn plan(transport: Transport, links: PerDirection<LinkSpec>, interval: Duration, messages: u32) -> Plan {
    let workload = Workload {
        application: Application::Messages,
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
    Plan {
        path: PathKind::Sim,
        transport,
        links,
        workload,
        congestion,
        loss_detection: LossDetection::default(),
    }
}
