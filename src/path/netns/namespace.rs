//! Network namespaces that only descriptors hold: they end with the process, however that ends.

use std::{
    fs::{self, File},
    io,
    os::{
        fd::{AsFd, BorrowedFd},
        unix::fs::FileExt,
    },
    panic, thread,
};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::{
    error::{self, NetnsError},
    netlink,
};
use crate::path::{kernel_tcp::TcpCounters, sys};

/// Settings of a fresh namespace that isolate runs from each other and from this machine.
const SETTINGS: [(&str, &str); 5] = [
    // Router solicitations would be packets on the wire.
    ("net/ipv6/conf/all/disable_ipv6", "1"),
    ("net/ipv6/conf/default/disable_ipv6", "1"),
    // A user's program may be a server on port 80 here: no other user is in the namespace.
    ("net/ipv4/ip_unprivileged_port_start", "0"),
    ("net/ipv4/tcp_no_metrics_save", "1"),
    ("net/ipv4/tcp_slow_start_after_idle", "0"),
];

/// Makes TCP request ECN on the connections that it opens, and accept it on the others.
const REQUESTS_ECN: (&str, &str) = ("net/ipv4/tcp_ecn", "1");

/// A network namespace.
#[derive(Debug)]
pub struct Namespace {
    link: File,
    /// `/proc/net/dev`, `/proc/net/snmp` and `/proc/net/netstat` in it.
    interfaces: File,
    snmp: File,
    netstat: File,
}

impl Namespace {
    /// A new namespace with a loopback interface only. With `ecn`, its TCP requests ECN on the connections that it
    /// opens. Without, it uses ECN only if the peer requests it, which is the kernel's default.
    ///
    /// Returns [`NetnsError`] if this process may not make one.
    pub(super) fn new(ecn: bool) -> Result<Self, NetnsError> {
        let made = on_own_thread(|| {
            sys::unshare_network().map_err(error::no_network_namespace)?;
            for (name, value) in SETTINGS.iter().chain(ecn.then_some(&REQUESTS_ECN)) {
                // If /proc is read-only the value stays; the result reports it.
                let _ = fs::write(format!("/proc/sys/{name}"), value);
            }
            let setup = || -> io::Result<Self> {
                netlink::bring_up_loopback()?;
                Ok(Self {
                    link: File::open("/proc/thread-self/ns/net")?,
                    interfaces: File::open("/proc/thread-self/net/dev")?,
                    snmp: File::open("/proc/thread-self/net/snmp")?,
                    netstat: File::open("/proc/thread-self/net/netstat")?,
                })
            };
            setup().map_err(NetnsError::setup("set up a network namespace"))
        });
        made.map_err(NetnsError::setup("start a thread"))?
    }

    /// Runs `work` on a thread in this namespace. Sockets that it makes and programs that it starts belong to the
    /// namespace.
    ///
    /// Returns an error if the namespace cannot be entered.
    pub fn within<T: Send>(&self, work: impl FnOnce() -> T + Send) -> io::Result<T> {
        on_own_thread(|| {
            move_into_link_name_space(self.link.as_fd(), Some(LinkNameSpaceType::Network))?;
            Ok(work())
        })
        .flatten()
    }

    /// Whether anything in it listens on TCP or has an unconnected UDP socket.
    ///
    /// Returns an error if the namespace cannot be entered.
    pub fn listens(&self) -> io::Result<bool> {
        self.within(|| {
            ["tcp", "tcp6", "udp", "udp6"].into_iter().any(|table| {
                let sockets = fs::read_to_string(format!("/proc/thread-self/net/{table}"));
                sockets.is_ok_and(|sockets| sockets.lines().any(is_listening))
            })
        })
    }

    /// Packets for which its interfaces and its UDP sockets had no room; `None` if the kernel does not tell.
    pub(super) fn drops(&self) -> Option<u64> {
        let at_interfaces: u64 = read(&self.interfaces).lines().filter_map(drops).sum();
        Some(at_interfaces + counters(&read(&self.snmp), "Udp:", &["RcvbufErrors"])?)
    }

    /// Packets that arrived damaged, with a wrong checksum or length; `None` if the kernel does not tell.
    pub(super) fn corrupted(&self) -> Option<u64> {
        corrupted(&read(&self.snmp))
    }

    pub(super) fn as_fd(&self) -> BorrowedFd<'_> {
        self.link.as_fd()
    }
}

impl TcpCounters for Namespace {
    fn tcp_counters(&self, names: &[&str]) -> Option<u64> {
        counters(&read(&self.netstat), "TcpExt:", names)
    }
}

/// Whether a line of `/proc/net/tcp` or `/proc/net/udp` is of a socket that accepts any peer.
fn is_listening(line: &str) -> bool {
    // TCP_LISTEN, and TCP_CLOSE, the state of unconnected UDP sockets (`net/tcp_states.h`).
    const LISTENING: [&str; 2] = ["0A", "07"];
    let mut columns = line.split_whitespace().skip(1);
    let (local, state) = (columns.next(), columns.nth(1));
    local.is_some_and(|local| !local.ends_with(":0000"))
        && state.is_some_and(|state| LISTENING.contains(&state))
}

/// Dropped packets, received and sent, of a line of `/proc/net/dev`.
fn drops(line: &str) -> Option<u64> {
    let (_, counters) = line.split_once(':')?;
    let counters: Vec<u64> = counters.split_whitespace().filter_map(|n| n.parse().ok()).collect();
    Some(counters.get(3)? + counters.get(11)?)
}

/// The sum of the values of `names` in a table: a line of names and a line of values, each after `prefix`.
fn counters(text: &str, prefix: &str, names: &[&str]) -> Option<u64> {
    let mut lines = text.lines().filter_map(|line| line.strip_prefix(prefix));
    let (keys, values) = (lines.next()?, lines.next()?);
    let pairs = keys.split_whitespace().zip(values.split_whitespace());
    let wanted = pairs.filter(|(key, _)| names.contains(key));
    wanted.filter_map(|(_, value)| value.parse::<u64>().ok()).reduce(|sum, n| sum + n)
}

/// Damaged packets by `/proc/net/snmp`. UDP's errors include full queues.
fn corrupted(snmp: &str) -> Option<u64> {
    let headers = counters(snmp, "Ip:", &["InHdrErrors"])?;
    let datagrams = counters(snmp, "Udp:", &["InErrors"])?;
    let full = counters(snmp, "Udp:", &["RcvbufErrors", "MemErrors"])?;
    Some(headers + datagrams.saturating_sub(full))
}

fn read(file: &File) -> String {
    let mut bytes = vec![0; 1 << 16];
    let mut filled = 0;
    // A read returns one page at most.
    while let Ok(n @ 1..) = file.read_at(&mut bytes[filled..], filled as u64) {
        filled += n;
    }
    String::from_utf8_lossy(&bytes[..filled]).into_owned()
}

/// Runs `work` on a thread of its own, because a namespace belongs to a thread.
pub(super) fn on_own_thread<T: Send>(work: impl FnOnce() -> T + Send) -> io::Result<T> {
    thread::scope(|scope| {
        let thread = thread::Builder::new().name("namespace".to_owned()).spawn_scoped(scope, work)?;
        Ok(thread.join().unwrap_or_else(|payload| panic::resume_unwind(payload)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_listens_is_read_where_the_kernel_writes_it() {
        let line =
            |state| format!("   0: 00000000:1451 00000000:0000 {state} 00000000:00000000 00:00000000 0");
        assert!(is_listening(&line("0A")) && is_listening(&line("07")));
        assert!(!is_listening(&line("01")) && !is_listening(&line("06")));
        assert!(!is_listening("  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt"));
    }

    #[test]
    fn drops_are_read_where_the_kernel_writes_them() {
        let line = "  wire0:  1000      10    0    3    0     0          0         0     2000      20    0    4    0     0       0          0";
        assert_eq!(drops(line), Some(7));
        let table = "Tcp: A B\nTcp: 9 9\nUdp: InDatagrams RcvbufErrors\nUdp: 5 2\n";
        assert_eq!(counters(table, "Udp:", &["RcvbufErrors"]), Some(2));
        assert_eq!(counters(table, "Udp:", &["NoPorts"]), None);
        let table =
            "Ip: Forwarding InHdrErrors\nIp: 2 3\nUdp: InErrors RcvbufErrors InCsumErrors\nUdp: 60 10 49\n";
        assert_eq!(corrupted(table), Some(53), "a full queue damages nothing");
        assert_eq!(drops("Inter-|   Receive  |  Transmit"), None);
    }
}
