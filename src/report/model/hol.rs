//! Where the time went, and what blocked messages waited for.

use serde::{Deserialize, Serialize};

use super::ratio::Ratio;
use crate::stats::Summary;

/// Means over delivered messages, both directions added. The parts add up to the mean latency. Null where the path
/// cannot know.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    /// From handed over to first on the link: schedule error, flow-control credit, congestion window, pacing.
    pub send_wait: Option<u64>,
    /// On the link: queue, serialisation, propagation, jitter.
    pub path: Option<u64>,
    /// The queue's share of `path`, which contains it.
    #[serde(default)]
    pub queue: Option<u64>,
    /// Detecting a loss and retransmitting.
    pub recovery: Option<u64>,
    /// Complete at the receiver, but waiting for earlier bytes.
    pub order_wait: Option<u64>,
    /// Processing at the hosts.
    pub host: Option<u64>,
}

/// Messages with recovery + order wait > 0.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Delayed {
    /// How many.
    pub n: u64,
    /// Share of delivered messages.
    pub ratio: Option<Ratio>,
    /// Recovery + order wait of delayed messages.
    pub extra_ns: Summary,
    /// The same, as a mean over all delivered messages.
    pub extra_mean_ns: Option<u64>,
}

/// Messages with order wait > 0: complete at the receiver while earlier bytes were missing.
///
/// A message that was blocked in both directions counts once here, and once in each direction.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Hol {
    /// How many.
    pub blocked: u64,
    /// Share of delivered messages.
    pub blocked_ratio: Option<Ratio>,
    /// Share of blocked messages that waited for bytes of another flow.
    pub by_other_flow_ratio: Option<Ratio>,
    /// Order wait of blocked messages.
    pub wait_ns: Summary,
    /// The sum of order waits.
    pub total_wait_ns: u64,
    /// Blocked messages by the cause of the gap.
    pub by_cause: ByCause,
    /// The longest time that one gap held messages back.
    pub longest_stall: Option<Stall>,
    /// Requests alone; null if not known.
    pub to_server: Option<HolDirection>,
    /// Replies alone.
    pub to_client: Option<HolDirection>,
}

/// [`Hol`] of one direction.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct HolDirection {
    /// How many messages were blocked.
    pub blocked: u64,
    /// Share of delivered messages.
    pub blocked_ratio: Option<Ratio>,
    /// Share of blocked messages that waited for bytes of another flow.
    pub by_other_flow_ratio: Option<Ratio>,
    /// Order wait of blocked messages.
    pub wait_ns: Summary,
    /// The sum of order waits.
    pub total_wait_ns: u64,
    /// Blocked messages by the cause of the gap.
    pub by_cause: ByCause,
    /// The longest time that one gap held messages back.
    pub longest_stall: Option<Stall>,
}

/// Blocked messages by the cause of the gap.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ByCause {
    /// A copy of the missing bytes was dropped.
    pub loss: u64,
    /// The missing bytes were overtaken.
    pub reorder: u64,
    /// The missing bytes were sent later.
    pub sender: u64,
}

/// A period in which one gap held messages back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stall {
    /// How long.
    pub duration_ns: u64,
    /// How many messages it held back.
    pub messages: u64,
}

/// What the closed form expects of a cell.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Theory {
    /// Share of delivered messages that are delayed.
    pub delayed_ratio: Option<Ratio>,
    /// Share of delivered messages that are blocked.
    pub blocked_ratio: Option<Ratio>,
    /// Mean recovery + order wait over delivered messages.
    pub extra_mean_ns: Option<u64>,
}
