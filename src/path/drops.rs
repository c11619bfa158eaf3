//! Datagrams that the kernel dropped for want of room in a socket.

use std::{fs, net::SocketAddr};

/// Upper bound on readings of the kernel's table until two agree.
const READINGS: usize = 10;

/// Datagrams dropped by the sockets bound to `locals`; `None` if the kernel does not tell.
pub(super) fn dropped(locals: &[SocketAddr]) -> Option<u64> {
    let mut sums = read(locals)?;
    for _ in 1..READINGS {
        let again = read(locals)?;
        if again == sums {
            break;
        }
        sums = again;
    }
    Some(sums.drops)
}

/// The sums over some sockets in the kernel's table. The table is read in pieces, and a row may be missed if others
/// disappear meanwhile.
#[derive(Debug, Default, PartialEq, Eq)]
struct Sums {
    sockets: usize,
    drops: u64,
}

fn read(locals: &[SocketAddr]) -> Option<Sums> {
    let mut sums = Sums::default();
    for (table, is_ipv6) in [("/proc/self/net/udp", false), ("/proc/self/net/udp6", true)] {
        let wanted: Vec<String> =
            locals.iter().filter(|local| local.is_ipv6() == is_ipv6).map(|local| row_name(*local)).collect();
        if !wanted.is_empty() {
            sums.add(&fs::read_to_string(table).ok()?, &wanted)?;
        }
    }
    Some(sums)
}

impl Sums {
    /// Adds the last column of the rows whose second column is one of `wanted`.
    fn add(&mut self, table: &str, wanted: &[String]) -> Option<()> {
        for row in table.lines().skip(1) {
            let local = row.split_ascii_whitespace().nth(1)?;
            if wanted.iter().any(|name| name == local) {
                self.sockets += 1;
                self.drops += row.split_ascii_whitespace().last()?.parse::<u64>().ok()?;
            }
        }
        Some(())
    }
}

/// How the kernel writes an address: words in the machine's byte order, then the port.
fn row_name(local: SocketAddr) -> String {
    let port = local.port();
    match local {
        SocketAddr::V4(v4) => format!("{:08X}:{port:04X}", u32::from_ne_bytes(v4.ip().octets())),
        SocketAddr::V6(v6) => {
            let octets = v6.ip().octets();
            let words = octets.chunks_exact(4).map(|word| {
                let word = word.try_into().map_or(0, u32::from_ne_bytes);
                format!("{word:08X}")
            });
            format!("{}:{port:04X}", words.collect::<String>())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;

    use super::*;

    #[test]
    fn datagrams_beyond_a_sockets_room_are_counted_and_those_of_others_are_not() {
        let [full, other, sender] = [(); 3].map(|()| UdpSocket::bind("127.0.0.1:0").unwrap());
        let [full_at, other_at] = [&full, &other].map(|socket| socket.local_addr().unwrap());
        const SENT: u64 = 3000;
        for _ in 0..SENT {
            sender.send_to(&[0; 1000], full_at).unwrap();
        }
        full.set_nonblocking(true).unwrap();
        let mut received = 0;
        while full.recv(&mut [0; 1000]).is_ok() {
            received += 1;
        }
        let dropped = |at| super::dropped(&[at]);
        // A kernel without the table does not tell.
        if let Some(lost) = dropped(full_at) {
            assert!(lost > 0);
            assert_eq!(lost + received, SENT);
            assert_eq!(dropped(other_at), Some(0));
        }
    }

    #[cfg(target_endian = "little")]
    #[test]
    fn addresses_are_written_as_the_kernel_does() {
        assert_eq!(row_name("127.0.0.1:9999".parse().unwrap()), "0100007F:270F");
        assert_eq!(row_name("[::1]:53".parse().unwrap()), "00000000000000000000000001000000:0035");
    }
}
