//! Messages beside a background of senders.

use serde::{Deserialize, Serialize};

use super::{latency::Latency, ratio::Ratio, wire::TransferDirection};

/// The background of a cell, and the latency without it. The other figures of the cell are those beside the background.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Load {
    /// The senders.
    pub background: Vec<LoadSender>,
    /// The latency of the same messages and seeds without the background.
    pub idle_latency_ns: Option<Latency>,
    /// Messages lost without it.
    pub idle_loss_ratio: Option<Ratio>,
    /// The median latency beside the background minus that without it.
    pub added_p50_ns: Option<i64>,
    /// Its 95% confidence interval; null with fewer than two seeds.
    pub added_p50_ci95_ns: Option<[i64; 2]>,
    /// The mean time of a message in the queue of each direction that it crosses, minus that without the background;
    /// null where it is not known.
    #[serde(default)]
    pub added_queue_ns: Option<i64>,
}

/// One sender of a background in one direction.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LoadSender {
    /// As it was written.
    pub sender: String,
    /// The transport by its name in `-t`.
    pub transport: String,
    /// The congestion controller; null if there is none or it is not known.
    pub congestion: Option<String>,
    /// The direction of its data.
    pub direction: TransferDirection,
    /// Bits of content per second that its receiver got in the measured time, as the mean over seeds.
    pub goodput_bps: Option<u64>,
    /// Packets with its data that were offered to the link in the measured time.
    pub packets: u64,
    /// Those that the link dropped.
    pub dropped: u64,
    /// The same as a share.
    pub loss_ratio: Option<Ratio>,
    /// Retransmitted packets over the whole run; null where it cannot be known.
    pub retransmitted_packets: Option<u64>,
}
