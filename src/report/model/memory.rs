//! The memory of connections.

use serde::{Deserialize, Serialize};

/// The memory of connections that are open at the same time: the anonymous memory of each end's process, less what it
/// had before the first connection. Means over seeds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// The connections.
    pub connections: u64,
    /// What all of them take at the client.
    pub client_bytes: u64,
    /// What all of them take at the server.
    pub server_bytes: u64,
    /// The client's bytes for each connection.
    pub client_bytes_per_connection: u64,
    /// The server's bytes for each connection.
    pub server_bytes_per_connection: u64,
}
