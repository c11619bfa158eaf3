//! Where the time went, and who waited for whom.

use serde::{Deserialize, Serialize};

use crate::{report::Ratio, stats::Summary};

/// Means over delivered messages, both directions added; the parts add up to the mean latency. Null
/// is what the path cannot know.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    /// From handed over to first on the link: schedule error, credit, window, pacing.
    pub send_wait: Option<u64>,
    /// On the link: queue, serialisation, propagation, jitter.
    pub path: Option<u64>,
    /// Finding out about a loss and sending again.
    pub recovery: Option<u64>,
    /// Complete at the receiver, waiting for earlier bytes.
    pub order_wait: Option<u64>,
    /// Processing at the hosts.
    pub host: Option<u64>,
}

/// Messages with recovery + order wait > 0.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Delayed {
    /// How many.
    pub n: u64,
    /// Among delivered messages.
    pub ratio: Option<Ratio>,
    /// Recovery + order wait of those that are delayed.
    pub extra_ns: Summary,
    /// The same, as a mean over all delivered messages.
    pub extra_mean_ns: Option<u64>,
}

/// Messages with order wait > 0: complete at the receiver while earlier bytes were missing.
///
/// A message that was blocked both ways counts once here, and once in each direction.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Hol {
    /// How many.
    pub blocked: u64,
    /// Among delivered messages.
    pub blocked_ratio: Option<Ratio>,
    /// Among blocked messages, those that waited for another flow's bytes.
    pub by_other_flow_ratio: Option<Ratio>,
    /// Order wait of blocked messages.
    pub wait_ns: Summary,
    /// Its sum.
    pub total_wait_ns: u64,
    /// Blocked messages by what became of the bytes they waited for.
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
    /// How many messages had to wait.
    pub blocked: u64,
    /// Among delivered messages.
    pub blocked_ratio: Option<Ratio>,
    /// Among blocked messages, those that waited for another flow's bytes.
    pub by_other_flow_ratio: Option<Ratio>,
    /// Order wait of blocked messages.
    pub wait_ns: Summary,
    /// Its sum.
    pub total_wait_ns: u64,
    /// Blocked messages by what became of the bytes they waited for.
    pub by_cause: ByCause,
    /// The longest time that one gap held messages back.
    pub longest_stall: Option<Stall>,
}

/// Blocked messages by what became of the bytes that they waited for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ByCause {
    /// A copy of them was dropped.
    pub loss: u64,
    /// They were overtaken.
    pub reorder: u64,
    /// They were sent later.
    pub sender: u64,
}

/// A time in which a gap held back what had arrived.
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
