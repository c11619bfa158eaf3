//! Settings that the experiments share.

use std::sync::Arc;

use rustls::RootCertStore;

use super::error::RunError;
use crate::{
    certs,
    link::LinkSpec,
    transport::{
        Congestion, Credentials, SharedKey, Transport,
        arq::{ArqLimits, ArqSettings},
        tls::{CertificateVerdict, ClientTls, ServerTls, Trust},
    },
    unit::PerDirection,
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

/// The key of both ends of an experiment on a path. It keeps nothing secret.
pub(super) fn experiment_key() -> Option<SharedKey> {
    Some(SharedKey::new(b"the two ends of one experiment.."))
}

/// Both ends of TLS for `transport`, with a certificate of at least `certificate` bytes that is made for this process.
/// A transport without certificates gets none: making keys takes longer than simulating seconds of traffic.
pub(super) fn ephemeral_tls(
    transport: Transport,
    certificate: usize,
) -> Result<(ClientTls, Option<ServerTls>), RunError> {
    let (server, roots) = match transport.scheme().credentials {
        Credentials::Certificate { p256 } => {
            let (identity, roots) = certs::ephemeral_of(certificate, p256)?;
            (Some(ServerTls { identity, early_data: false, key_log: None }), roots)
        }
        Credentials::SharedKey | Credentials::None => (None, Arc::new(RootCertStore::empty())),
    };
    let name = certs::EPHEMERAL_NAME;
    let client = ClientTls {
        trust: Trust::Roots(roots),
        server_name: name.try_into().map_err(|_| certs::CertsError::name(name))?,
        early_data: false,
        sessions: None,
        key_log: None,
        verdict: CertificateVerdict::default(),
    };
    Ok((client, server))
}
