//! What can go wrong on a path.

use std::{io, net::SocketAddr, sync::Arc};

/// A socket could not be made.
#[derive(Debug, thiserror::Error)]
pub enum PathError {
    /// The path cannot carry this kind of socket.
    #[error("{what} on path {path}: {reason}")]
    Unsupported {
        /// What was asked for.
        what: &'static str,
        /// The path that was asked.
        path: &'static str,
        /// Why not, and what to use instead.
        reason: &'static str,
    },
    /// The address is taken.
    #[error("cannot {operation} {address}: the port is in use by another program")]
    InUse {
        /// The operation.
        operation: &'static str,
        /// The address of the operation.
        address: SocketAddr,
    },
    /// Nothing listens there.
    #[error("cannot {operation} {address}: connection refused; is a server running there?")]
    Refused {
        /// The operation.
        operation: &'static str,
        /// The address of the operation.
        address: SocketAddr,
    },
    /// The kernel has no such congestion controller, or reserves it for root.
    #[error(
        "cannot use TCP's congestion controller {name} for {address} ({source}); \
         /proc/sys/net/ipv4/tcp_allowed_congestion_control lists those that may be used"
    )]
    NoController {
        /// Its name in the kernel.
        name: &'static str,
        /// The peer, or the listener's address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// Another error of the system.
    #[error("cannot {operation} {address}: {source}")]
    Io {
        /// The operation.
        operation: &'static str,
        /// The address of the operation.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
}

impl PathError {
    /// Adds the operation and the address to a system's error.
    pub fn from_io(operation: &'static str, address: SocketAddr, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::AddrInUse => Self::InUse { operation, address },
            io::ErrorKind::ConnectionRefused => Self::Refused { operation, address },
            _ => Self::Io { operation, address, source },
        }
    }
}

/// The wire of a path in real time carries nothing any more.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the wire has ended: cannot {operation}: {source}")]
pub struct WireBroken {
    /// What failed.
    pub operation: &'static str,
    /// What the system said.
    pub source: Arc<io::Error>,
}

/// A datagram could not be sent or received.
#[derive(Debug, thiserror::Error)]
pub enum DatagramError {
    /// The socket's buffer is full: wait until it is writable.
    #[error("the socket's send buffer is full")]
    WouldBlock,
    /// The datagram exceeds what the path or UDP itself can carry.
    #[error("cannot send to {peer}: {len} bytes are too large for one datagram on this path")]
    TooLarge {
        /// Bytes of payload.
        len: usize,
        /// The destination.
        peer: SocketAddr,
    },
    /// The peer's host reported that nothing listens there (ICMP port unreachable).
    #[error("nothing listens on {peer} (port unreachable); is a server running there?")]
    Refused {
        /// The peer that refused.
        peer: SocketAddr,
    },
    /// Another error of the system.
    #[error("cannot {operation} {address}: {source}")]
    Io {
        /// The operation.
        operation: &'static str,
        /// The peer, or the local address when receiving.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
}
