//! The emulated link as it was configured.

use serde::{Deserialize, Serialize};

use crate::report::Ratio;

/// Both directions of the link.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Link {
    /// Requests.
    pub to_server: LinkDirection,
    /// Replies.
    pub to_client: LinkDirection,
}

/// One direction of the link.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct LinkDirection {
    /// Propagation, one way.
    pub delay_ns: u64,
    /// Scale of what is added to it; null without jitter.
    pub jitter_ns: Option<u64>,
    /// How the jitter is distributed.
    pub jitter_distribution: Option<Distribution>,
    /// Whether jitter is kept from letting packets overtake.
    pub keep_order: bool,
    /// The loss as `--loss` spells it (`1%`, `gilbert:0.07%:14%`); null without loss.
    pub loss: Option<String>,
    /// The long-run share of packets that it loses; null where there is none, as for an outage.
    pub loss_ratio: Option<Ratio>,
    /// What a draw of the loss is indexed by.
    pub loss_by: LossBy,
    /// Length of a slot if that is time.
    pub loss_slot_ns: Option<u64>,
    /// The bottleneck; null if unlimited.
    pub rate_bps: Option<u64>,
    /// Its queue, counted in IP bytes.
    pub queue_bytes: Option<u64>,
    /// Its queue, counted in packets.
    pub queue_packets: Option<u64>,
    /// Share of packets that skip the propagation delay.
    pub reorder_ratio: Option<Ratio>,
    /// Share of packets that arrive twice.
    pub duplicate_ratio: Option<Ratio>,
    /// Share of packets with a bit turned over.
    pub corrupt_ratio: Option<Ratio>,
    /// The largest IP packet carried.
    pub mtu_bytes: u64,
}

/// The shape of jitter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Distribution {
    /// Equally likely within the bounds.
    Uniform,
    /// Gaussian.
    Normal,
    /// Heavy-tailed.
    Pareto,
}

/// What a draw of the loss is indexed by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LossBy {
    /// One draw a packet.
    #[default]
    Packet,
    /// One draw a slot of time, the same for every transport.
    Time,
}
