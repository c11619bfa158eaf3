//! Counters of a connection.

use std::time::Duration;

/// Counters since the start of the connection.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// Segments sent, without retransmissions.
    pub segments: u64,
    /// Segments retransmitted.
    pub retransmissions: u64,
    /// Losses detected from acknowledgements of later segments.
    pub fast_retransmits: u64,
    /// Expiries of the retransmission timer.
    pub timeouts: u64,
    /// Reductions of the congestion window: at most one per round trip.
    pub congestion_events: u64,
    /// The smallest congestion window after a reduction.
    pub min_window_bytes: Option<u64>,
    /// Time during which the congestion window kept data from being sent.
    pub window_limited: Duration,
    /// Time during which the peer's window kept data from being sent.
    pub credit_limited: Duration,
    /// Time during which the send buffer was too small to keep data on its way.
    pub buffer_limited: Duration,
    /// The congestion window.
    pub window_bytes: u64,
    /// Bytes in flight.
    pub in_flight_bytes: u64,
    /// Payload bytes of segments that the peer has acknowledged.
    pub acknowledged_bytes: u64,
    /// Payload bytes received, each counted once.
    pub received_bytes: u64,
    /// Segments received more than once.
    pub duplicates: u64,
    /// Segments dropped because they were beyond a gap or the window.
    pub dropped: u64,
    /// Datagrams that were not an intact segment of this connection.
    pub discarded: u64,
}

/// The state of loss recovery and congestion control.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct RecoveryState {
    /// The RTT, if there is a sample.
    pub rtt: Option<RttState>,
    /// Consecutive timeouts without a new acknowledgement.
    pub timeouts: u32,
    /// The congestion window in bytes.
    pub window_bytes: u64,
    /// Bytes in flight.
    pub in_flight_bytes: u64,
    /// Segments in flight.
    pub in_flight_segments: u64,
}

/// The estimate of the RTT (RFC 6298).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct RttState {
    /// `SRTT`.
    pub smoothed: Duration,
    /// `RTTVAR`.
    pub variation: Duration,
    /// The latest sample.
    pub latest: Duration,
    /// The smallest sample.
    pub min: Duration,
}
