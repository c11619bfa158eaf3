//! IPv4 (RFC 791), IPv6 (RFC 8200), TCP (RFC 9293) and UDP (RFC 768) headers, as far as they are read here.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

const TCP: u8 = 6;
const UDP: u8 = 17;

/// A TCP segment's header (RFC 9293 section 3.1).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TcpSegment {
    /// The port of the sender.
    pub from: u16,
    /// The port of the receiver.
    pub to: u16,
    /// The sequence number.
    pub sequence: u32,
    /// The acknowledgement number, if the ACK flag is set.
    pub acknowledgement: Option<u32>,
    /// The receive window, not scaled.
    pub window: u16,
    /// The flags.
    pub flags: u8,
    /// Whether the SYN flag is set.
    pub syn: bool,
    /// Bytes of header.
    pub header: u32,
    /// Bytes of payload.
    pub length: u32,
}

/// Flags of a TCP segment.
pub mod tcp_flags {
    /// Ends the stream.
    pub(crate) const FIN: u8 = 0x01;
    /// Begins the stream.
    pub(crate) const SYN: u8 = 0x02;
    /// Aborts the connection.
    pub(crate) const RST: u8 = 0x04;
    /// The acknowledgement number is valid.
    pub(crate) const ACK: u8 = 0x10;
    /// The sender has reduced its window because of marks (RFC 3168 section 6.1.2).
    pub const CWR: u8 = 0x80;
}

/// Whether this is an IPv4 packet.
pub(crate) fn is_ipv4(packet: &[u8]) -> bool {
    packet.first().is_some_and(|first| first >> 4 == 4)
}

/// The source and the destination of a packet; port 0 unless it is UDP or TCP.
pub fn addresses(packet: &[u8]) -> Option<(SocketAddr, SocketAddr)> {
    let transport = payload(packet, TCP).or_else(|| payload(packet, UDP)).unwrap_or_default();
    let port = |at| word(transport, at).unwrap_or(0);
    let v4 = |at| Some(IpAddr::V4(Ipv4Addr::from(*packet.get(at..)?.first_chunk::<4>()?)));
    let v6 = |at| Some(IpAddr::V6(Ipv6Addr::from(*packet.get(at..)?.first_chunk::<16>()?)));
    let (from, to) = if is_ipv4(packet) { (v4(12)?, v4(16)?) } else { (v6(8)?, v6(24)?) };
    Some((SocketAddr::new(from, port(0)), SocketAddr::new(to, port(2))))
}

/// The protocol number of an IPv4 packet.
pub(crate) fn protocol(packet: &[u8]) -> Option<u8> {
    packet.get(9).copied()
}

/// The ECN field of a packet that is marked: CE (RFC 3168 section 5).
pub(crate) const CONGESTION_EXPERIENCED: u8 = 0b11;

/// The ECN field of a packet (RFC 3168 section 5): 0 if its transport is not ECN-capable.
pub(crate) fn ecn(packet: &[u8]) -> u8 {
    // The traffic class of IPv6 begins in the middle of the first octet.
    let shift = if is_ipv4(packet) { 0 } else { 4 };
    packet.get(1).map_or(0, |octet| octet >> shift & ECN_MASK)
}

/// Sets the ECN field of an IPv4 packet, and corrects its header checksum (RFC 1624, equation 3).
pub(crate) fn set_ecn(packet: &mut [u8], ecn: u8) {
    let (Some(before), Some(checksum)) = (word(packet, 0), word(packet, 10)) else { return };
    let after = before & !u16::from(ECN_MASK) | u16::from(ecn & ECN_MASK);
    let mut sum = u32::from(!checksum) + u32::from(!before) + u32::from(after);
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    packet[..2].copy_from_slice(&after.to_be_bytes());
    // At most 16 bits are left.
    packet[10..12].copy_from_slice(&(!(sum as u16)).to_be_bytes());
}

/// The two bits of the ECN field in the octet that they share with the differentiated services field.
const ECN_MASK: u8 = 0b11;

/// The header of a TCP segment; `None` for any other packet.
pub fn tcp_segment(packet: &[u8]) -> Option<TcpSegment> {
    let segment = payload(packet, TCP)?;
    let number = |at: usize| Some(u32::from_be_bytes(segment.get(at..at + 4)?.try_into().ok()?));
    let (sequence, flags) = (number(4)?, *segment.get(13)?);
    let header = usize::from(segment.get(12)? >> 4) * 4;
    let length = u32::try_from(segment.len().checked_sub(header)?).ok()?;
    Some(TcpSegment {
        from: word(segment, 0)?,
        to: word(segment, 2)?,
        sequence,
        acknowledgement: number(8).filter(|_| flags & tcp_flags::ACK != 0),
        window: word(segment, 14)?,
        flags,
        syn: flags & tcp_flags::SYN != 0,
        header: header as u32,
        length,
    })
}

/// The options of a TCP segment's header. Empty for any other packet.
pub fn tcp_options(packet: &[u8]) -> &[u8] {
    const HEADER_BYTES: usize = 20;
    let options = payload(packet, TCP)
        .and_then(|segment| segment.get(HEADER_BYTES..usize::from(segment.get(12)? >> 4) * 4));
    options.unwrap_or_default()
}

/// The payload of a UDP datagram; `None` if the packet is none.
pub(crate) fn udp_payload(packet: &[u8]) -> Option<&[u8]> {
    const HEADER_BYTES: usize = 8;
    payload(packet, UDP)?.get(HEADER_BYTES..)
}

/// Like [`udp_payload`], but mutable. Sets the UDP checksum to 0, which means none (RFC 768).
pub(crate) fn udp_payload_unchecked(packet: &mut [u8]) -> Option<&mut [u8]> {
    let length = udp_payload(packet)?.len();
    let (header, _, _) = ip_header(packet)?;
    packet.get_mut(header + 6..header + 8)?.fill(0);
    packet.get_mut(header + 8..header + 8 + length)
}

/// The payload of a packet of this protocol. Only the first fragment of a datagram has a transport header; our sockets
/// send no fragments, and no extension headers of IPv6.
fn payload(packet: &[u8], protocol: u8) -> Option<&[u8]> {
    let (header, total, carried) = ip_header(packet)?;
    if carried == protocol { packet.get(header..total) } else { None }
}

/// The length of the header, the length of the packet, and the protocol of its payload.
fn ip_header(packet: &[u8]) -> Option<(usize, usize, u8)> {
    const IPV6_HEADER_BYTES: usize = 40;
    let first = *packet.first()?;
    match first >> 4 {
        4 => Some((usize::from(first & 0x0f) * 4, word(packet, 2)?.into(), *packet.get(9)?)),
        6 => Some((IPV6_HEADER_BYTES, IPV6_HEADER_BYTES + usize::from(word(packet, 4)?), *packet.get(6)?)),
        _ => None,
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// RFC 1071, over the whole header.
    fn sum(header: &[u8]) -> u16 {
        let words = header.chunks_exact(2).map(|word| u32::from(u16::from_be_bytes([word[0], word[1]])));
        let sum: u32 = words.sum();
        let folded = (sum & 0xffff) + (sum >> 16);
        ((folded & 0xffff) + (folded >> 16)) as u16
    }

    proptest! {
        #[test]
        fn a_marked_header_has_a_right_checksum_and_differs_in_nothing_else(
            mut header in prop::array::uniform20(any::<u8>()), ecn in 0u8..4,
        ) {
            header[0] = 0x45;
            header[10..12].fill(0);
            let checksum = !sum(&header);
            header[10..12].copy_from_slice(&checksum.to_be_bytes());
            let mut marked = header;
            set_ecn(&mut marked, ecn);
            prop_assert_eq!(super::ecn(&marked), ecn);
            prop_assert_eq!(sum(&marked), 0xffff);
            prop_assert_eq!(marked[1] & 0xfc, header[1] & 0xfc);
            prop_assert_eq!((&marked[2..10], &marked[12..]), (&header[2..10], &header[12..]));
        }
    }

    #[test]
    fn what_is_too_short_for_a_header_is_left_alone() {
        let mut short = [0x45, 2, 0];
        set_ecn(&mut short, 3);
        assert_eq!((short, ecn(&[])), ([0x45, 2, 0], 0));
    }
}
