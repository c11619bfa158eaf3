//! Servers elsewhere.

use std::net::SocketAddr;

use crate::transport::{SharedKey, tls::ClientTls};

/// A server elsewhere.
#[derive(Debug, Clone)]
pub struct Remote {
    /// Its URL, as results name it.
    pub url: String,
    /// Its addresses, in order of preference; the first one that answers is used.
    pub addresses: Vec<SocketAddr>,
    /// Whom to trust, for TLS and QUIC.
    pub tls: ClientTls,
    /// For transports whose two ends know one key.
    pub shared_key: Option<SharedKey>,
    /// Draw QUIC's connection ids and keys from this seed, in place of the system's randomness.
    pub seed: Option<u64>,
}
