//! Transfers on each path.

use std::{sync::Arc, time::Duration};

use super::{
    TransferOutcome, TransferPlan,
    run::{Saved, connect, drive, run},
};
use crate::{
    experiment::{
        Remote, RunError,
        direct::on_loopback,
        netns::over_netns,
        relay::over_relay,
        sim::{arq_settings, ephemeral_tls, in_virtual_time},
    },
    path::{
        Host,
        direct::{DirectHost, runtime},
        sim::Limits,
    },
    transfer::{Sink, Watch},
    transport::{
        ConnectError, Transport,
        arq::{ArqLimits, ArqSettings},
        bulk::BulkSettings,
        quic::{QuicLimits, QuicSettings},
        tls::ClientTls,
    },
};

/// What may wait to be sent, and to be read: beyond what the links here have under way, and within what a machine has.
const LIMITS: QuicLimits = QuicLimits {
    streams: 0,
    unidirectional: 1024,
    receive_window: 64 << 20,
    send_buffer: 16 << 20,
    idle: None,
};

/// The same of reliability by hand.
const ARQ_LIMITS: ArqLimits =
    ArqLimits { receive_window: 1 << 16, send_buffer: 16 << 20, idle: Duration::from_secs(86_400) };

/// Makes one transfer in virtual time. The outcome is a pure function of the arguments.
///
/// # Errors
///
/// Where no connection was made, or the simulation could not complete.
pub fn transfer_simulated(
    plan: &TransferPlan,
    seed: u64,
    (saved, watch): (Saved, &Watch),
) -> Result<TransferOutcome, RunError> {
    let settings = settings(plan, Some(seed), None)?;
    in_virtual_time(&plan.links, (seed, Limits::default()), async |ends, measuring| {
        run(ends, plan, &settings, (seed, saved, watch), measuring).await
    })
    .map(|(outcome, wire)| TransferOutcome { wire: Some(wire), ..outcome })
}

/// Makes one transfer in real time over the emulated link.
///
/// # Errors
///
/// Where no connection was made, or the machine gives no clock, thread or runtime.
pub fn transfer_over_relay(
    plan: &TransferPlan,
    seed: u64,
    (saved, watch): (Saved, &Watch),
) -> Result<TransferOutcome, RunError> {
    let settings = settings(plan, Some(seed), None)?;
    over_relay(&plan.links, seed, async |ends, measuring| {
        run(ends, plan, &settings, (seed, saved, watch), measuring).await
    })
    .map(|(outcome, wire, fidelity)| TransferOutcome {
        wire: Some(wire),
        fidelity: Some(fidelity),
        ..outcome
    })
}

/// Makes one transfer in real time between two fresh network namespaces.
///
/// # Errors
///
/// Where the namespaces could not be made, or no connection.
pub fn transfer_over_netns(
    plan: &TransferPlan,
    seed: u64,
    (saved, watch): (Saved, &Watch),
) -> Result<TransferOutcome, RunError> {
    let settings = settings(plan, Some(seed), None)?;
    over_netns(&plan.links, (seed, plan.congestion), async |ends, measuring| {
        run(ends, plan, &settings, (seed, saved, watch), measuring).await
    })
    .map(|(outcome, wire, fidelity)| TransferOutcome {
        wire: Some(wire),
        fidelity: Some(fidelity),
        ..outcome
    })
}

/// Makes one transfer between two sockets of this machine.
///
/// # Errors
///
/// Where no connection was made, or the machine gives no clock or runtime.
pub fn transfer_direct(
    plan: &TransferPlan,
    seed: u64,
    (saved, watch): (Saved, &Watch),
) -> Result<TransferOutcome, RunError> {
    let settings = settings(plan, None, None)?;
    on_loopback(async |ends| run(ends, plan, &settings, (seed, saved, watch), || ()).await)
}

/// Makes one transfer with `remote`.
///
/// # Errors
///
/// Where no connection was made.
pub fn transfer_against(
    plan: &TransferPlan,
    remote: &Remote,
    seed: u64,
    (saved, watch): (Saved, &Watch),
) -> Result<TransferOutcome, RunError> {
    let settings = settings(plan, remote.seed, Some(&remote.tls))?;
    runtime()?.block_on(async {
        let host: Arc<dyn Host> = DirectHost::new()?;
        let mut failure = None;
        for &peer in &remote.addresses {
            match connect(&host, plan, peer, &settings).await {
                Ok((mut bulk, connect)) => {
                    let sink = saved.map_or(Sink::Nowhere, Sink::File);
                    let outcome = drive(&*host, &mut bulk, plan, (seed, sink, watch)).await;
                    return Ok(TransferOutcome { connect, ..outcome });
                }
                // That of the best address says most.
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        Err(failure.unwrap_or_else(|| ConnectError::NoAddress { url: remote.url.clone() }.into()))
    })
}

/// What waits in QUIC's queue of datagrams is ahead of the end, which is answered in time only if that is little.
const DATAGRAM_BUFFER: u64 = 64 << 10;

fn settings(
    plan: &TransferPlan,
    seed: Option<u64>,
    tls: Option<&ClientTls>,
) -> Result<BulkSettings, RunError> {
    let (client_tls, server_tls) = ephemeral_tls()?;
    let limits = match plan.transport {
        Transport::QuicDatagram => QuicLimits { send_buffer: DATAGRAM_BUFFER, ..LIMITS },
        _ => LIMITS,
    };
    // What waits is not seen to move, and here it takes a round trip a segment.
    let arq_limits = match plan.transport {
        Transport::ArqStopAndWait => ArqLimits { send_buffer: 256 << 10, ..ARQ_LIMITS },
        _ => ARQ_LIMITS,
    };
    Ok(BulkSettings {
        flows: plan.flows,
        pace: plan.pace,
        datagram_bytes: plan.datagram_bytes(),
        quic: QuicSettings { congestion: plan.congestion, seed, limits },
        arq: ArqSettings { limits: arq_limits, ..arq_settings(&plan.links, plan.congestion, seed) },
        client_tls: tls.cloned().unwrap_or(client_tls),
        server_tls,
    })
}
