//! What an end of a transport did to recover from loss.

use std::{
    ops::{AddAssign, SubAssign},
    time::Duration,
};

use serde::{Deserialize, Serialize};

use crate::path::{KernelTcp, Rejected, TcpRetransmissions};

/// What one end of a transport did to recover from loss. `None`: the transport does not do or tell this.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recovery {
    /// Packets that were declared lost and whose contents were sent again.
    pub retransmitted_packets: Option<u64>,
    /// How often the congestion controller reduced its window.
    pub congestion_events: Option<u64>,
    /// The congestion window now, in bytes.
    pub window_bytes: Option<u64>,
    /// The smallest congestion window, in bytes.
    pub min_window_bytes: Option<u64>,
    /// Retransmission timeouts (RFC 6298).
    pub timeouts: Option<u64>,
    /// Segments of the kernel's TCP that the peer acknowledged as marked.
    pub acknowledged_ce: Option<u64>,
    /// Datagrams that this end received marked.
    pub ce_received: Option<u64>,
    /// The kernel's counters of retransmissions, for its TCP.
    pub kernel: Option<TcpRetransmissions>,
    /// How long the congestion window was full.
    #[serde(default, deserialize_with = "crate::unit::saved::optional")]
    pub window_limited: Option<Duration>,
    /// How long limits of the two ends kept data from being sent.
    pub limits: LimitedBy,
    /// Messages that arrived with changed bits.
    pub corrupted: u64,
    /// Datagrams that are no messages of an experiment.
    pub foreign: u64,
    /// Datagrams that were dropped because they were not authentic.
    pub rejected: Option<Rejected>,
}

/// How long each limit of the two ends, rather than congestion control, kept data from being sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitedBy {
    /// The receiver's window.
    #[serde(deserialize_with = "crate::unit::saved::duration")]
    pub credit: Duration,
    /// The sender's buffer.
    #[serde(deserialize_with = "crate::unit::saved::duration")]
    pub buffer: Duration,
    /// The receiver's limit on streams.
    #[serde(deserialize_with = "crate::unit::saved::duration")]
    pub streams: Duration,
}

impl LimitedBy {
    /// The longest.
    pub(crate) fn most(&self) -> Duration {
        self.credit.max(self.buffer).max(self.streams)
    }
}

impl SubAssign for LimitedBy {
    fn sub_assign(&mut self, less: Self) {
        self.credit = self.credit.saturating_sub(less.credit);
        self.buffer = self.buffer.saturating_sub(less.buffer);
        self.streams = self.streams.saturating_sub(less.streams);
    }
}

impl AddAssign for LimitedBy {
    fn add_assign(&mut self, more: Self) {
        self.credit += more.credit;
        self.buffer += more.buffer;
        self.streams += more.streams;
    }
}

impl Recovery {
    /// What the kernel's TCP has done so far, as far as it tells.
    pub(crate) fn of_kernel(kernel: Option<&dyn KernelTcp>) -> Self {
        let Some((tcp, info)) = kernel.and_then(|kernel| Some((kernel, kernel.info()?))) else {
            return Self::default();
        };
        Self {
            retransmitted_packets: Some(info.retransmitted_segments),
            congestion_events: tcp
                .fast_recoveries()
                .zip(info.timeout_recoveries)
                .map(|(fast, slow)| fast + slow),
            timeouts: info.timeouts,
            acknowledged_ce: info.acknowledged_ce,
            kernel: tcp.retransmissions(),
            window_bytes: Some(info.window_bytes),
            limits: LimitedBy {
                credit: info.window_closed,
                buffer: info.buffer_full,
                streams: Duration::ZERO,
            },
            ..Self::default()
        }
    }
}
