//! The kernel's statistics of its TCP connections.

use std::{
    fmt::Debug,
    io,
    os::fd::{AsFd, OwnedFd},
    sync::Arc,
    time::Duration,
};

use super::{KernelTcp, TcpInfo, TcpRetransmissions, sys};

/// The kernel's counters of all TCP connections of one network namespace.
pub(super) trait TcpCounters: Debug + Send + Sync {
    /// The sum of these counters of `/proc/net/netstat`; `None` if the kernel has none of them.
    fn tcp_counters(&self, names: &[&str]) -> Option<u64>;
}

/// The socket of a connection.
#[derive(Debug)]
pub(super) struct KernelSocket {
    socket: OwnedFd,
    /// Set if there is no other connection in its namespace.
    namespace: Option<Arc<dyn TcpCounters>>,
}

impl KernelSocket {
    /// The socket of `stream`. Returns an error if no descriptor is left.
    pub(super) fn new(stream: impl AsFd) -> io::Result<Self> {
        Ok(Self { socket: stream.as_fd().try_clone_to_owned()?, namespace: None })
    }

    /// The same socket in a namespace where there is no other connection.
    pub(super) fn alone_in(self, namespace: Arc<dyn TcpCounters>) -> Self {
        Self { namespace: Some(namespace), ..self }
    }
}

impl KernelTcp for KernelSocket {
    fn info(&self) -> Option<TcpInfo> {
        let (info, length) = sys::tcp_info(&self.socket).ok()?;
        parse(info.get(..length)?)
    }

    fn fast_recoveries(&self) -> Option<u64> {
        self.namespace.as_ref()?.tcp_counters(&["TCPSackRecovery", "TCPRenoRecovery"])
    }

    fn retransmissions(&self) -> Option<TcpRetransmissions> {
        let namespace = self.namespace.as_ref()?;
        let counter = |name| namespace.tcp_counters(&[name]);
        Some(TcpRetransmissions {
            fast: counter("TCPFastRetrans"),
            slow_start: counter("TCPSlowStartRetrans"),
            timeouts: counter("TCPTimeouts"),
            probes: counter("TCPLossProbes"),
            duplicates: namespace.tcp_counters(&["TCPDSACKRecv", "TCPDSACKOfoRecv"]),
        })
    }
}

/// Reads `struct tcp_info` (`linux/tcp.h`) by its offsets: the kernel only ever appends to it. `None` if it ends before
/// what every kernel has told since 2.6.
fn parse(info: &[u8]) -> Option<TcpInfo> {
    let half = |at: usize| Some(u64::from(u16::from_ne_bytes(info.get(at..at + 2)?.try_into().ok()?)));
    let word = |at: usize| Some(u64::from(u32::from_ne_bytes(info.get(at..at + 4)?.try_into().ok()?)));
    let double = |at: usize| Some(u64::from_ne_bytes(info.get(at..at + 8)?.try_into().ok()?));
    let micros = |at: usize| double(at).map_or(Duration::ZERO, Duration::from_micros);
    let (segment_bytes, window) = (word(16)?, word(80)?);
    Some(TcpInfo {
        retransmitted_segments: word(100)?,
        window_bytes: segment_bytes * window,
        acknowledged_bytes: double(120),
        received_bytes: double(128),
        window_closed: micros(176),
        buffer_full: micros(184),
        acknowledged_ce: word(196),
        timeouts: half(240),
        timeout_recoveries: half(242),
    })
}
