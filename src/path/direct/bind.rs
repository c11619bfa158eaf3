//! Binding sockets.

use std::{io, net::SocketAddr};

use socket2::{Domain, Protocol, Socket, Type};

use crate::path::unspecified;

/// The buffer size asked for, so that a burst is not lost on this machine. The kernel may grant less.
const SOCKET_BUFFER_BYTES: usize = 4 << 20;

/// Which other hosts may listen on the ports of a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::path) enum Ports {
    /// None.
    Own,
    /// Its workers. The port must be free.
    Shared,
    /// This host is such a worker: another host has the port already.
    Joined,
}

/// A non-blocking UDP socket with the largest buffers that the kernel grants.
pub(in crate::path) fn bind_udp(local: SocketAddr) -> io::Result<Socket> {
    bind_udp_as(local, Ports::Own)
}

pub(super) fn bind_udp_as(local: SocketAddr, ports: Ports) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(local), Type::DGRAM, Some(Protocol::UDP))?;
    if local.is_ipv6() {
        // IPv4 on the same port takes a socket of its own.
        socket.set_only_v6(true)?;
    }
    // The kernel may grant less, which is no error.
    let _ = socket.set_recv_buffer_size(SOCKET_BUFFER_BYTES);
    let _ = socket.set_send_buffer_size(SOCKET_BUFFER_BYTES);
    socket.set_nonblocking(true)?;
    bind(&socket, local, ports)?;
    Ok(socket)
}

/// Binds `socket`. The first socket of a shared port sets the option after binding: with it, it could bind a port that
/// another server shares with its own workers, and take half of that server's clients.
pub(super) fn bind(socket: &Socket, local: SocketAddr, ports: Ports) -> io::Result<()> {
    if ports == Ports::Joined {
        socket.set_reuse_port(true)?;
    }
    socket.bind(&local.into())?;
    if ports == Ports::Shared {
        socket.set_reuse_port(true)?;
    }
    Ok(())
}

/// As [`bind_udp`], connected to `peer`.
pub(in crate::path) fn connect_udp(peer: SocketAddr) -> io::Result<Socket> {
    let socket = bind_udp(unspecified(peer))?;
    socket.connect(&peer.into())?;
    Ok(socket)
}
