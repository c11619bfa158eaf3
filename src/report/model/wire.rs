//! What crossed the link and what the transport did, for messages, transfers and handshakes.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::ratio::Ratio;
use crate::{stats::Summary, unit::Direction};

/// What crossed the link from the beginning of the measured time until the wait had ended. That includes the replies to
/// those last messages of the warm-up that were on their way to the server at its beginning.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Wire {
    /// Null if not known.
    pub to_server: Option<WireDirection>,
    /// Null if not known.
    pub to_client: Option<WireDirection>,
    /// IP bytes on the wire divided by message bytes, minus one.
    pub overhead_ratio: Option<Ratio>,
}

/// Packets offered to one direction of the link, and what it did to them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WireDirection {
    /// Packets offered.
    pub packets: u64,
    /// Their IP bytes.
    pub bytes: u64,
    /// Lost by the loss model.
    pub lost: u64,
    /// Dropped by the bottleneck's queue.
    pub queue_dropped: u64,
    /// Delivered twice.
    pub duplicated: u64,
    /// Delivered after a packet that was offered later.
    pub reordered: u64,
    /// Delivered with a flipped bit.
    pub corrupted: u64,
    /// Delivered again by an attacker.
    #[serde(default)]
    pub replayed: u64,
    /// Preceded by a forgery.
    #[serde(default)]
    pub injected: u64,
}

/// What the transport did about losses, summed over seeds; null where it cannot be known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recovery {
    /// What the transport itself counts as sent again. QUIC: packets that it declared lost, also those of the handshake
    /// and without data.
    pub retransmitted_packets: Option<u64>,
    /// How often the controller reduced its window. The kernel's TCP does not count reductions because of marks; these
    /// are in [`EcnDirection::window_reductions`](super::EcnDirection::window_reductions).
    pub congestion_events: Option<u64>,
    /// The smallest congestion window of any seed.
    pub min_window_bytes: Option<u64>,
    /// Time in which the congestion window kept data from being sent.
    pub window_limited_ns: Option<u64>,
    /// Retransmission timeouts of the kernel's TCP.
    pub timeouts: Option<u64>,
    /// Segments of the kernel's TCP that were acknowledged as marked (ECN-Echo).
    #[serde(default)]
    pub acknowledged_ce: Option<u64>,
    /// Datagrams that their receivers read as marked; `None` for transports that do not count them.
    #[serde(default)]
    pub ce_received: Option<u64>,
    /// Losses on the link, compared with those that the senders declared; null where wirelab emulates no link, and for
    /// transports that do not retransmit.
    #[serde(default)]
    pub truth: Option<Truth>,
    /// Counters of the kernel's TCP; null on other transports, and on paths where they include other connections.
    #[serde(default)]
    pub kernel: Option<KernelRecovery>,
}

/// Losses on the link of packets with data, compared with those that the senders declared: both directions, with the
/// warm-up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Truth {
    /// Packets with data that had been sent before.
    pub resent_packets: u64,
    /// Resent packets whose data all arrived with earlier packets.
    pub needless_packets: u64,
    /// Packets that were declared lost and arrived.
    pub false_losses: u64,
    /// Packets that did not arrive and were never declared lost.
    pub undeclared_losses: u64,
    /// From the instant at which a lost packet entered the link until its sender declared it lost.
    pub detection_ns: Summary,
    /// By the reason for which the sender declared them; null if the transport does not report it.
    pub by_cause: Option<LossCauses>,
}

/// Declared losses by the reason for which the sender declared them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LossCauses {
    /// A packet sent several later was acknowledged.
    pub packet_threshold: FoundLosses,
    /// A later packet was acknowledged, and this one was sent too long ago.
    pub time_threshold: FoundLosses,
    /// Repeated acknowledgements.
    pub duplicate_acks: FoundLosses,
    /// The retransmission timer.
    pub timeout: FoundLosses,
    /// A probe sent the data again before the packet was declared lost.
    pub probe: FoundLosses,
    /// The peer repeated a flight of the handshake, because it had not received the answer.
    #[serde(default)]
    pub repeated_flight: FoundLosses,
}

/// Packets that were declared lost for one reason.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundLosses {
    /// Packets that were lost on the link.
    pub losses: u64,
    /// Packets that arrived.
    pub false_losses: u64,
    /// Mean time from when the lost packets entered the link; null if there are none.
    pub detection_mean_ns: Option<u64>,
}

/// Why the kernel's TCP retransmitted segments, and how often the peer reported duplicates; null where the kernel does
/// not count it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KernelRecovery {
    /// Because of acknowledgements of later segments, by RACK or at duplicate acknowledgements (`TCPFastRetrans`).
    pub fast_retransmits: Option<u64>,
    /// In slow start after a timeout (`TCPSlowStartRetrans`).
    pub slow_start_retransmits: Option<u64>,
    /// Expiries of the retransmission timer (`TCPTimeouts`).
    pub timeouts: Option<u64>,
    /// Tail loss probes (`TCPLossProbes`).
    pub loss_probes: Option<u64>,
    /// Reports of the peer that data arrived twice (`TCPDSACKRecv`, `TCPDSACKOfoRecv`).
    pub dsacks: Option<u64>,
}

/// The direction of a transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TransferDirection {
    /// To the server.
    Up,
    /// To the client.
    Down,
}

impl From<TransferDirection> for Direction {
    fn from(direction: TransferDirection) -> Self {
        match direction {
            TransferDirection::Up => Self::ToServer,
            TransferDirection::Down => Self::ToClient,
        }
    }
}

/// Bulk transfers.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Transfer {
    /// The direction.
    pub direction: Option<TransferDirection>,
    /// Length of one transfer.
    pub bytes: u64,
    /// The rate at which raw datagrams were sent; null for other transports.
    #[serde(default)]
    pub pace_bps: Option<u64>,
    /// Transfers that arrived completely.
    pub completed: u64,
    /// Transfers that did not.
    pub failed: u64,
    /// Transfers for which it is not known how much arrived.
    #[serde(default)]
    pub unknown: u64,
    /// From the first byte handed over until the client knew that all bytes had arrived intact, over completed
    /// transfers.
    pub time_ns: Summary,
    /// Application bits per second over that time.
    pub goodput_bps: Summary,
    /// Bytes that arrived, over the transfers that are not unknown; null if all are.
    pub arrived_bytes: Option<u64>,
    /// The same as a share of these transfers' bytes.
    pub arrived_ratio: Option<Ratio>,
    /// What the first incomplete transfer lacks; null if there is none.
    pub missing: Option<Missing>,
    /// Why the first stopped transfer stopped; null if none did.
    pub stopped: Option<String>,
}

/// Bytes of a transfer that did not arrive.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missing {
    /// Missing bytes in all.
    pub bytes: u64,
    /// Number of gaps.
    pub parts: u64,
    /// The first gaps, each as its first byte and the byte after its last.
    pub first: Vec<[u64; 2]>,
}

/// Time to the first replies of new connections. All times run from the start of a connection.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Handshake {
    /// What the client knew of the server before.
    pub mode: HandshakeMode,
    /// Connections started.
    pub connections: Option<u64>,
    /// Connections that did not get both replies in time.
    pub failed: Option<u64>,
    /// Time until a request could be handed over.
    pub connect_ns: Option<Summary>,
    /// Time until the first reply.
    pub first_reply_ns: Option<Summary>,
    /// Time until the second reply.
    pub second_reply_ns: Option<Summary>,
    /// Share of connections whose first reply took at least a second or never came.
    pub over_1s_ratio: Option<Ratio>,
    /// The median first reply in round trips of the link.
    pub round_trips: Option<Ratio>,
    /// Packets until the first reply, mean per connection.
    pub packets_to_server: Option<Ratio>,
    /// Packets until the first reply, mean per connection.
    pub packets_to_client: Option<Ratio>,
    /// IP bytes until the first reply, mean per connection.
    pub bytes_to_server: Option<u64>,
    /// IP bytes until the first reply, mean per connection.
    pub bytes_to_client: Option<u64>,
    /// Connections opened, used and closed per second; null on an emulated link, which sets the pace.
    pub connections_per_second: Option<Ratio>,
}

/// What the client knew of the server before connecting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HandshakeMode {
    /// Nothing.
    Cold,
    /// A session ticket (RFC 8446 section 2.2).
    Resumed,
    /// A session ticket, and the request is sent in the first flight (0-RTT, RFC 8446 section 2.3).
    #[serde(rename = "0rtt")]
    ZeroRtt,
}

impl fmt::Display for HandshakeMode {
    /// The name in the file.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}
