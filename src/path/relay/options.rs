//! What a relay does.

use std::{net::SocketAddr, num::NonZeroUsize, time::Duration};

use crate::{link::LinkSpec, path::AddressChange, unit::PerDirection};

/// What a relay does.
#[derive(Debug, Clone)]
pub struct RelayOptions {
    /// Where clients reach it.
    pub listen: SocketAddr,
    /// Where it sends what they send.
    pub to: SocketAddr,
    /// The wire to the server and to the client.
    pub links: PerDirection<LinkSpec>,
    /// Keys every draw of the wire.
    pub seed: u64,
    /// Limits on clients.
    pub clients: RelayLimits,
    /// A change of the addresses at which the server sees the clients. Another IP address needs a server on loopback.
    pub change: Option<AddressChange>,
}

/// Limits on the clients that a relay knows at a time.
#[derive(Debug, Clone, Copy)]
pub struct RelayLimits {
    /// The largest number of clients. A further one displaces the one that has been idle for longest.
    pub most: NonZeroUsize,
    /// A client is forgotten after this time without a datagram from it or for it; `None`: never.
    pub idle: Option<Duration>,
}
