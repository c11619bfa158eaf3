//! What a connection has counted.

use std::time::Duration;

/// Counts since the connection began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// Segments sent for the first time.
    pub segments: u64,
    /// Segments sent again.
    pub retransmissions: u64,
    /// Times that a loss was found out by what was acknowledged behind it.
    pub fast_retransmits: u64,
    /// Times that the retransmission timer expired.
    pub timeouts: u64,
    /// Times that the congestion controller reduced its window for losses: once per round trip.
    pub congestion_events: u64,
    /// The smallest congestion window after such an event.
    pub min_window_bytes: Option<u64>,
    /// How long a full congestion window kept something from being sent.
    pub window_limited: Duration,
    /// The congestion window.
    pub window_bytes: u64,
    /// Bytes of segments under way.
    pub in_flight_bytes: u64,
    /// Segments that had been received before.
    pub duplicates: u64,
    /// Segments dropped because they came ahead of a gap, or because there was no room.
    pub dropped: u64,
    /// Datagrams that were no intact segment, or not of this connection.
    pub discarded: u64,
}
