//! A UDP socket that reports the interface and the hop limit of each received datagram.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use socket2::{SockRef, Socket};
use tokio::{io::Interest, net::UdpSocket};

use super::control::{self, word};
use crate::path::sys;

/// Space for the requested control messages, on all platforms.
const CONTROL_BYTES: usize = 256;

/// A UDP socket for datagrams to and from the hosts of a link.
#[derive(Debug)]
pub struct LinkSocket(UdpSocket);

/// Where a datagram came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// Its source.
    pub from: SocketAddr,
    /// The address it was sent to: an address of this machine, a group, or a broadcast address.
    pub to: IpAddr,
    /// The index of the interface on which it arrived.
    pub interface: u32,
    /// The IPv4 TTL or the IPv6 hop limit with which it arrived, if the kernel reports it. Only datagrams from the same
    /// link arrive with 255 (RFC 5082).
    pub hop_limit: Option<u8>,
}

impl LinkSocket {
    /// Requires a running tokio runtime. `socket` must be non-blocking.
    ///
    /// Returns an error if the kernel refuses an option.
    pub fn new(socket: Socket) -> io::Result<Self> {
        sys::tell_origin(&socket, socket.domain()? == socket2::Domain::IPV6)?;
        UdpSocket::from_std(socket.into()).map(Self)
    }

    /// The socket underneath, to set its options.
    pub(crate) fn socket(&self) -> SockRef<'_> {
        SockRef::from(&self.0)
    }

    /// Receives a datagram. It is truncated to the length of `buffer`.
    ///
    /// Returns an error if the system does.
    pub async fn recv(&self, buffer: &mut [u8]) -> io::Result<(usize, Origin)> {
        loop {
            let receive = || receive(&self.socket(), buffer);
            // Datagrams whose destination the kernel does not report are dropped.
            if let Some(received) = self.0.async_io(Interest::READABLE, receive).await? {
                return Ok(received);
            }
        }
    }

    /// Sends a datagram.
    ///
    /// Returns an error if the system does, or if the socket's buffer is full.
    pub fn send(&self, datagram: &[u8], to: SocketAddr) -> io::Result<()> {
        // tokio's `try_send_to` sends nothing until the reactor has reported the socket as writable.
        self.socket().send_to(datagram, &to.into()).map(|_| ())
    }
}

fn receive(socket: &Socket, buffer: &mut [u8]) -> io::Result<Option<(usize, Origin)>> {
    let mut control = [0; CONTROL_BYTES];
    let (length, filled, from) = sys::receive_with_control(socket, buffer, &mut control)?;
    Ok(origin(from, control.get(..filled).unwrap_or_default()).map(|origin| (length, origin)))
}

fn origin(from: SocketAddr, control: &[u8]) -> Option<Origin> {
    let (mut destination, mut hop_limit) = (None, None);
    for (level, kind, body) in control::messages(control) {
        match (level, kind) {
            (libc::IPPROTO_IP, libc::IP_PKTINFO) => {
                // struct in_pktinfo: the interface, the local address, and the address in the header.
                let ip: [u8; 4] = body.get(8..12)?.try_into().ok()?;
                destination = Some((IpAddr::from(Ipv4Addr::from(ip)), word(body, 0)?));
            }
            (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => {
                // struct in6_pktinfo: the address in the header, and the interface.
                let ip: [u8; 16] = body.get(..16)?.try_into().ok()?;
                destination = Some((Ipv6Addr::from(ip).into(), word(body, 16)?));
            }
            (libc::IPPROTO_IP, libc::IP_TTL) | (libc::IPPROTO_IPV6, libc::IPV6_HOPLIMIT) => {
                hop_limit = word(body, 0)?.try_into().ok();
            }
            _ => {}
        }
    }
    let (to, interface) = destination?;
    Some(Origin { from, to, interface: interface.cast_unsigned(), hop_limit })
}
