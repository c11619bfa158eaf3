//! A kernel filter that gives a QUIC datagram to the worker that its connection belongs to.

use std::io;

use libc::sock_filter;
use socket2::Socket;

use crate::path::{PortShare, sys};

/// Has the sockets that share the port of `socket` receive the datagrams that [`PortShare::owns`] gives them, by the
/// first byte of the connection id. Packets whose id the client chose stay with the kernel's hash of addresses and
/// ports.
pub(super) fn by_connection_id(socket: &Socket, share: PortShare) -> io::Result<()> {
    sys::attach_reuseport_filter(socket, &program(share.of.into()))
}

/// The header of RFC 9000 section 17: its first byte, the destination's id in a short header and in a Handshake packet.
const FIRST_BYTE: u32 = 0;
const SHORT_ID: u32 = 1;
const HANDSHAKE_ID: u32 = 6;

fn program(sockets: u32) -> [sock_filter; 10] {
    const LOAD_BYTE: u32 = libc::BPF_LD | libc::BPF_B | libc::BPF_ABS;
    const MODULO: u32 = libc::BPF_ALU | libc::BPF_MOD | libc::BPF_K;
    let instruction = |code: u32, k, jt, jf| sock_filter { code: code as u16, jt, jf, k };
    let plain = |code, k| instruction(code, k, 0, 0);
    [
        plain(LOAD_BYTE, FIRST_BYTE),
        instruction(libc::BPF_JMP | libc::BPF_JSET | libc::BPF_K, 0x80, 2, 0),
        plain(LOAD_BYTE, SHORT_ID),
        plain(libc::BPF_JMP | libc::BPF_JA, 3),
        plain(libc::BPF_ALU | libc::BPF_AND | libc::BPF_K, 0x30),
        instruction(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 0x20, 0, 3),
        plain(LOAD_BYTE, HANDSHAKE_ID),
        plain(MODULO, sockets),
        plain(libc::BPF_RET | libc::BPF_A, 0),
        // No socket has this number.
        plain(libc::BPF_RET | libc::BPF_K, u32::MAX),
    ]
}
