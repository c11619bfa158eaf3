//! What the forwarder reads of a packet: IPv4 (RFC 791), TCP (RFC 9293), UDP (RFC 768).

use crate::{path::tap::tcp::Segment, unit::Direction};

/// Whether this is an IPv4 packet. Nothing else belongs on the wire.
pub(super) fn is_ipv4(packet: &[u8]) -> bool {
    packet.first().is_some_and(|first| first >> 4 == 4)
}

/// The header of a TCP segment that travels in `direction`; `None` if it is none.
pub(super) fn tcp_segment(packet: &[u8], direction: Direction) -> Option<Segment> {
    const TCP: u8 = 6;
    const SYN: u8 = 0b10;
    let segment = payload(packet, TCP)?;
    let (from, to) = (word(segment, 0)?, word(segment, 2)?);
    let sequence = u32::from_be_bytes(segment.get(4..8)?.try_into().ok()?);
    let header = usize::from(segment.get(12)? >> 4) * 4;
    let length = u32::try_from(segment.len().checked_sub(header)?).ok()?;
    let ports = match direction {
        Direction::ToServer => (from, to),
        Direction::ToClient => (to, from),
    };
    Some(Segment { ports, sequence, syn: segment.get(13)? & SYN != 0, length })
}

/// What a UDP datagram carries; `None` if it is none.
pub(super) fn udp_payload(packet: &[u8]) -> Option<&[u8]> {
    const UDP: u8 = 17;
    const HEADER_BYTES: usize = 8;
    payload(packet, UDP)?.get(HEADER_BYTES..)
}

/// What an IPv4 packet of this protocol carries. Of a fragmented datagram only the first part has a header, and our
/// sockets have none fragmented.
fn payload(packet: &[u8], protocol: u8) -> Option<&[u8]> {
    let header = usize::from(packet.first()? & 0x0f) * 4;
    let total = usize::from(word(packet, 2)?);
    (is_ipv4(packet) && *packet.get(9)? == protocol).then_some(())?;
    packet.get(header..total)
}

fn word(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// IPv4 header of 20 bytes, TCP header of 32, 5 bytes of payload, and 3 of an Ethernet's padding.
    fn packet() -> Vec<u8> {
        let mut packet = vec![0; 20 + 32 + 5 + 3];
        packet[0] = 0x45;
        packet[3] = 57;
        packet[9] = 6;
        packet[20..28].copy_from_slice(&[0x9c, 0x40, 0, 80, 0, 0, 1, 0]);
        packet[32] = 8 << 4;
        packet
    }

    #[test]
    fn a_segment_is_read_without_what_pads_its_packet() {
        let expected = Segment { ports: (40_000, 80), sequence: 256, syn: false, length: 5 };
        assert_eq!(tcp_segment(&packet(), Direction::ToServer), Some(expected));
        let back = Segment { ports: (80, 40_000), ..expected };
        assert_eq!(tcp_segment(&packet(), Direction::ToClient), Some(back));
    }

    #[test]
    fn what_is_cut_off_or_no_tcp_is_no_segment() {
        for length in 0..57 {
            assert_eq!(tcp_segment(&packet()[..length], Direction::ToServer), None, "{length}");
        }
        let mut udp = packet();
        udp[9] = 17;
        assert_eq!(tcp_segment(&udp, Direction::ToServer), None);
        let mut ipv6 = packet();
        ipv6[0] = 0x65;
        assert_eq!(tcp_segment(&ipv6, Direction::ToServer), None);
    }
}
