//! Data for charts only. A result file has it if charts or `--pictures` were asked for.

use serde::{Deserialize, Serialize};

use super::{game::AgeCurve, page::Waterfall, share::ShareSeries, video::Strip};

/// The data of a cell's charts that its figures do not have.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pictures {
    /// Delivered messages by latency over all seeds, in logarithmic bins, 32 to an octave. Each element has the largest
    /// latency of a bin that is not empty, to three digits, and the number of messages in the bin.
    #[serde(default)]
    pub latency_bins: Vec<[u64; 2]>,
    /// The first seed's run over time.
    #[serde(default)]
    pub timeline: Option<Timeline>,
    /// Why there is no timeline, if a limit was reached.
    #[serde(default)]
    pub timeline_reason: Option<String>,
    /// The first seed's transfer over time.
    #[serde(default)]
    pub progress: Option<Progress>,
    /// The first seed's video call, frame by frame.
    #[serde(default)]
    pub call: Option<Strip>,
    /// The first seed's game: the age of the state at the client, in the part of the run in which it was highest.
    #[serde(default)]
    pub age: Option<AgeCurve>,
    /// The first seed's first complete load of a page, object by object.
    #[serde(default)]
    pub waterfall: Option<Waterfall>,
    /// The first seed's senders over time.
    #[serde(default)]
    pub share: Option<ShareSeries>,
}

/// One transfer over time, from the packets with content that the link saw. The lists have an element for each bin.
/// They begin with the run, so they include connecting.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// The seed of the transfer.
    pub seed: u64,
    /// Length of a bin.
    pub bin_ns: u64,
    /// IP bytes that arrived.
    pub arrived_bytes: Vec<u64>,
    /// The most IP bytes on the link at once, queued or in flight.
    pub on_link_bytes: Vec<u64>,
    /// The largest congestion window of the sender; null where it has none or is not connected.
    #[serde(default)]
    pub window_bytes: Vec<Option<u64>>,
    /// Packets that the link dropped.
    pub dropped: Vec<u64>,
}

/// One run over time. Instants count from when the first measured message was due.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timeline {
    /// The seed of the run.
    pub seed: u64,
    /// The whole run, in bins of equal length.
    pub overview: Overview,
    /// The part of the run with the most delay, taken over all cells with the same link and workload.
    pub detail: Detail,
}

/// A whole run in bins. The lists have an element for each bin, by the instant at which messages were due.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overview {
    /// Length of a bin.
    pub bin_ns: u64,
    /// Largest latency of a message; null if none was delivered.
    pub latency_max_ns: Vec<Option<u64>>,
    /// Messages that waited for earlier ones.
    pub blocked: Vec<u64>,
    /// Messages that were not delivered.
    pub missing: Vec<u64>,
    /// Packets that the link dropped, by when it dropped them; empty without a link.
    pub dropped: Vec<u64>,
}

/// Every message of a part of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Detail {
    /// Its beginning.
    pub from_ns: u64,
    /// Its end.
    pub to_ns: u64,
    /// The number of the first message in the schedule, as `--ladder seq=N` takes it. The others follow it.
    #[serde(default)]
    pub first_number: Option<u64>,
    /// When each message was due.
    pub due_ns: Vec<u64>,
    /// The latency of each; null if it was not delivered.
    pub latency_ns: Vec<Option<u64>>,
    /// Which of them waited for an earlier message of their own flow, by index.
    pub blocked_by_own: Vec<u64>,
    /// Which of them waited for a message of another flow.
    pub blocked_by_other: Vec<u64>,
    /// Which of them were retransmitted and waited for nothing else.
    pub resent: Vec<u64>,
    /// When the link dropped packets to the server.
    pub dropped_to_server_ns: Vec<u64>,
    /// When the link dropped packets to the client.
    pub dropped_to_client_ns: Vec<u64>,
    /// The bottleneck's queues; null without a limited rate, or if jitter hides them.
    #[serde(default)]
    pub queue: Option<Queue>,
}

/// The queueing and serialisation delay of packets at a bottleneck, without propagation. Bins are of equal length, by
/// when packets entered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Queue {
    /// Length of a bin.
    pub bin_ns: u64,
    /// The longest delay of a packet to the server in each bin; empty if this direction has no queue.
    pub to_server_ns: Vec<u64>,
    /// The longest delay of a packet to the client in each bin; empty if this direction has no queue.
    pub to_client_ns: Vec<u64>,
}
