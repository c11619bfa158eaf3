//! What limits a result, or qualifies what it means.

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
    /// The bottleneck's queue overflowed.
    QueueDropped,
    /// Runs are missing, or were cut short.
    Incomplete,
    /// No reply arrived.
    NoReply,
    /// Messages were sent later than scheduled.
    SendLate,
    /// Losses came in bursts.
    Bursty,
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
}

impl Flag {
    /// The name in the file.
    pub const fn name(self) -> &'static str {
        match self {
            Self::WindowLimited => "window-limited",
            Self::CreditLimited => "credit-limited",
            Self::BufferLimited => "buffer-limited",
            Self::StreamLimited => "stream-limited",
            Self::Congested => "congested",
            Self::QueueDropped => "queue-dropped",
            Self::Incomplete => "incomplete",
            Self::NoReply => "no-reply",
            Self::SendLate => "send-late",
            Self::Bursty => "bursty",
            Self::LateWire => "late-wire",
            Self::MachineDropped => "machine-dropped",
            Self::MachineLimited => "machine-limited",
            Self::SendErrors => "send-errors",
            Self::NoFixedWindow => "no-fixed-window",
            Self::Refused => "refused",
            Self::PlainEcho => "plain-echo",
            Self::Unfinished => "unfinished",
            Self::ServerGone => "server-gone",
            Self::ConnectionLost => "connection-lost",
            Self::KernelCongested => "kernel-congested",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_is_written_by_its_name() {
        for flag in [
            Flag::WindowLimited,
            Flag::CreditLimited,
            Flag::BufferLimited,
            Flag::StreamLimited,
            Flag::Congested,
            Flag::QueueDropped,
            Flag::Incomplete,
            Flag::NoReply,
            Flag::SendLate,
            Flag::Bursty,
            Flag::LateWire,
            Flag::MachineDropped,
            Flag::MachineLimited,
            Flag::SendErrors,
            Flag::NoFixedWindow,
            Flag::Refused,
            Flag::PlainEcho,
            Flag::Unfinished,
            Flag::ServerGone,
            Flag::ConnectionLost,
            Flag::KernelCongested,
        ] {
            assert_eq!(serde_json::to_value(flag).unwrap(), flag.name());
        }
    }
}
