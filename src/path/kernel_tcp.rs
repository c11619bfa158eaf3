//! What the kernel tells of a TCP connection of its own.

use std::{
    io,
    os::fd::{AsFd, OwnedFd},
    sync::Arc,
};

use super::{netns::Namespace, sys, tap::tcp::StreamTap};

/// The kernel's side of a connection.
#[derive(Debug)]
pub struct KernelTcp {
    socket: OwnedFd,
    /// Where the connection has a wire of ours to itself.
    wire: Option<(Arc<Namespace>, StreamTap)>,
}

/// What `TCP_INFO` says (tcp(7)). Counters are of the whole connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TcpInfo {
    /// Segments that were sent again.
    pub retransmitted_segments: u64,
    /// The congestion window in bytes.
    pub window_bytes: u64,
    /// Retransmission timeouts; `None` on kernels before 6.7.
    pub timeouts: Option<u64>,
    /// Times that a timeout began a recovery, each with one timeout or more; `None` as above.
    pub timeout_recoveries: Option<u64>,
}

impl KernelTcp {
    /// The kernel's side of `stream`.
    ///
    /// # Errors
    ///
    /// Where no descriptor is left.
    pub(super) fn new(stream: impl AsFd) -> io::Result<Self> {
        Ok(Self { socket: stream.as_fd().try_clone_to_owned()?, wire: None })
    }

    /// The same on a wire of ours, in a namespace where there is no other connection.
    pub(super) fn on_wire(self, namespace: Arc<Namespace>, tap: StreamTap) -> Self {
        Self { wire: Some((namespace, tap)), ..self }
    }

    /// The state of the connection; `None` where the kernel does not tell.
    pub fn info(&self) -> Option<TcpInfo> {
        Some(TcpInfo::parse(&sys::tcp_info(&self.socket).ok()?))
    }

    /// How often duplicate acknowledgements have begun a recovery (RFC 6675); `None` where connections of others
    /// count as well.
    pub fn fast_recoveries(&self) -> Option<u64> {
        let (namespace, _) = self.wire.as_ref()?;
        namespace.tcp_counters(&["TCPSackRecovery", "TCPRenoRecovery"])
    }

    /// When bytes enter and leave the wire, where it is ours.
    pub(crate) fn tap(&self) -> Option<StreamTap> {
        self.wire.as_ref().map(|(_, tap)| tap.clone())
    }
}

impl TcpInfo {
    /// By the offsets of `struct tcp_info` (`linux/tcp.h`); the kernel has only ever added to its end.
    fn parse(info: &[u8]) -> Self {
        let half = |at: usize| Some(u64::from(u16::from_ne_bytes(info.get(at..at + 2)?.try_into().ok()?)));
        let word = |at: usize| Some(u64::from(u32::from_ne_bytes(info.get(at..at + 4)?.try_into().ok()?)));
        let (segment_bytes, window) = (word(16).unwrap_or(0), word(80).unwrap_or(0));
        Self {
            retransmitted_segments: word(100).unwrap_or(0),
            window_bytes: segment_bytes * window,
            timeouts: half(240),
            timeout_recoveries: half(242),
        }
    }
}
