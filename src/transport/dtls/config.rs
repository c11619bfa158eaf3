//! Configurations of both ends.

use std::{fmt, net::SocketAddr, sync::Arc, time::Duration};

use dimpl::{Config, DtlsCertificate};

use super::crypto;
use crate::{
    path::{Host, Randomness},
    transport::{ConnectError, security::Leaf},
};

/// The largest datagram of a handshake (UDP payload). A client fills its first one up to this size, so that the
/// server's answer is not longer (RFC 9147 section 5.1).
const MAX_HANDSHAKE_DATAGRAM: u16 = 1200;
/// How often a flight is sent again. It waits for a second at first, and twice as long each time (RFC 9147 section
/// 5.8.2).
const RETRIES: usize = 8;

/// The setup of an end.
#[derive(Debug, Clone)]
pub(super) struct Setup {
    /// The largest datagram that the path carries, in bytes of UDP payload.
    pub(super) max_datagram: u16,
    /// Seed for random numbers, in place of the system's randomness.
    pub(super) seed: Option<u64>,
    /// How long a handshake may take.
    pub(super) limit: Duration,
    /// Whether a server asks clients for a cookie (RFC 9147 section 5.1).
    pub(super) cookie: bool,
    /// Which versions a client offers. A server accepts both.
    pub(super) versions: Versions,
}

/// Versions of DTLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Versions {
    /// 1.3 (RFC 9147) and 1.2.
    Both,
    /// 1.2 (RFC 6347).
    #[cfg(test)]
    Dtls12,
}

impl Setup {
    pub(super) fn config(&self, host: &dyn Host, peer: SocketAddr) -> Result<Arc<Config>, ConnectError> {
        let mut builder = Config::builder()
            .with_crypto_provider(crypto::provider(host))
            .mtu(self.max_datagram.min(MAX_HANDSHAKE_DATAGRAM).into())
            .require_client_certificate(false)
            .use_server_cookie(self.cookie)
            .flight_retries(RETRIES)
            .handshake_timeout(self.limit);
        if let Some(seed) = self.seed {
            builder = builder.dangerously_set_rng_seed(seed);
        }
        Randomness::within_any(host.randomness(), || {
            builder.build().map(Arc::new).map_err(|e| failed(peer, &e))
        })
    }
}

/// DTLS cannot be set up.
fn failed(peer: SocketAddr, error: &dyn fmt::Display) -> ConnectError {
    ConnectError::Failed { what: "DTLS setup", peer, reason: error.to_string() }
}

/// The certificate of a server.
pub(super) fn certificate(
    host: &dyn Host,
    leaf: &Leaf,
    local: SocketAddr,
) -> Result<DtlsCertificate, ConnectError> {
    let private_key = leaf.key.secret_der().to_vec();
    // Later it would panic.
    crypto::provider(host).key_provider.load_private_key(&private_key).map_err(|e| failed(local, &e))?;
    Ok(DtlsCertificate { certificate: leaf.certificate.to_vec(), private_key })
}

/// A client has none, and dimpl wants one. Nothing can be signed with it.
pub(super) fn no_certificate() -> DtlsCertificate {
    DtlsCertificate { certificate: b"none".to_vec(), private_key: Vec::new() }
}
