//! One transfer on a path, or with a server elsewhere.

use std::{future::pending, sync::Arc, time::Duration};

use rustls::KeyLog;

use super::{
    TransferOutcome, TransferPlan,
    run::{Saved, connect, drive, run},
};
use crate::{
    experiment::{
        PathKind, Remote, RunError,
        on_path::{OnPath, Route, on_path, on_this_machine},
        settings::{arq_settings, ephemeral_tls, experiment_key},
    },
    path::{Host, Observers, sim::Limits},
    transfer::{Sink, Watch, bulk::Settings},
    transport::{
        Mapping, SessionSettings,
        arq::{ArqLimits, ArqSettings},
        quic::{QuicLimits, QuicSettings},
        tls::ClientTls,
    },
    wire::transfer::{PIECE_BYTES, TRANSFER_HEADER_BYTES},
};

/// How long a server elsewhere may be silent.
const REMOTE_IDLE: Duration = Duration::from_secs(10);

/// Buffers and windows begin above the bandwidth-delay product of common links, and grow as they fill. In virtual time the
/// receiver takes at once what has arrived, so its window needs no bound.
fn quic_limits(plan: &TransferPlan) -> QuicLimits {
    let (receive_window, max_window) = match plan.path {
        PathKind::Sim => (1 << 40, 1 << 40),
        _ => (64 << 20, 1 << 30),
    };
    let send_buffer = match plan.transport.mapping() {
        // What waits in QUIC's queue of datagrams is ahead of the end, which is answered in time only if that is little.
        Some(Mapping::Datagram) => 64 << 10,
        _ => SEND_BUFFER,
    };
    // quinn sets up every stream that may be opened.
    let unidirectional = u32::try_from(messages(plan)).unwrap_or(u32::MAX).clamp(1024, 65_536);
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

/// The messages of a transfer: its pieces, one of which may be short, and the end.
fn messages(plan: &TransferPlan) -> u64 {
    plan.content.bytes().div_ceil(PIECE_BYTES as u64) + 1
}

/// The buffer of ARQ does not grow, so it holds all of the content that a machine's memory should.
fn arq_limits(plan: &TransferPlan) -> ArqLimits {
    const MOST: u64 = 256 << 20;
    let message = (TRANSFER_HEADER_BYTES + PIECE_BYTES) as u64;
    let send_buffer = (messages(plan) * message).clamp(SEND_BUFFER, MOST);
    ArqLimits { send_buffer: usize::try_from(send_buffer).unwrap_or(usize::MAX), ..ArqLimits::EXPERIMENT }
}

/// Bytes that may wait to be sent or acknowledged, at first.
const SEND_BUFFER: u64 = 16 << 20;

/// Makes one transfer on the plan's path. In virtual time the outcome is a pure function of the arguments.
///
/// # Errors
///
/// Returns an error if no connection was made, or if the path could not be made, could not complete, or broke.
pub fn transfer(
    plan: &TransferPlan,
    seed: u64,
    (saved, watch): (Saved, &Watch),
) -> Result<TransferOutcome, RunError> {
    transfer_watched(plan, seed, (saved, watch), Watchers::default())
}

/// What watches a transfer beside its caller.
#[derive(Default)]
pub(super) struct Watchers {
    /// See its packets.
    pub(super) observers: Observers,
    /// Has the secrets of its connection.
    pub(super) key_log: Option<Arc<dyn KeyLog>>,
}

/// Like [`transfer`], seen by `watchers`.
pub(super) fn transfer_watched(
    plan: &TransferPlan,
    seed: u64,
    (saved, watch): (Saved, &Watch),
    watchers: Watchers,
) -> Result<TransferOutcome, RunError> {
    let route = Route {
        path: plan.path,
        links: &plan.links,
        seed,
        congestion: plan.congestion,
        limits: Limits::default(),
        stop: watch.stop.clone(),
        observers: watchers.observers,
    };
    let mut settings = settings(plan, plan.path.has_link().then_some(seed), None)?;
    settings.session.log_secrets(watchers.key_log);
    let OnPath { value, wire, fidelity } = on_path(route, async |ends, wire| {
        run(ends, plan, &settings, (seed, saved, watch), || wire.measure_from_now()).await
    })?;
    Ok(TransferOutcome { wire, fidelity, ..value })
}

/// Makes one transfer with `remote`.
///
/// # Errors
///
/// Returns an error if no connection was made.
pub fn transfer_against(
    plan: &TransferPlan,
    remote: &Remote,
    seed: u64,
    (saved, watch): (Saved, &Watch),
) -> Result<TransferOutcome, RunError> {
    on_this_machine(&watch.stop, async |host| transfer_from(host, plan, remote, seed, (saved, watch)).await)
}

/// Makes one transfer from `host` with `remote`.
///
/// # Errors
///
/// Returns an error if no connection was made.
pub async fn transfer_from(
    host: &Arc<dyn Host>,
    plan: &TransferPlan,
    remote: &Remote,
    seed: u64,
    (saved, watch): (Saved, &Watch),
) -> Result<TransferOutcome, RunError> {
    let settings = settings(plan, remote.seed, Some(&remote.tls))?;
    let (mut bulk, connect) = remote.connect(&**host, |peer| connect(host, plan, peer, &settings)).await?;
    let sink = saved.map_or(Sink::Nowhere, Sink::File);
    let outcome = drive(&**host, &mut bulk, plan, (seed, sink, watch), pending()).await;
    Ok(TransferOutcome { connect, ..outcome })
}

fn settings(plan: &TransferPlan, seed: Option<u64>, tls: Option<&ClientTls>) -> Result<Settings, RunError> {
    let (client_tls, server_tls) = ephemeral_tls(plan.transport, 0)?;
    let limits = match tls {
        Some(_) => QuicLimits { idle: Some(REMOTE_IDLE), keeps_alive: true, ..quic_limits(plan) },
        None => quic_limits(plan),
    };
    Ok(Settings {
        flows: plan.flows,
        pace: plan.pace,
        datagram_bytes: plan.datagram_bytes(),
        session: SessionSettings {
            quic: QuicSettings { congestion: plan.congestion, seed, limits },
            arq: ArqSettings { limits: arq_limits(plan), ..arq_settings(&plan.links, plan.congestion, seed) },
            client_tls: tls.cloned().unwrap_or(client_tls),
            server_tls,
            shared_key: experiment_key(),
        },
    })
}
