//! A kernel filter that keeps datagrams of some sources out of a socket's queue.

use std::{io, net::IpAddr};

use socket2::{SockFilter, SockRef};

use super::bpf;

/// The offset of the IP header, for a filter that starts at the UDP header.
const IP_HEADER: u32 = libc::SKF_NET_OFF as u32;
/// The offset of the source address (RFC 791 section 3.1, RFC 8200 section 3).
const IPV4_SOURCE: u32 = IP_HEADER + 12;
const IPV6_SOURCE: u32 = IP_HEADER + 8;

/// Makes the kernel drop datagrams from `sources`: by address for IPv4, by /64 for IPv6. Sources of another family than
/// the socket's are ignored.
pub(super) fn shun(socket: SockRef<'_>, sources: &[IpAddr]) -> io::Result<()> {
    if sources.is_empty() {
        return match socket.detach_filter() {
            // No filter was attached.
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
            done => done,
        };
    }
    let is_ipv6 = socket.domain()? == socket2::Domain::IPV6;
    let mut program = Vec::new();
    for source in sources {
        match source {
            IpAddr::V4(ip) if !is_ipv6 => unless_equal(&mut program, &[(IPV4_SOURCE, ip.to_bits())]),
            IpAddr::V6(ip) if is_ipv6 => {
                let network = (ip.to_bits() >> 64) as u64;
                let (high, low) = ((network >> 32) as u32, network as u32);
                unless_equal(&mut program, &[(IPV6_SOURCE, high), (IPV6_SOURCE + 4, low)]);
            }
            _ => continue,
        }
        program.push(bpf::accept(0));
    }
    program.push(bpf::accept(u32::MAX));
    socket.attach_filter(&program)
}

/// Skips the instruction behind these unless every word of the packet has the given value.
fn unless_equal(program: &mut Vec<SockFilter>, words: &[(u32, u32)]) {
    for (index, (offset, value)) in words.iter().enumerate() {
        let instructions_left = 2 * (words.len() - index - 1) + 1;
        program.push(bpf::load_word(*offset));
        program.push(bpf::jump_if_equal(*value, 0, instructions_left as u8));
    }
}

#[cfg(test)]
mod tests {
    use std::{
        net::{SocketAddr, UdpSocket},
        time::Duration,
    };

    use super::*;

    #[test]
    fn a_shunned_source_is_not_received_and_is_again_afterwards() {
        let server = UdpSocket::bind("127.0.0.1:0").unwrap();
        server.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let clients = ["127.0.0.1:0", "127.0.0.2:0", "127.0.0.3:0"].map(|at| UdpSocket::bind(at).unwrap());
        let heard = || {
            // The last one is never shunned.
            for client in clients.iter().rev() {
                client.send_to(b"x", server.local_addr().unwrap()).unwrap();
            }
            let mut from = Vec::new();
            loop {
                let (_, SocketAddr::V4(source)) = server.recv_from(&mut [0]).unwrap() else { unreachable!() };
                from.push(source.ip().octets()[3]);
                if from.last() == Some(&1) {
                    return from;
                }
            }
        };
        let set = |sources: &[&str]| {
            let sources: Vec<IpAddr> = sources.iter().map(|source| source.parse().unwrap()).collect();
            shun(SockRef::from(&server), &sources).unwrap();
        };
        set(&[]);
        assert_eq!(heard(), [3, 2, 1]);
        set(&["127.0.0.9", "127.0.0.2"]);
        assert_eq!(heard(), [3, 1]);
        set(&["2001:db8::", "127.0.0.3"]);
        assert_eq!(heard(), [2, 1]);
        set(&[]);
        assert_eq!(heard(), [3, 2, 1]);
        // The kernel counts filtered datagrams as drops, too.
        let dropped = crate::path::drops::dropped(&[server.local_addr().unwrap()]);
        assert!(dropped.is_none_or(|dropped| dropped == 2), "{dropped:?}");
    }
}
