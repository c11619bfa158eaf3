//! What crossed the link and what the transport did, for messages, transfers and handshakes.

use serde::{Deserialize, Serialize};

use crate::{report::Ratio, stats::Summary, transport, unit::nanos};

/// What crossed the link in the measured time.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Wire {
    /// Null if not known.
    pub to_server: Option<WireDirection>,
    /// Null if not known.
    pub to_client: Option<WireDirection>,
    /// IP bytes on the wire over message bytes, less one.
    pub overhead_ratio: Option<Ratio>,
}

/// Packets offered to one direction of the link, and what it did to them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WireDirection {
    /// Offered.
    pub packets: u64,
    /// Their IP bytes.
    pub bytes: u64,
    /// Lost by the loss model.
    pub lost: u64,
    /// Dropped by the bottleneck's queue.
    pub queue_dropped: u64,
    /// Delivered twice.
    pub duplicated: u64,
    /// Delivered after one that was offered later.
    pub reordered: u64,
    /// Delivered with a bit turned over.
    pub corrupted: u64,
}

/// What the transport did about losses, summed over seeds; null where it cannot be known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recovery {
    /// Packets sent again.
    pub retransmitted_packets: Option<u64>,
    /// Times that the controller cut its window.
    pub congestion_events: Option<u64>,
    /// The smallest congestion window of any seed.
    pub min_window_bytes: Option<u64>,
    /// Time in which the window kept data from leaving.
    pub window_limited_ns: Option<u64>,
    /// Retransmission timeouts, of the kernel's TCP.
    pub timeouts: Option<u64>,
}

impl Recovery {
    /// What all these ends did together.
    pub fn of(ends: &[&transport::Recovery]) -> Self {
        let sum = |of: fn(&transport::Recovery) -> Option<u64>| {
            ends.iter().filter_map(|end| of(end)).reduce(|sum, n| sum + n)
        };
        Self {
            retransmitted_packets: sum(|end| end.retransmitted_packets),
            congestion_events: sum(|end| end.congestion_events),
            min_window_bytes: ends.iter().filter_map(|end| end.min_window_bytes).min(),
            window_limited_ns: sum(|end| end.window_limited.map(nanos)),
            timeouts: sum(|end| end.timeouts),
        }
    }
}

/// Which way content goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TransferDirection {
    /// To the server.
    Up,
    /// To the client.
    Down,
}

/// Bytes moved as fast as the transport can.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Transfer {
    /// Which way.
    pub direction: Option<TransferDirection>,
    /// Length of one transfer.
    pub bytes: u64,
    /// Transfers that arrived whole.
    pub completed: u64,
    /// Transfers that did not.
    pub failed: u64,
    /// From the first byte handed over until the client knew that all was there and intact; of those that completed.
    pub time_ns: Summary,
    /// Application bits per second of that time.
    pub goodput_bps: Summary,
    /// Bytes that arrived, over all transfers.
    pub arrived_bytes: Option<u64>,
    /// The same as a share.
    pub arrived_ratio: Option<Ratio>,
    /// Of the first transfer that lacks any, what it lacks; null where none does.
    pub missing: Option<Missing>,
    /// Why the first transfer that stopped did; null where none has.
    pub stopped: Option<String>,
}

/// Parts of a transfer that did not arrive.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missing {
    /// Bytes in all.
    pub bytes: u64,
    /// Gaps in what arrived.
    pub parts: u64,
    /// The first of them: each its first byte, and that behind its last.
    pub first: Vec<[u64; 2]>,
}

/// Time from nothing to the first replies. All times run from the instant at which a connection was begun.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Handshake {
    /// How much the client knew before.
    pub mode: HandshakeMode,
    /// Connections begun.
    pub connections: Option<u64>,
    /// Those that did not get both replies in time.
    pub failed: Option<u64>,
    /// Until a request could be handed over.
    pub connect_ns: Option<Summary>,
    /// Until the first reply.
    pub first_reply_ns: Option<Summary>,
    /// Until the second.
    pub second_reply_ns: Option<Summary>,
    /// Connections whose first reply took a second or more, or never came.
    pub over_1s_ratio: Option<Ratio>,
    /// The median first reply in round trips of the link.
    pub round_trips: Option<Ratio>,
    /// Packets until the first reply, mean of a connection.
    pub packets_to_server: Option<Ratio>,
    /// Packets until the first reply, mean of a connection.
    pub packets_to_client: Option<Ratio>,
    /// IP bytes until the first reply, mean of a connection.
    pub bytes_to_server: Option<u64>,
    /// IP bytes until the first reply, mean of a connection.
    pub bytes_to_client: Option<u64>,
    /// Connections made, asked and closed a second; null where a link sets the pace.
    pub connections_per_second: Option<Ratio>,
}

/// How much the client knew of the server before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum HandshakeMode {
    /// Nothing.
    #[serde(rename = "cold")]
    Cold,
    /// A session ticket.
    #[serde(rename = "resumed")]
    Resumed,
    /// A session ticket, and the request travels in the first flight.
    #[serde(rename = "0rtt")]
    ZeroRtt,
}

impl HandshakeMode {
    /// Its name in the file.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cold => "cold",
            Self::Resumed => "resumed",
            Self::ZeroRtt => "0rtt",
        }
    }
}
