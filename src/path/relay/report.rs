//! What a relay has done.

use crate::{link::Counters, path::Fidelity, unit::PerDirection};

/// A relay's counters.
#[derive(Debug, Clone, Default)]
pub struct RelayReport {
    /// What the wire did, to the server and to the client.
    pub wire: PerDirection<Counters>,
    /// How true it was to its model.
    pub fidelity: Fidelity,
    /// Datagrams that were forwarded, to the server and to the client.
    pub sent: PerDirection<u64>,
    /// Counts of clients.
    pub clients: ClientCounts,
    /// ICMP port unreachable messages from the server's host.
    pub refused: u64,
}

/// Counts of a relay's clients.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ClientCounts {
    /// Clients known now.
    pub known: u64,
    /// Clients ever accepted. One that returns after it was forgotten counts again, and one whose address changes does
    /// not.
    pub accepted: u64,
    /// Clients forgotten because they were idle.
    pub idle: u64,
    /// Clients displaced by others.
    pub displaced: u64,
    /// Datagrams discarded because the system had no socket left for their client.
    pub refused: u64,
}
