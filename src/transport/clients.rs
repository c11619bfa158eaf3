//! How a server limits its clients, for transports that keep a state for each client of one socket.

use std::{
    fmt::Debug,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

/// Limits on the clients of a server.
#[derive(Debug, Clone)]
pub(crate) struct ClientLimits {
    /// Decides who may connect.
    pub gate: Arc<dyn Gate>,
    /// How long a handshake may take.
    pub handshake: Duration,
    /// A client is forgotten after this long without a message.
    pub idle: Duration,
}

/// Decides who may connect.
pub(crate) trait Gate: Debug + Send + Sync {
    /// Whether a request for a handshake is answered. Its source may be forged.
    fn hello(&self, source: SocketAddr) -> bool;

    /// A place for a client that has proven its address. `None` if there is none.
    fn place(&self, source: IpAddr) -> Option<Box<dyn Place>>;

    /// A client that had proven its address is gone.
    fn departed(&self, departure: Departure);
}

/// A client's place among those of a server. It is free again when dropped.
pub(crate) trait Place: Debug + Send + Sync {
    /// The handshake is complete: the place is not taken away any more.
    fn prove(&self);

    /// Whether the place was taken away for a new client.
    fn is_evicted(&self) -> bool;
}

/// Why a client is gone that did not say goodbye.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Departure {
    /// Its handshake failed or took too long.
    Failed,
    /// It made room for a new client during its handshake.
    Evicted,
    /// It was idle for too long.
    Idle,
}
