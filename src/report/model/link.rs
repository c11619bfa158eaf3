//! The emulated link as it was configured.

use serde::{Deserialize, Serialize};

use super::ratio::Ratio;

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
    /// Scale of the jitter that is added to the delay; null without jitter.
    pub jitter_ns: Option<u64>,
    /// How the jitter is distributed.
    pub jitter_distribution: Option<Distribution>,
    /// Whether packets stay in order despite jitter.
    pub keep_order: bool,
    /// The loss as `--loss` spells it (`1%`, `gilbert:0.07%:14%`); null without loss.
    pub loss: Option<String>,
    /// Long-run share of lost packets; null if undefined, as for an outage.
    pub loss_ratio: Option<Ratio>,
    /// What each loss draw applies to.
    pub loss_by: LossBy,
    /// Length of a time slot, if draws apply to time.
    pub loss_slot_ns: Option<u64>,
    /// Rate of the bottleneck; null if unlimited.
    pub rate_bps: Option<u64>,
    /// Limit of its queue in IP bytes.
    pub queue_bytes: Option<u64>,
    /// Limit of its queue in packets.
    pub queue_packets: Option<u64>,
    /// Share of packets that skip the propagation delay.
    pub reorder_ratio: Option<Ratio>,
    /// Share of packets that arrive twice.
    pub duplicate_ratio: Option<Ratio>,
    /// Share of packets with a flipped bit.
    pub corrupt_ratio: Option<Ratio>,
    /// The largest IP packet carried.
    pub mtu_bytes: u64,
}

/// The shape of jitter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Distribution {
    /// Uniform within the bounds.
    Uniform,
    /// Gaussian.
    Normal,
    /// Heavy-tailed.
    Pareto,
}

/// What each loss draw applies to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LossBy {
    /// One draw per packet.
    #[default]
    Packet,
    /// One draw per time slot, the same for every transport.
    Time,
}
