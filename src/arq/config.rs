//! The settings of a connection.

use std::time::Duration;

use super::{Mode, congestion::Congestion, rtt::Timer};
use crate::wire::segment::{HEADER_BYTES, HELLO_BYTES, RANGE_BYTES};

/// The settings of one end of a connection. The client's [`mode`](Self::mode) applies to both ends.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// The recovery scheme and the order of delivery.
    pub mode: Mode,
    /// The largest datagram that the path carries, in bytes of UDP payload: the MTU less 28 bytes of IPv4 and UDP
    /// headers (48 with IPv6). At least [`Config::SMALLEST_DATAGRAM`]. The smaller value of both ends applies.
    pub max_datagram: u16,
    /// Receive window in segments. It covers segments beyond a gap and those that the application has not taken yet.
    /// The sender refuses a message of more segments than this.
    pub receive_window: u32,
    /// Upper bound on payload bytes that are queued or unacknowledged.
    pub send_buffer: usize,
    /// The retransmission timer.
    pub timer: Timer,
    /// Whether losses are also detected from acknowledgements, before the timer expires.
    pub fast_retransmit: bool,
    /// A segment is lost once a transmission this many later is acknowledged, or, in go-back-N, at this many duplicate
    /// acknowledgements (RFC 9002 section 6.1.1, RFC 5681 section 3.2). At least 1.
    pub packet_threshold: u32,
    /// A segment is lost once a later one is acknowledged and this many round trips have passed since it was sent (RFC
    /// 9002 section 6.1.2). At least 1.
    pub time_threshold: f32,
    /// Whether `Connection::poll_loss` reports losses. Unpolled reports accumulate.
    pub reports_losses: bool,
    /// The congestion controller, which limits the bytes in flight.
    pub congestion: Congestion,
    /// How long an acknowledgement may be delayed (RFC 1122 section 4.2.3.2). Every second segment and every gap is
    /// acknowledged at once regardless. Zero, the default, acknowledges every segment at once.
    pub ack_delay: Duration,
    /// Interval of silence after which the peer is pinged.
    pub keep_alive: Option<Duration>,
    /// Interval of silence after which the connection is closed.
    pub idle_timeout: Duration,
    /// Consecutive timeouts without an acknowledgement after which the connection is closed.
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
            packet_threshold: 3,
            time_threshold: 1.125,
            reports_losses: false,
            congestion: Congestion::default(),
            ack_delay: Duration::ZERO,
            keep_alive: None,
            idle_timeout: Duration::from_secs(30),
            max_timeouts: 8,
        }
    }
}

impl Config {
    /// The length of a hello, which must fit into one datagram.
    pub const SMALLEST_DATAGRAM: u16 = HELLO_BYTES as u16;

    /// `max_datagram`, raised to the minimum.
    pub(super) fn max_datagram(&self) -> u16 {
        self.max_datagram.max(Self::SMALLEST_DATAGRAM)
    }
}

/// Acknowledgement ranges that fit into a segment beside a full payload.
const RANGES_WITH_DATA: usize = 4;

/// The payload of a full segment in datagrams of at most `max_datagram` bytes.
pub(crate) fn payload_bytes(max_datagram: u16) -> usize {
    usize::from(max_datagram) - HEADER_BYTES - RANGES_WITH_DATA * RANGE_BYTES
}
