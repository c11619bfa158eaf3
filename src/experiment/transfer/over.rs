//! One transfer on a path, or with a server elsewhere.

use std::{future::pending, time::Duration};

use super::{
    TransferOutcome, TransferPlan,
    run::{Saved, connect, drive, run},
};
use crate::{
    arq::Mode,
    experiment::{
        Remote, RunError,
        on_path::{OnPath, Route, on_path, on_this_machine},
        settings::{arq_settings, ephemeral_tls, experiment_key},
    },
    path::{Observers, sim::Limits},
    transfer::{Sink, Watch, bulk::Settings},
    transport::{
        Mapping, SessionSettings, Shape,
        arq::{ArqLimits, ArqSettings},
        quic::{QuicLimits, QuicSettings},
        tls::ClientTls,
    },
};

/// Buffers and windows above the bandwidth-delay product of the links here, and within a machine's memory.
const LIMITS: QuicLimits = QuicLimits {
    streams: 0,
    unidirectional: 1024,
    receive_window: 64 << 20,
    send_buffer: 16 << 20,
    idle: None,
    keeps_alive: false,
};

/// How long a server elsewhere may be silent.
const REMOTE_IDLE: Duration = Duration::from_secs(10);

/// The same for ARQ.
const ARQ_LIMITS: ArqLimits =
    ArqLimits { receive_window: 1 << 16, send_buffer: 16 << 20, idle: Duration::from_secs(86_400) };

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
    let route = Route {
        path: plan.path,
        links: &plan.links,
        seed,
        congestion: plan.congestion,
        limits: Limits::default(),
        stop: watch.stop.clone(),
        observers: Observers::default(),
    };
    let settings = settings(plan, plan.path.has_link().then_some(seed), None)?;
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
    let settings = settings(plan, remote.seed, Some(&remote.tls))?;
    on_this_machine(&watch.stop, async |host| {
        let (mut bulk, connect) =
            remote.connect(&**host, |peer| connect(host, plan, peer, &settings)).await?;
        let sink = saved.map_or(Sink::Nowhere, Sink::File);
        let outcome = drive(&**host, &mut bulk, plan, (seed, sink, watch), pending()).await;
        Ok(TransferOutcome { connect, ..outcome })
    })
}

/// What waits in QUIC's queue of datagrams is ahead of the end, which is answered in time only if that is little.
const DATAGRAM_BUFFER: u64 = 64 << 10;

fn settings(plan: &TransferPlan, seed: Option<u64>, tls: Option<&ClientTls>) -> Result<Settings, RunError> {
    let (client_tls, server_tls) = ephemeral_tls(0)?;
    let limits = match plan.transport.shape() {
        Shape::Quic(Mapping::Datagram) => QuicLimits { send_buffer: DATAGRAM_BUFFER, ..LIMITS },
        _ => LIMITS,
    };
    let limits = match tls {
        Some(_) => QuicLimits { idle: Some(REMOTE_IDLE), keeps_alive: true, ..limits },
        None => limits,
    };
    // What waits is not seen to move, and here it takes a round trip a segment.
    let arq_limits = match plan.transport.shape() {
        Shape::Arq(Mode::StopAndWait) => ArqLimits { send_buffer: 256 << 10, ..ARQ_LIMITS },
        _ => ARQ_LIMITS,
    };
    Ok(Settings {
        flows: plan.flows,
        pace: plan.pace,
        datagram_bytes: plan.datagram_bytes(),
        session: SessionSettings {
            quic: QuicSettings { congestion: plan.congestion, seed, limits },
            arq: ArqSettings { limits: arq_limits, ..arq_settings(&plan.links, plan.congestion, seed) },
            client_tls: tls.cloned().unwrap_or(client_tls),
            server_tls,
            shared_key: experiment_key(),
        },
    })
}
