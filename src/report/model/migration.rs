//! A change of the client's address, and what it cost.

use serde::{Deserialize, Serialize};

use super::{link::Link, ratio::Ratio};
use crate::stats::Summary;

/// A change of the client's address in the middle of every run of a cell.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Migration {
    /// When it changed, from the start of the measured time.
    pub at_ns: u64,
    /// What changed, as the server sees it: `port` or `ip`.
    pub changed: String,
    /// How long the client had no network; null if only its address changed.
    pub outage_ns: Option<u64>,
    /// The link of its other network; null if only its address changed.
    pub after: Option<Link>,
    /// Whether a connection of the transport survives a new address; null in files of older versions.
    #[serde(default)]
    pub survives: Option<bool>,
    /// The longest time between two replies, from the last before the change to the first of a message that was due
    /// after it: one value per seed. In a call, between two arrivals at the server, and in a game at either end.
    pub gap_ns: Summary,
    /// Seeds in which no such message came back.
    pub no_service: u64,
    /// Messages that never came back, of those due between the last that was answered before the change and the first
    /// answered after it.
    pub lost: u64,
    /// Bytes of messages that were sent again because of the change.
    pub resent_bytes: u64,
    /// From the change until a message, and all that were due in two round trips after it, took no longer than 5/4 of
    /// the usual latency. That is the median before the change or, after a handover, the median of the second half of
    /// the time after it. One value per seed.
    pub full_speed_ns: Summary,
    /// The same in round trips: as a multiple of that median, of the sum of both directions' medians in a game, and of
    /// the link's round trip in a call. The mean over seeds.
    pub round_trips: Option<Ratio>,
    /// Connections that clients made after their first.
    pub connections: u64,
    /// Those of them that they made because nothing had come, without an error.
    #[serde(default)]
    pub connections_after_silence: u64,
    /// Seeds in which the client made such connections.
    #[serde(default)]
    pub reconnected_seeds: u64,
    /// Requests that they sent again on these connections.
    pub resent_requests: u64,
    /// Packets to the old address that were dropped at the client's end.
    pub unroutable_packets: u64,
    /// Bytes of datagrams that the server sent to a new address for each that came from there, before the address could
    /// have been validated: the largest. Null except on QUIC connections that went on.
    pub unvalidated_ratio: Option<Ratio>,
    /// Whether that was at most three, as RFC 9000 section 9.3.1 requires of QUIC.
    pub within_limit: Option<bool>,
}
