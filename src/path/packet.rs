//! Datagrams on an emulated link.

use std::net::SocketAddr;

/// Bytes of IP and UDP header in front of a payload (RFC 791, RFC 8200, RFC 768).
pub(super) fn header_bytes(address: SocketAddr) -> usize {
    if address.ip().to_canonical().is_ipv4() { 28 } else { 48 }
}

/// Flips the bit that `draw` chooses.
pub(super) fn flip_bit(payload: &mut [u8], draw: u64) {
    let bits = payload.len() as u64 * 8;
    if bits > 0 {
        let bit = draw % bits;
        payload[(bit / 8) as usize] ^= 1 << (bit % 8);
    }
}
