//! Builds the IP packets of datagrams, for paths that carry datagrams without IP headers.

use std::{
    borrow::Cow,
    net::{IpAddr, SocketAddr},
};

use crate::{
    path::{PacketView, Payload},
    wire::ip,
};

const UDP: u8 = 17;
const UDP_HEADER_BYTES: usize = 8;
const HOP_LIMIT: u8 = 64;

/// The bytes of `packet` from its IP header on. If the path has no IP packets, builds one with valid checksums.
pub(super) fn ip_packet<'a>(packet: &PacketView<'a>) -> Cow<'a, [u8]> {
    match packet.payload {
        Payload::Ip(ip) => Cow::Borrowed(ip),
        Payload::Udp(datagram) => {
            let mut bytes = udp_packet(packet.from, packet.to, packet.number as u16, datagram);
            if ip::is_ipv4(&bytes) {
                ip::set_ecn(&mut bytes, packet.ecn);
            } else {
                // The traffic class of IPv6 begins in the middle of the first octet (RFC 8200 section 3).
                bytes[1] |= packet.ecn << 4;
            }
            Cow::Owned(bytes)
        }
    }
}

/// A UDP datagram in an IPv4 or IPv6 packet (RFC 768, RFC 791, RFC 8200).
fn udp_packet(from: SocketAddr, to: SocketAddr, identification: u16, datagram: &[u8]) -> Vec<u8> {
    let length = saturate(UDP_HEADER_BYTES + datagram.len());
    let mut udp = Vec::with_capacity(usize::from(length));
    udp.extend(from.port().to_be_bytes());
    udp.extend(to.port().to_be_bytes());
    udp.extend(length.to_be_bytes());
    udp.extend([0, 0]);
    udp.extend(datagram);
    let (mut packet, pseudo_header) = match (from.ip().to_canonical(), to.ip().to_canonical()) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            let addresses = [from.octets(), to.octets()].concat();
            (ipv4_header(&addresses, identification, length), addresses)
        }
        (from, to) => {
            let addresses = [ipv6_octets(from), ipv6_octets(to)].concat();
            (ipv6_header(&addresses, length), addresses)
        }
    };
    let pseudo_header = [&pseudo_header[..], &[0, UDP], &length.to_be_bytes()].concat();
    // On the wire, 0 means that there is no checksum, so a checksum of 0 is sent as 0xffff (RFC 768).
    let checksum = match checksum(&[&pseudo_header, &udp]) {
        0 => u16::MAX,
        checksum => checksum,
    };
    udp[6..8].copy_from_slice(&checksum.to_be_bytes());
    packet.extend(udp);
    packet
}

fn ipv4_header(addresses: &[u8], identification: u16, udp_length: u16) -> Vec<u8> {
    const HEADER_BYTES: u16 = 20;
    const DO_NOT_FRAGMENT: u8 = 0x40;
    let mut header = vec![0x45, 0];
    header.extend(udp_length.saturating_add(HEADER_BYTES).to_be_bytes());
    header.extend(identification.to_be_bytes());
    header.extend([DO_NOT_FRAGMENT, 0, HOP_LIMIT, UDP, 0, 0]);
    header.extend(addresses);
    let checksum = checksum(&[&header]);
    header[10..12].copy_from_slice(&checksum.to_be_bytes());
    header
}

fn ipv6_header(addresses: &[u8], udp_length: u16) -> Vec<u8> {
    let mut header = vec![0x60, 0, 0, 0];
    header.extend(udp_length.to_be_bytes());
    header.extend([UDP, HOP_LIMIT]);
    header.extend(addresses);
    header
}

fn ipv6_octets(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => address.octets(),
    }
}

fn saturate(length: usize) -> u16 {
    u16::try_from(length).unwrap_or(u16::MAX)
}

/// The Internet checksum of `parts` (RFC 1071). All but the last must have an even length.
fn checksum(parts: &[&[u8]]) -> u16 {
    let words = parts.iter().flat_map(|part| part.chunks(2));
    let sum: u64 = words.map(|word| u64::from(word[0]) << 8 | u64::from(*word.get(1).unwrap_or(&0))).sum();
    let mut folded = sum;
    while folded > u64::from(u16::MAX) {
        folded = (folded >> 16) + (folded & u64::from(u16::MAX));
    }
    !(folded as u16)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::ip;

    fn packet(from: &str, to: &str, datagram: &[u8]) -> Vec<u8> {
        udp_packet(from.parse().unwrap(), to.parse().unwrap(), 7, datagram)
    }

    /// Checks as a receiver does: the checksum over the pseudo header and the datagram with its checksum is 0.
    fn udp_is_valid(packet: &[u8], addresses: std::ops::Range<usize>, header: usize) -> bool {
        let udp = &packet[header..];
        let pseudo_header = [&packet[addresses], &[0, UDP], &udp[4..6]].concat();
        checksum(&[&pseudo_header, udp]) == 0
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
            assert_eq!(checksum(&[&packet[..20]]), 0);
            assert!(udp_is_valid(&packet, 12..20, 20));
        }
    }

    #[test]
    fn an_ipv6_packet_has_a_valid_checksum() {
        let packet = packet("[2001:db8::1]:1000", "[2001:db8::2]:2000", b"datagram");
        assert_eq!(packet.len(), 40 + 8 + 8);
        assert!(udp_is_valid(&packet, 8..40, 40));
    }

    #[test]
    fn the_checksum_of_a_known_header_is_right() {
        // The example of RFC 1071 section 3.
        assert_eq!(checksum(&[&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]]), !0xddf2);
    }
}
