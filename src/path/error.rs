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
    /// The port is below 1024, and only root may listen on it.
    #[error(
        "cannot {operation} {address}: ports below 1024 are reserved for root; choose a higher port, or permit it with \
         `sysctl net.ipv4.ip_unprivileged_port_start={}` as root", .address.port()
    )]
    Reserved {
        /// The operation.
        operation: &'static str,
        /// The address of the operation.
        address: SocketAddr,
    },
    /// This machine has no free port for another connection.
    #[error(
        "cannot {operation} {address}: this machine has no free port left for it; open fewer connections at a time, wait \
         a minute for closed ones, or widen net.ipv4.ip_local_port_range"
    )]
    NoPort {
        /// The operation.
        operation: &'static str,
        /// The address of the operation.
        address: SocketAddr,
    },
    /// This process, or the whole machine, may open no more files.
    #[error("cannot {operation} {address}: {whose}")]
    NoDescriptor {
        /// The operation.
        operation: &'static str,
        /// The address of the operation.
        address: SocketAddr,
        /// Which limit was reached, and what helps.
        whose: &'static str,
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
    pub(crate) fn from_io(operation: &'static str, address: SocketAddr, source: io::Error) -> Self {
        if let Some(whose) = no_descriptor(&source) {
            return Self::NoDescriptor { operation, address, whose };
        }
        match source.kind() {
            // The kernel was to choose the port.
            io::ErrorKind::AddrInUse if address.port() == 0 => Self::NoPort { operation, address },
            io::ErrorKind::AddrInUse => Self::InUse { operation, address },
            io::ErrorKind::ConnectionRefused => Self::Refused { operation, address },
            _ => Self::Io { operation, address, source },
        }
    }

    /// The same for a server, which may lack the permission for its port.
    pub(crate) fn from_server_io(operation: &'static str, local: SocketAddr, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::PermissionDenied if (1..1024).contains(&local.port()) => {
                Self::Reserved { operation, address: local }
            }
            _ => Self::from_io(operation, local, source),
        }
    }

    /// The same for a client, whose own port the kernel chooses.
    pub(crate) fn from_client_io(operation: &'static str, peer: SocketAddr, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::AddrInUse | io::ErrorKind::AddrNotAvailable => {
                Self::NoPort { operation, address: peer }
            }
            _ => Self::from_io(operation, peer, source),
        }
    }
}

/// Which limit on open files the error means, if it means one, and what helps.
fn no_descriptor(error: &io::Error) -> Option<&'static str> {
    /// `EMFILE` and `ENFILE`, on all systems that this builds for.
    const PROCESS: i32 = 24;
    const MACHINE: i32 = 23;
    match error.raw_os_error()? {
        PROCESS => {
            Some("this process has too many open files; raise its limit (ulimit -n) or open fewer at a time")
        }
        MACHINE => Some("this machine has too many open files (fs.file-max)"),
        _ => None,
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

#[cfg(all(test, real_time))]
mod tests {
    use super::*;

    #[test]
    fn what_this_machine_lacks_is_not_blamed_on_the_server() {
        let peer = "192.0.2.1:9999".parse().unwrap();
        let said = |code| {
            PathError::from_client_io("connect to TCP", peer, io::Error::from_raw_os_error(code)).to_string()
        };
        for code in [libc::EADDRINUSE, libc::EADDRNOTAVAIL] {
            assert!(said(code).contains("this machine has no free port left for it"), "{}", said(code));
        }
        assert!(
            said(libc::EMFILE).contains("this process has too many open files"),
            "{}",
            said(libc::EMFILE)
        );
        assert!(
            said(libc::ENFILE).contains("this machine has too many open files"),
            "{}",
            said(libc::ENFILE)
        );
        assert!(said(libc::ECONNREFUSED).contains("is a server running there?"));
        let listening =
            PathError::from_io("listen on TCP", peer, io::Error::from_raw_os_error(libc::EADDRINUSE));
        assert!(listening.to_string().ends_with("the port is in use by another program"));
        let forbidden = |at: &str| {
            let error = io::Error::from_raw_os_error(libc::EACCES);
            PathError::from_server_io("listen on UDP", at.parse().unwrap(), error).to_string()
        };
        assert!(
            forbidden("127.0.0.1:80").ends_with("`sysctl net.ipv4.ip_unprivileged_port_start=80` as root")
        );
        assert!(forbidden("127.0.0.1:8080").contains("Permission denied"));
    }
}
