//! Datagram floods.

use std::net::{SocketAddr, UdpSocket};

use super::{attacker, attackers};

/// Sends `count` datagrams as fast as possible, from all attackers in turn.
pub(crate) fn of_udp(to: SocketAddr, count: u64) -> u64 {
    let sockets = attackers();
    let mut sent = 0;
    for socket in sockets.iter().cycle().take(usize::try_from(count).unwrap()) {
        sent += u64::from(socket.send_to(b"hostile", to).is_ok());
    }
    sent
}

/// The same with datagrams whose first byte alone looks like QUIC.
pub(crate) fn of_what_looks_like_quic(to: SocketAddr, count: u64) -> u64 {
    let socket = UdpSocket::bind(attacker(0)).unwrap();
    let mut garbage = [0xa5; 1200];
    let mut sent = 0;
    for n in 0..count {
        garbage[0] = 0xc0 | (n as u8 & 0x3f);
        garbage[1..9].copy_from_slice(&n.to_be_bytes());
        sent += u64::from(socket.send_to(&garbage, to).is_ok());
    }
    sent
}
