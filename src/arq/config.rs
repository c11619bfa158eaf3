//! What can be chosen.

use std::time::Duration;

use super::{Mode, congestion::Congestion, rtt::Timer};
use crate::wire::segment::{HEADER_BYTES, HELLO_BYTES, RANGE_BYTES};

/// How one end of a connection behaves. The client's [`mode`](Self::mode) holds for both ends.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// How it recovers and in which order it delivers.
    pub mode: Mode,
    /// The largest datagram that the path carries, in bytes of UDP payload: its MTU without 28 bytes of IPv4 and UDP
    /// headers (48 with IPv6). At least [`Config::SMALLEST_DATAGRAM`]. The ends agree on the smaller of theirs.
    pub max_datagram: u16,
    /// How many segments the receiver has room for: those it keeps ahead of a gap and those that the application has
    /// not taken yet. A message of more segments than the peer has room for is refused.
    pub receive_window: u32,
    /// How many bytes may wait to be sent or acknowledged.
    pub send_buffer: usize,
    /// When what has not been acknowledged is sent again.
    pub timer: Timer,
    /// Whether a loss is also told from what is acknowledged behind it, before the timer expires.
    pub fast_retransmit: bool,
    /// What limits the bytes under way.
    pub congestion: Congestion,
    /// How long an acknowledgement may wait for a reply to travel with (RFC 1122 section 4.2.3.2); every second
    /// segment and every gap is answered at once all the same. Zero, the default, answers all at once.
    pub ack_delay: Duration,
    /// After this much silence the peer is asked whether it is still there.
    pub keep_alive: Option<Duration>,
    /// After this much silence it is gone.
    pub idle_timeout: Duration,
    /// After this many timeouts in a row, with nothing acknowledged, it is gone.
    pub max_timeouts: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            mode: Mode::default(),
            max_datagram: 1472,
            receive_window: 8192,
            send_buffer: 16 << 20,
            timer: Timer::default(),
            fast_retransmit: true,
            congestion: Congestion::default(),
            ack_delay: Duration::ZERO,
            keep_alive: None,
            idle_timeout: Duration::from_secs(30),
            max_timeouts: 8,
        }
    }
}

impl Config {
    /// A hello has to fit.
    pub const SMALLEST_DATAGRAM: u16 = HELLO_BYTES as u16;

    pub(super) fn largest(&self) -> u16 {
        self.max_datagram.max(Self::SMALLEST_DATAGRAM)
    }
}

/// Ranges that a segment full of payload has room for, beside it.
const RANGES_WITH_DATA: usize = 4;

/// Payload of a full segment in datagrams of at most `largest` bytes.
pub(super) fn payload_bytes(largest: u16) -> usize {
    usize::from(largest) - HEADER_BYTES - RANGES_WITH_DATA * RANGE_BYTES
}
