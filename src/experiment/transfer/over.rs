//! One transfer on a path, or with a remote server.

use std::{future::pending, sync::Arc, time::Duration};

use super::{
    TransferOutcome, TransferPlan,
    pictures::Meter,
    run::{Task, connect, drive, run},
};
use crate::{
    capture::Recording,
    experiment::{
        PathKind, Remote, RunError,
        on_path::{OnPath, Route, on_path, on_this_machine},
        settings::{session_settings, truth_taps},
    },
    path::Host,
    tap::Instrument,
    transfer::{SaveFile, Watch, bulk::Settings},
    transport::{Mapping, arq::ArqLimits, quic::QuicLimits, tls::ClientTls},
    wire::transfer::{PIECE_BYTES, TRANSFER_HEADER_BYTES},
};

/// How long a remote server may be silent.
const REMOTE_IDLE: Duration = Duration::from_secs(10);

/// Buffers and windows start above the bandwidth-delay product of common links, and grow as they fill. In virtual time
/// the receiver reads data as soon as it arrives, so its window needs no bound.
fn quic_limits(plan: &TransferPlan) -> QuicLimits {
    /// Streams of a transport that opens no stream for each message.
    const FEW: u32 = 1024;
    let (receive_window, max_window) = match plan.path {
        PathKind::Sim => (1 << 40, 1 << 40),
        _ => (64 << 20, 1 << 30),
    };
    let send_buffer = match plan.transport.mapping() {
        // The end waits behind QUIC's queue of datagrams, and must be answered in time.
        Some(Mapping::Datagram) => 64 << 10,
        _ => SEND_BUFFER,
    };
    // quinn sets up every stream that may be opened.
    let unidirectional = match plan.transport.mapping() {
        Some(Mapping::Message) => u32::try_from(messages(plan)).unwrap_or(u32::MAX).clamp(FEW, 65_536),
        _ => FEW,
    };
    QuicLimits {
        streams: 0,
        unidirectional,
        max_streams: 0,
        receive_window,
        max_window,
        send_buffer,
        ..QuicLimits::EXPERIMENT
    }
}

/// Number of messages of a transfer: its pieces and the end.
fn messages(plan: &TransferPlan) -> u64 {
    plan.content.bytes().div_ceil(PIECE_BYTES as u64).saturating_add(1)
}

/// The send buffer of ARQ does not grow, so it holds all of the content up to a bound, unless the content never ends.
fn arq_limits(plan: &TransferPlan) -> ArqLimits {
    const MOST: u64 = 256 << 20;
    let message = (TRANSFER_HEADER_BYTES + PIECE_BYTES) as u64;
    let send_buffer = match plan.content.bytes() {
        u64::MAX => SEND_BUFFER,
        _ => messages(plan).saturating_mul(message).clamp(SEND_BUFFER, MOST),
    };
    ArqLimits { send_buffer: usize::try_from(send_buffer).unwrap_or(usize::MAX), ..ArqLimits::EXPERIMENT }
}

/// Initial size of the send buffer.
const SEND_BUFFER: u64 = 16 << 20;

/// Makes one transfer on the plan's path. The receiver writes the content to `saved`. In virtual time the outcome is a
/// pure function of the arguments.
///
/// Returns an error if no connection was made, or if the path could not be made, could not complete, or broke.
pub fn transfer(
    plan: &TransferPlan,
    seed: u64,
    saved: Option<SaveFile>,
    watch: &Watch,
) -> Result<TransferOutcome, RunError> {
    transfer_watched(plan, seed, saved, watch, Watchers::default())
}

/// What observes a transfer on a path.
#[derive(Default)]
pub(super) struct Watchers<'a> {
    pub(super) meter: Option<&'a Meter>,
    pub(super) recording: Option<&'a Recording>,
}

/// Like [`transfer`], with `watchers`.
pub(super) fn transfer_watched(
    plan: &TransferPlan,
    seed: u64,
    saved: Option<SaveFile>,
    watch: &Watch,
    watchers: Watchers<'_>,
) -> Result<TransferOutcome, RunError> {
    let Watchers { meter, recording } = watchers;
    let mut route = Route::new(plan.path, &plan.links, plan.congestion, seed, &watch.stop);
    let mut settings = settings(plan, plan.path.has_link().then_some(seed), None)?;
    let taps = truth_taps(&plan.setup());
    taps.iter().for_each(|taps| route.observers.push(Box::new(Instrument::new(taps))));
    settings.taps.clone_from(&taps);
    meter.into_iter().for_each(|meter| route.observers.push(meter.observer()));
    if let Some(recording) = recording {
        recording.observe(&mut route.observers);
        settings.session.record(recording);
    }
    let OnPath { value, wire, queue, ecn, fidelity } = on_path(route, async |ends, wire| {
        let task = Task::new(plan, seed, watch).followed_by(meter);
        run(ends, task, &settings, saved, || wire.measure_from_now()).await
    })?;
    let truth = taps.map(|taps| taps.to_server.truth());
    Ok(TransferOutcome { wire, queue, ecn, fidelity, truth, ..value })
}

/// Makes one transfer with `remote`, and records what this end sees.
///
/// Returns an error if no connection was made.
pub(crate) fn transfer_against(
    plan: &TransferPlan,
    remote: &Remote,
    seed: u64,
    saved: Option<SaveFile>,
    watch: &Watch,
    recording: &Recording,
) -> Result<TransferOutcome, RunError> {
    let remote = &remote.recorded(recording);
    on_this_machine(&watch.stop, recording.observers(), async |host| {
        transfer_from(host, plan, remote, seed, saved, watch).await
    })
}

/// Makes one transfer from `host` with `remote`.
///
/// Returns an error if no connection was made.
pub async fn transfer_from(
    host: &Arc<dyn Host>,
    plan: &TransferPlan,
    remote: &Remote,
    seed: u64,
    saved: Option<SaveFile>,
    watch: &Watch,
) -> Result<TransferOutcome, RunError> {
    let settings = settings(plan, remote.seed, Some(&remote.tls))?;
    let (mut bulk, connect) = remote.connect(&**host, |peer| connect(host, plan, peer, &settings)).await?;
    let task = Task::new(plan, seed, watch);
    let outcome = drive(&**host, &mut bulk, task, saved.into(), pending()).await;
    Ok(TransferOutcome { connect, ..outcome })
}

/// The settings of both ends of a transfer.
pub(in crate::experiment) fn settings(
    plan: &TransferPlan,
    seed: Option<u64>,
    tls: Option<&ClientTls>,
) -> Result<Settings, RunError> {
    let limits = match tls {
        Some(_) => QuicLimits { idle: Some(REMOTE_IDLE), keeps_alive: true, ..quic_limits(plan) },
        None => quic_limits(plan),
    };
    let mut session = session_settings(&plan.setup(), seed, limits, 0)?;
    session.arq.limits = arq_limits(plan);
    if let Some(tls) = tls {
        session.client_tls = tls.clone();
    }
    Ok(Settings {
        flows: plan.flows,
        pace: plan.pace,
        datagram_bytes: plan.datagram_bytes(),
        session,
        taps: None,
    })
}
