//! Datagrams on an emulated link.

use std::{
    net::SocketAddr,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
};

use quinn::udp::EcnCodepoint;

use crate::{
    link::{EcnChange, FlowId, PacketTraits},
    wire::segment::{Segment, codec::with_check},
};

/// Bytes of IP and UDP header in front of a payload (RFC 791, RFC 8200, RFC 768).
pub(super) fn header_bytes(address: SocketAddr) -> usize {
    if address.ip().to_canonical().is_ipv4() { 28 } else { 48 }
}

/// The traits of a UDP datagram.
pub(super) fn datagram_traits(from: SocketAddr, to: SocketAddr, ecn: Option<EcnCodepoint>) -> PacketTraits {
    const UDP: u8 = 17;
    PacketTraits { is_udp: true, is_ect: ecn.is_some(), flow: Some(FlowId { from, to, protocol: UDP }) }
}

/// Calls `set` with the new ECN field if the link changes it.
pub(super) fn change_ecn(change: EcnChange, set: impl FnOnce(Option<EcnCodepoint>)) {
    match change {
        EcnChange::None => {}
        EcnChange::Mark => set(Some(EcnCodepoint::Ce)),
        EcnChange::Bleach => set(None),
    }
}

/// The use that a socket makes of ECN (RFC 3168).
#[derive(Debug, Default)]
pub(super) struct EcnUse {
    is_on: AtomicBool,
    ce_received: AtomicU64,
}

impl EcnUse {
    /// Uses ECN from now on.
    pub(super) fn begin(&self) {
        self.is_on.store(true, Ordering::Relaxed);
    }

    /// The ECN field of what the socket sends.
    pub(super) fn codepoint(&self) -> Option<EcnCodepoint> {
        self.is_on.load(Ordering::Relaxed).then_some(EcnCodepoint::Ect0)
    }

    /// Counts a datagram that arrived with this field.
    pub(super) fn received(&self, ecn: Option<EcnCodepoint>) {
        if ecn == Some(EcnCodepoint::Ce) {
            self.ce_received.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Datagrams that arrived marked; `None` if the socket does not use ECN.
    pub(super) fn ce_received(&self) -> Option<u64> {
        self.is_on.load(Ordering::Relaxed).then(|| self.ce_received.load(Ordering::Relaxed))
    }
}

/// Flips the bit that `draw` chooses.
pub(super) fn flip_bit(payload: &mut [u8], draw: u64) {
    let bits = payload.len() as u64 * 8;
    if bits > 0 {
        let bit = draw % bits;
        payload[(bit / 8) as usize] ^= 1 << (bit % 8);
    }
}

/// Forges a datagram: overwrites its end with `draw`. The attacker knows every format and computes valid checksums, but
/// has no keys.
pub(super) fn forge(datagram: &mut [u8], draw: u64) {
    let is_segment = Segment::parse(datagram).is_ok();
    let bytes = draw.to_le_bytes();
    let length = bytes.len().min(datagram.len());
    let start = datagram.len() - length;
    datagram[start..].copy_from_slice(&bytes[..length]);
    if is_segment {
        datagram.copy_from_slice(&with_check(datagram));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::segment::{Acknowledgement, Body, ConnectionId, Fragment};

    #[test]
    fn a_forgery_differs_at_its_end_and_its_checksum_is_right() {
        let mut short = *b"123";
        forge(&mut short, u64::MAX);
        assert_eq!(short, [0xff; 3]);
        let mut datagram = [7; 20];
        forge(&mut datagram, 0);
        assert_eq!(datagram, [[7; 12].as_slice(), &[0; 8]].concat()[..]);

        let mut segment = Segment {
            to: ConnectionId(1),
            acknowledgement: Acknowledgement::default(),
            body: Body::Data { sequence: 1, fragment: Fragment { index: 0, count: 1 }, payload: &[7; 20] },
        }
        .encode();
        forge(&mut segment, 0);
        let forged = Segment::parse(&segment).unwrap().body;
        assert!(matches!(forged, Body::Data { payload, .. } if payload[12..] == [0; 8]), "{forged:?}");
    }
}
