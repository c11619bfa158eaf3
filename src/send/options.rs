//! The options of a client.

use std::time::Duration;

use crate::transport::{SharedKey, tls::ClientTls};

/// The options of a client.
#[derive(Debug, Clone)]
pub struct Options {
    /// Time limit for the connection, and for each reply.
    pub timeout: Duration,
    /// How often a datagram without a reply is sent again.
    pub retries: u32,
    /// The client's side of TLS and QUIC.
    pub tls: ClientTls,
    /// For transports whose two ends know one key.
    pub shared_key: Option<SharedKey>,
    /// Seed for connection ids and keys, in place of the system's randomness.
    pub seed: Option<u64>,
}
