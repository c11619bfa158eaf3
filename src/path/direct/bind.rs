//! Binding sockets.

use std::{
    io,
    net::{IpAddr, SocketAddr},
};

use socket2::{Domain, Protocol, Socket, Type};

use crate::path::{PortShare, unspecified};

/// The buffer size asked for, so that a burst is not lost on this machine. The kernel may grant less.
const SOCKET_BUFFER_BYTES: usize = 4 << 20;

/// Which other hosts may listen on the ports of a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::path) enum Ports {
    /// None.
    Own,
    /// Its workers. The port must be free.
    Shared(PortShare),
    /// This host is such a worker: another host has the port already.
    Joined(PortShare),
}

/// A non-blocking UDP socket with the largest buffers that the kernel grants.
pub(in crate::path) fn bind_udp(local: SocketAddr) -> io::Result<Socket> {
    bind_udp_as(local, Ports::Own)
}

/// As [`bind_udp`], on a port that other hosts may share. On `[::]` it hears IPv4, too.
pub(super) fn bind_udp_as(local: SocketAddr, ports: Ports) -> io::Result<Socket> {
    udp_socket(local, ports, !local.ip().is_unspecified())
}

fn udp_socket(local: SocketAddr, ports: Ports, only_own_family: bool) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(local), Type::DGRAM, Some(Protocol::UDP))?;
    if local.is_ipv6() {
        socket.set_only_v6(only_own_family)?;
    }
    // The kernel may grant less, which is not an error.
    let _ = socket.set_recv_buffer_size(SOCKET_BUFFER_BYTES);
    let _ = socket.set_send_buffer_size(SOCKET_BUFFER_BYTES);
    socket.set_nonblocking(true)?;
    bind(&socket, local, ports)?;
    Ok(socket)
}

/// Binds `socket`. The first socket of a shared port sets the option after binding: with it, it could bind a port that
/// another server shares with its own workers, and take half of that server's clients.
pub(super) fn bind(socket: &Socket, local: SocketAddr, ports: Ports) -> io::Result<()> {
    if let Ports::Joined(_) = ports {
        socket.set_reuse_port(true)?;
    }
    socket.bind(&local.into())?;
    if let Ports::Shared(_) = ports {
        socket.set_reuse_port(true)?;
    }
    Ok(())
}

/// Whether this machine no longer has the address `local`, which a socket has.
pub(super) fn is_gone(local: IpAddr) -> bool {
    let bound = std::net::UdpSocket::bind(SocketAddr::new(local, 0));
    bound.is_err_and(|error| error.kind() == io::ErrorKind::AddrNotAvailable)
}

/// A non-blocking UDP socket, connected to `peer`.
pub(in crate::path) fn connect_udp(peer: SocketAddr) -> io::Result<Socket> {
    let socket = udp_socket(unspecified(peer), Ports::Own, true)?;
    socket.connect(&peer.into())?;
    Ok(socket)
}
