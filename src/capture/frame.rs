//! Builds the IP packets of datagrams, for paths that carry datagrams without IP headers.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::{
    path::{PacketView, Payload},
    wire::ip,
};

const UDP: u8 = 17;
const UDP_HEADER_BYTES: usize = 8;
const IPV4_HEADER_BYTES: usize = 20;
const HOP_LIMIT: u8 = 64;

/// Appends the bytes of `packet` from its IP header on. If the path has no IP packets, builds one with valid checksums.
pub(super) fn append_ip_packet(out: &mut Vec<u8>, packet: &PacketView<'_>) {
    match packet.payload {
        Payload::Ip(ip) => out.extend_from_slice(ip),
        Payload::Udp(datagram) => {
            let start = out.len();
            append_udp_packet(out, packet.from, packet.to, packet.number as u16, datagram);
            let bytes = &mut out[start..];
            if ip::is_ipv4(bytes) {
                ip::set_ecn(bytes, packet.ecn);
            } else {
                // The traffic class of IPv6 begins in the middle of the first octet (RFC 8200 section 3).
                bytes[1] |= packet.ecn << 4;
            }
        }
    }
}

/// Appends a UDP datagram in an IPv4 or IPv6 packet (RFC 768, RFC 791, RFC 8200).
fn append_udp_packet(
    out: &mut Vec<u8>,
    from: SocketAddr,
    to: SocketAddr,
    identification: u16,
    datagram: &[u8],
) {
    let length = saturate(UDP_HEADER_BYTES + datagram.len());
    let addresses = match (from.ip().to_canonical(), to.ip().to_canonical()) {
        (IpAddr::V4(from), IpAddr::V4(to)) => append_ipv4_header(out, from, to, identification, length),
        (from, to) => append_ipv6_header(out, ipv6(from), ipv6(to), length),
    };
    let mut header = [0; UDP_HEADER_BYTES];
    header[0..2].copy_from_slice(&from.port().to_be_bytes());
    header[2..4].copy_from_slice(&to.port().to_be_bytes());
    header[4..6].copy_from_slice(&length.to_be_bytes());
    // The pseudo header consists of the addresses, the protocol and the length.
    let protocol = u64::from(u16::from_be_bytes([0, UDP]).to_be()) + u64::from(length.to_be());
    // On the wire, 0 means that there is no checksum, so a checksum of 0 is sent as 0xffff (RFC 768).
    let checksum = match fold(addresses + protocol + sum(&header) + sum(datagram)) {
        0 => u16::MAX,
        checksum => checksum,
    };
    header[6..8].copy_from_slice(&checksum.to_be_bytes());
    out.extend_from_slice(&header);
    out.extend_from_slice(datagram);
}

/// Returns the sum of the addresses.
fn append_ipv4_header(
    out: &mut Vec<u8>,
    from: Ipv4Addr,
    to: Ipv4Addr,
    identification: u16,
    udp_length: u16,
) -> u64 {
    const DO_NOT_FRAGMENT: u8 = 0x40;
    let mut header = [0; IPV4_HEADER_BYTES];
    header[0] = 0x45;
    let length = udp_length.saturating_add(IPV4_HEADER_BYTES as u16);
    header[2..4].copy_from_slice(&length.to_be_bytes());
    header[4..6].copy_from_slice(&identification.to_be_bytes());
    header[6] = DO_NOT_FRAGMENT;
    header[8..10].copy_from_slice(&[HOP_LIMIT, UDP]);
    header[12..16].copy_from_slice(&from.octets());
    header[16..20].copy_from_slice(&to.octets());
    let checksum = fold(sum(&header));
    header[10..12].copy_from_slice(&checksum.to_be_bytes());
    out.extend_from_slice(&header);
    sum(&header[12..])
}

/// Returns the sum of the addresses.
fn append_ipv6_header(out: &mut Vec<u8>, from: Ipv6Addr, to: Ipv6Addr, udp_length: u16) -> u64 {
    out.extend_from_slice(&[0x60, 0, 0, 0]);
    out.extend_from_slice(&udp_length.to_be_bytes());
    out.extend_from_slice(&[UDP, HOP_LIMIT]);
    out.extend_from_slice(&from.octets());
    out.extend_from_slice(&to.octets());
    sum(&from.octets()) + sum(&to.octets())
}

fn ipv6(address: IpAddr) -> Ipv6Addr {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    }
}

fn saturate(length: usize) -> u16 {
    u16::try_from(length).unwrap_or(u16::MAX)
}

/// The sum of `bytes` for the Internet checksum. Sums of parts can be added if all but the last have an even length.
///
/// It adds 32-bit words in native byte order, and [`fold`] swaps the result (RFC 1071 section 2).
fn sum(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<4>();
    let mut last = [0; 4];
    last[..rest.len()].copy_from_slice(rest);
    words.iter().map(|word| u64::from(u32::from_ne_bytes(*word))).sum::<u64>()
        + u64::from(u32::from_ne_bytes(last))
}

/// Folds a [`sum`] to the Internet checksum (RFC 1071).
fn fold(mut sum: u64) -> u16 {
    while sum > u64::from(u16::MAX) {
        sum = (sum >> 16) + (sum & u64::from(u16::MAX));
    }
    !u16::from_be(sum as u16)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::ip;

    fn packet(from: &str, to: &str, datagram: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        append_udp_packet(&mut out, from.parse().unwrap(), to.parse().unwrap(), 7, datagram);
        out
    }

    /// Checks as a receiver does: the checksum over the pseudo header and the datagram with its checksum is 0.
    fn udp_is_valid(packet: &[u8], addresses: std::ops::Range<usize>, header: usize) -> bool {
        let udp = &packet[header..];
        let pseudo_header = [&packet[addresses], &[0, UDP], &udp[4..6]].concat();
        fold(sum(&pseudo_header) + sum(udp)) == 0
    }

    #[test]
    fn an_ipv4_packet_has_the_addresses_the_datagram_and_valid_checksums() {
        for datagram in [&b"odd"[..], b"even", b""] {
            let packet = packet("192.0.2.1:1000", "192.0.2.2:2000", datagram);
            assert_eq!(ip::udp_payload(&packet), Some(datagram));
            let addresses = ip::addresses(&packet).unwrap();
            assert_eq!(
                (addresses.0.to_string(), addresses.1.to_string()),
                ("192.0.2.1:1000".into(), "192.0.2.2:2000".into())
            );
            assert_eq!(fold(sum(&packet[..20])), 0);
            assert!(udp_is_valid(&packet, 12..20, 20));
        }
    }

    #[test]
    fn an_ipv6_packet_has_a_valid_checksum() {
        let packet = packet("[2001:db8::1]:1000", "[2001:db8::2]:2000", b"datagram");
        assert_eq!(packet.len(), 40 + 8 + 8);
        assert!(udp_is_valid(&packet, 8..40, 40));
        let addresses = ["[2001:db8::1]:1000", "[2001:db8::2]:2000"].map(|text| text.parse().unwrap());
        assert_eq!(ip::addresses(&packet), Some(addresses.into()));
        assert_eq!(ip::udp_payload(&packet), Some(&b"datagram"[..]));
    }

    #[test]
    fn the_checksum_of_a_known_header_is_right() {
        // The example of RFC 1071 section 3.
        assert_eq!(fold(sum(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7])), !0xddf2);
    }
}
