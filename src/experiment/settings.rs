//! What both ends of a run are set to.

use std::time::Duration;

use super::{error::RunError, plan::Plan, workload::Workload};
use crate::{
    certs,
    channel::{Reading, Settings},
    link::LinkSpec,
    path::sim::Limits,
    transport::{
        Congestion, Mapping, SessionSettings, Transport,
        arq::{ArqLimits, ArqSettings},
        quic::{QuicLimits, QuicSettings},
        tls::{ClientTls, ServerTls, Trust},
    },
    unit::{PerDirection, Time},
};

/// IPv4 and UDP header (RFC 791, RFC 768): what the paths here use.
const HEADERS: u16 = 28;

/// ARQ's settings, with datagrams as large as the wire's MTU allows.
pub(super) fn arq_settings(
    links: &PerDirection<LinkSpec>,
    congestion: Congestion,
    seed: Option<u64>,
) -> ArqSettings {
    let mtu = links.iter().map(|link| link.mtu).min().unwrap_or(u16::MAX);
    ArqSettings { congestion, seed, max_datagram: mtu.saturating_sub(HEADERS), limits: ArqLimits::EXPERIMENT }
}

/// The settings of both ends. With a `seed`, QUIC draws its connection ids and keys from it.
pub(super) fn settings(plan: &Plan, seed: Option<u64>) -> Result<Settings, RunError> {
    let (client_tls, server_tls) = ephemeral_tls(0)?;
    Ok(Settings {
        flows: plan.workload.flows,
        request: plan.workload.length,
        reply: plan.workload.reply_length,
        reading: Reading::Unordered,
        session: SessionSettings {
            quic: QuicSettings {
                congestion: plan.congestion,
                seed,
                limits: limits_of_streams(plan.transport),
            },
            arq: arq_settings(&plan.links, plan.congestion, seed),
            client_tls,
            server_tls,
        },
        taps: None,
    })
}

/// Both ends of TLS, with a certificate made for this process, of at least `certificate` bytes.
pub(super) fn ephemeral_tls(certificate: usize) -> Result<(ClientTls, ServerTls), RunError> {
    let (identity, roots) = certs::ephemeral_of(certificate)?;
    let name = certs::EPHEMERAL_NAME;
    let client = ClientTls {
        trust: Trust::Roots(roots),
        server_name: name.try_into().map_err(|_| certs::CertsError::name(name))?,
        early_data: false,
        sessions: None,
        key_log: false,
    };
    Ok((client, ServerTls { identity, early_data: false }))
}

/// quinn sets up every stream that may be opened, which would take a tenth of a run that uses few. The lower limit is
/// encoded in as many bytes, so that the handshake is of the same length for every mapping.
fn limits_of_streams(transport: Transport) -> QuicLimits {
    const FEW: u32 = 16_384;
    match transport.mapping() {
        Some(Mapping::Message) => QuicLimits::EXPERIMENT,
        _ => QuicLimits { streams: FEW, ..QuicLimits::EXPERIMENT },
    }
}

/// Ten times the planned duration, and an hour for retransmissions.
pub(super) fn limits(workload: &Workload) -> Limits {
    let hour = Duration::from_secs(3600);
    let planned = workload.warmup + workload.duration + workload.wait.most;
    Limits { until: Time::ZERO + planned.saturating_mul(10) + hour, ..Limits::default() }
}
