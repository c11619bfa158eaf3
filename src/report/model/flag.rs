//! What limits a result, or qualifies what it means.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A remark on a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Flag {
    /// The congestion window kept messages waiting.
    WindowLimited,
    /// The receiver's window kept data from being sent, and no congestion window did.
    CreditLimited,
    /// The sender's buffer was too small to keep data on its way.
    BufferLimited,
    /// Messages waited for the server's limit on streams.
    StreamLimited,
    /// The congestion controller reduced its window many times.
    Congested,
    /// The bottleneck's queue dropped packets.
    QueueDropped,
    /// Runs are missing, or were cut short.
    Incomplete,
    /// No reply arrived.
    NoReply,
    /// Messages were sent later than scheduled.
    SendLate,
    /// Losses came in bursts.
    Bursty,
    /// Connecting took so long that messages began later than usual, on a link that changes with time.
    LateStart,
    /// The emulated wire delivered packets late.
    LateWire,
    /// This machine dropped packets.
    MachineDropped,
    /// A thread of ours ran, or waited for a core, nearly all the time.
    MachineLimited,
    /// This machine could not send packets.
    SendErrors,
    /// The kernel's TCP has no fixed window.
    NoFixedWindow,
    /// The server refused to answer some requests.
    Refused,
    /// The server echoed the bytes without timestamps of its own.
    PlainEcho,
    /// Messages had not come back when the wait ended, on a transport that was still trying.
    Unfinished,
    /// The server went away during a run.
    ServerGone,
    /// The transport gave its connection up during a run.
    ConnectionLost,
    /// The congestion controller of the kernel's TCP reduced its window many times.
    KernelCongested,
    /// The transport of a sender of `share` gave its connection up.
    SenderStopped,
}

impl fmt::Display for Flag {
    /// The name in the file.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}
