//! Network namespaces that nothing but descriptors hold: they end with the process, however that ends.

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

use super::{Device, NetnsError, netlink, permission};
use crate::path::sys;

/// What a fresh namespace is set to, so that runs know nothing of each other and of this machine.
const SETTINGS: [(&str, &str); 4] = [
    // Router solicitations would be packets on the wire.
    ("net/ipv6/conf/all/disable_ipv6", "1"),
    ("net/ipv6/conf/default/disable_ipv6", "1"),
    ("net/ipv4/tcp_no_metrics_save", "1"),
    ("net/ipv4/tcp_slow_start_after_idle", "0"),
];

/// Settings of a fresh namespace that bear on a result: most of the machine's own do not hold in it.
const TOLD: [&str; 6] = [
    "tcp_rmem",
    "tcp_wmem",
    "tcp_ecn",
    "tcp_autocorking",
    "tcp_no_metrics_save",
    "tcp_slow_start_after_idle",
];

/// What holds in every namespace that is made here, by name; nothing where none can be made.
pub fn settings() -> Vec<(String, String)> {
    let read = || {
        let value = |name: &str| fs::read_to_string(format!("/proc/sys/net/ipv4/{name}")).ok();
        let told =
            TOLD.iter().filter_map(|name| Some((format!("netns.{name}"), value(name)?.trim().to_owned())));
        told.chain([("netns.device".to_owned(), Device::best().name().to_owned())]).collect()
    };
    Namespace::new().ok().and_then(|namespace| namespace.within(read).ok()).unwrap_or_default()
}

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
    /// A new namespace, with nothing in it but its loopback interface.
    ///
    /// # Errors
    ///
    /// [`NetnsError`] where this process may not make one.
    pub(super) fn new() -> Result<Self, NetnsError> {
        let made = on_own_thread(|| {
            sys::unshare_network().map_err(permission::no_network_namespace)?;
            for (name, value) in SETTINGS {
                // Where /proc is read-only the value stays, and the result tells which it is.
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

    /// Runs `work` on a thread in this namespace. Sockets that it makes belong to the namespace wherever they are
    /// used then, and programs that it starts live in it.
    ///
    /// # Errors
    ///
    /// Where the namespace cannot be entered.
    pub fn within<T: Send>(&self, work: impl FnOnce() -> T + Send) -> io::Result<T> {
        on_own_thread(|| {
            move_into_link_name_space(self.link.as_fd(), Some(LinkNameSpaceType::Network))?;
            Ok(work())
        })
        .flatten()
    }

    /// Whether anything in it listens on TCP or has a UDP port that is open to all.
    ///
    /// # Errors
    ///
    /// Where the namespace cannot be entered.
    pub fn listens(&self) -> io::Result<bool> {
        self.within(|| {
            ["tcp", "tcp6", "udp", "udp6"].into_iter().any(|table| {
                let sockets = fs::read_to_string(format!("/proc/thread-self/net/{table}"));
                sockets.is_ok_and(|sockets| sockets.lines().any(is_listening))
            })
        })
    }

    /// Packets that its interfaces, and its UDP sockets, have dropped without telling anyone.
    pub(super) fn drops(&self) -> u64 {
        let at_interfaces: u64 = read(&self.interfaces).lines().filter_map(drops).sum();
        at_interfaces + counters(&read(&self.snmp), "Udp:", &["RcvbufErrors"]).unwrap_or(0)
    }

    /// The sum of counters of TCP's extended statistics by their names; `None` where the kernel has none of them.
    pub(crate) fn tcp_counters(&self, names: &[&str]) -> Option<u64> {
        counters(&read(&self.netstat), "TcpExt:", names)
    }

    pub(super) fn as_fd(&self) -> BorrowedFd<'_> {
        self.link.as_fd()
    }
}

/// Of a line of `/proc/net/tcp` or `/proc/net/udp`: whether its socket awaits whoever comes.
fn is_listening(line: &str) -> bool {
    // TCP_LISTEN, and TCP_CLOSE, which UDP's sockets without a peer are in (`net/tcp_states.h`).
    const LISTENING: [&str; 2] = ["0A", "07"];
    let mut columns = line.split_whitespace().skip(1);
    let (local, state) = (columns.next(), columns.nth(1));
    local.is_some_and(|local| !local.ends_with(":0000"))
        && state.is_some_and(|state| LISTENING.contains(&state))
}

/// Of a line of `/proc/net/dev`: received and sent packets that were dropped.
fn drops(line: &str) -> Option<u64> {
    let (_, counters) = line.split_once(':')?;
    let counters: Vec<u64> = counters.split_whitespace().filter_map(|n| n.parse().ok()).collect();
    Some(counters.get(3)? + counters.get(11)?)
}

/// Of a table of names and values, each on a line that begins with `prefix`: the sum of those of `names`.
fn counters(text: &str, prefix: &str, names: &[&str]) -> Option<u64> {
    let mut lines = text.lines().filter_map(|line| line.strip_prefix(prefix));
    let (keys, values) = (lines.next()?, lines.next()?);
    let pairs = keys.split_whitespace().zip(values.split_whitespace());
    let wanted = pairs.filter(|(key, _)| names.contains(key));
    wanted.filter_map(|(_, value)| value.parse::<u64>().ok()).reduce(|sum, n| sum + n)
}

fn read(file: &File) -> String {
    let mut bytes = vec![0; 1 << 16];
    let mut filled = 0;
    // The kernel gives a page at a time.
    while let Ok(n @ 1..) = file.read_at(&mut bytes[filled..], filled as u64) {
        filled += n;
    }
    String::from_utf8_lossy(&bytes[..filled]).into_owned()
}

/// A namespace is a thread's, so whoever changes it does so on a thread that ends afterwards.
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
        assert_eq!(drops("Inter-|   Receive  |  Transmit"), None);
    }
}
