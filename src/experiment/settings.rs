//! Settings that the experiments share.

use std::{sync::Arc, time::Duration};

use rustls::RootCertStore;

use super::{error::RunError, path_kind::PathKind, setup::Setup};
use crate::{
    certs,
    tap::Tap,
    transport::{
        Credentials, SessionSettings, Shape, SharedKey, UDP_HEADERS,
        arq::{ArqLimits, ArqSettings},
        quic::{QuicLimits, QuicSettings},
        tls::{CertificateVerdict, ClientTls, ServerTls, Trust},
    },
    unit::PerDirection,
};

/// How long connecting may take. Loss delays a handshake for much less.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(60);

/// Taps that compare the losses on the link with those that the sender declares; `None` if [`has_truth`] is false.
pub(super) fn truth_taps(setup: &Setup<'_>) -> Option<PerDirection<Tap>> {
    has_truth(setup, true).then(Tap::pair_for_truth)
}

/// Whether the losses that the sender declares can be compared with those on the link: there is a link, and the
/// transport retransmits. QUIC's declarations are known only if a run `follows_losses`.
pub(super) fn has_truth(setup: &Setup<'_>, follows_losses: bool) -> bool {
    let is_known = match setup.transport.shape() {
        // A handshake over datagrams sends its flights again.
        Shape::Datagrams => setup.transport.spec().has_handshake,
        Shape::Quic(_) => follows_losses,
        Shape::Stream | Shape::Arq(_) => true,
    };
    setup.path.has_link() && is_known
}

/// The settings of both ends of a session. ARQ's datagrams are as large as the wire's MTU allows. The shared key is the
/// same in all runs.
///
/// The certificate has at least `certificate` bytes. In virtual time it is the same in every process, otherwise it is
/// made for this process. A transport that uses no certificate has none, because making its keys takes longer than
/// simulating seconds of traffic.
pub(super) fn session_settings(
    setup: &Setup<'_>,
    seed: Option<u64>,
    limits: QuicLimits,
    certificate: usize,
) -> Result<SessionSettings, RunError> {
    let Setup { path, transport, links, congestion, loss_detection } = *setup;
    let (server_tls, roots) = match transport.scheme().credentials {
        Credentials::Certificate { p256 } => {
            let (identity, roots) = match path {
                PathKind::Sim => certs::simulated(certificate, p256)?,
                PathKind::Relay | PathKind::Netns | PathKind::Direct => {
                    certs::ephemeral_of(certificate, p256)?
                }
            };
            (Some(ServerTls { identity, early_data: false, key_log: None }), roots)
        }
        Credentials::SharedKey | Credentials::None => (None, Arc::new(RootCertStore::empty())),
    };
    let name = certs::EPHEMERAL_NAME;
    let mtu = links.iter().map(|link| link.mtu).min().unwrap_or(u16::MAX);
    Ok(SessionSettings {
        quic: QuicSettings { congestion, loss_detection, seed, limits, tracers: Default::default() },
        arq: ArqSettings {
            congestion,
            loss_detection,
            seed,
            max_datagram: mtu.saturating_sub(UDP_HEADERS as u16),
            limits: ArqLimits::EXPERIMENT,
            tracer: None,
        },
        client_tls: ClientTls {
            trust: Trust::Roots(roots),
            server_name: name.try_into().map_err(|_| certs::CertsError::name(name))?,
            early_data: false,
            sessions: None,
            key_log: None,
            verdict: CertificateVerdict::default(),
        },
        server_tls,
        shared_key: Some(SharedKey::new(b"the two ends of one experiment..")),
        tcp_tracer: None,
    })
}
