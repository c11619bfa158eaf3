//! What limits a result, or makes it mean less than it seems to.

use serde::{Deserialize, Serialize};

/// A remark on a cell, in the file by its name and in a table by its [`words`](Flag::words).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Flag {
    /// The congestion window kept messages waiting.
    WindowLimited,
    /// The controller cut its window many times.
    Congested,
    /// The bottleneck's queue overflowed.
    QueueDropped,
    /// The run was interrupted.
    Incomplete,
    /// Nothing came back at all.
    NoReply,
    /// The schedule was not kept.
    SendLate,
    /// Losses came in runs.
    Bursty,
    /// The emulated wire did not keep its times.
    LateWire,
    /// This machine dropped packets.
    MachineDropped,
    /// This machine could not send packets.
    SendErrors,
    /// The kernel's TCP has no fixed window.
    NoFixedWindow,
    /// The server would not answer all that was asked.
    Refused,
    /// The server gave the bytes back, and told nothing of itself.
    PlainEcho,
}

impl Flag {
    /// Its name in the file.
    pub const fn name(self) -> &'static str {
        match self {
            Self::WindowLimited => "window-limited",
            Self::Congested => "congested",
            Self::QueueDropped => "queue-dropped",
            Self::Incomplete => "incomplete",
            Self::NoReply => "no-reply",
            Self::SendLate => "send-late",
            Self::Bursty => "bursty",
            Self::LateWire => "late-wire",
            Self::MachineDropped => "machine-dropped",
            Self::SendErrors => "send-errors",
            Self::NoFixedWindow => "no-fixed-window",
            Self::Refused => "refused",
            Self::PlainEcho => "plain-echo",
        }
    }

    /// What it means to someone who reads it for the first time.
    pub const fn words(self) -> &'static str {
        match self {
            Self::WindowLimited => {
                "messages waited for the congestion window, so the delays are the congestion \
                 controller's as well as the transport's"
            }
            Self::Congested => {
                "the congestion controller took losses for congestion and slowed down; with \
                 `-C fixed` it does not"
            }
            Self::QueueDropped => {
                "the bottleneck's queue overflowed, so some losses are of the load's making and \
                 not the link's"
            }
            Self::Incomplete => "interrupted: the figures cover only what had run by then",
            Self::NoReply => "no reply came back, so there is no latency to show",
            Self::SendLate => {
                "messages left later than scheduled; the latency counts that delay, because it \
                 runs from the schedule"
            }
            Self::Bursty => {
                "losses came in runs, so figures for isolated losses do not apply and seeds differ \
                 more"
            }
            Self::LateWire => {
                "this machine delivered packets later than the link says, by more than 1 ms or a tenth of the \
                 one-way delay at the 99th percentile: run it again on a quieter machine"
            }
            Self::MachineDropped => {
                "this machine dropped packets for want of room in a socket; they are among the losses, and the \
                 link has not lost them"
            }
            Self::SendErrors => {
                "this machine could not send some packets; they are among the losses, and the link has not lost \
                 them"
            }
            Self::NoFixedWindow => {
                "the kernel's TCP has no controller with a fixed window: it ran with cubic, whose window delays \
                 messages too"
            }
            Self::Refused => {
                "the server refused to answer some messages (its rate limit, say), and these count \
                  as lost"
            }
            Self::PlainEcho => {
                "the server told nothing of itself: either it is not wirelab's, or messages are too \
                  short to ask (104 bytes do), so only round trips are known"
            }
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
            Flag::Congested,
            Flag::QueueDropped,
            Flag::Incomplete,
            Flag::NoReply,
            Flag::SendLate,
            Flag::Bursty,
            Flag::LateWire,
            Flag::MachineDropped,
            Flag::SendErrors,
            Flag::NoFixedWindow,
            Flag::Refused,
            Flag::PlainEcho,
        ] {
            assert_eq!(serde_json::to_value(flag).unwrap(), flag.name());
        }
    }
}
