//! IP packets with TCP and UDP in them.

use wirelab::wire::ip::{TcpSegment, addresses, tcp_flags, tcp_segment};

const TCP: u8 = 6;
const UDP: u8 = 17;

/// An IPv4 header of 20 bytes, a TCP header of 32, 5 bytes of payload, and 3 bytes of Ethernet padding.
fn packet() -> Vec<u8> {
    let mut packet = vec![0; 20 + 32 + 5 + 3];
    packet[0] = 0x45;
    packet[3] = 57;
    packet[9] = TCP;
    packet[12..20].copy_from_slice(&[10, 0, 0, 1, 10, 0, 0, 2]);
    packet[20..28].copy_from_slice(&[0x9c, 0x40, 0, 80, 0, 0, 1, 0]);
    packet[32] = 8 << 4;
    packet
}

#[test]
fn a_segment_is_read_without_the_padding_of_its_packet() {
    let expected =
        TcpSegment { from: 40_000, to: 80, sequence: 256, header: 32, length: 5, ..TcpSegment::default() };
    assert_eq!(tcp_segment(&packet()), Some(expected));
}

#[test]
fn addresses_have_the_ports_of_tcp_and_udp_only() {
    let both = |from: &str, to: &str| Some((from.parse().unwrap(), to.parse().unwrap()));
    assert_eq!(addresses(&packet()), both("10.0.0.1:40000", "10.0.0.2:80"));
    let mut icmp = packet();
    icmp[9] = 1;
    assert_eq!(addresses(&icmp), both("10.0.0.1:0", "10.0.0.2:0"));
    assert_eq!(addresses(&packet()[..19]), None);
}

#[test]
fn a_truncated_packet_or_another_protocol_is_no_segment() {
    for length in 0..57 {
        assert_eq!(tcp_segment(&packet()[..length]), None, "{length}");
    }
    let mut udp = packet();
    udp[9] = UDP;
    assert_eq!(tcp_segment(&udp), None);
    let mut ipv6 = packet();
    ipv6[0] = 0x65;
    assert_eq!(tcp_segment(&ipv6), None);
}

#[test]
fn a_segment_tells_that_its_sender_has_reduced_its_window() {
    let mut packet = packet();
    packet[33] = 0x90;
    let segment = tcp_segment(&packet).unwrap();
    assert!(segment.flags & tcp_flags::CWR != 0 && !segment.syn);
}
