//! What the network did to messages, as far as the two ends can know it.

use serde::{Deserialize, Serialize};

use super::ratio::Ratio;
use crate::stats::Summary;

/// Loss, delay variation and reordering in each direction, over delivered messages of the measured time.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Network {
    /// Absolute differences between round-trip times of consecutive messages (RFC 3393).
    pub ipdv_ns: Summary,
    /// From a request's release at the server until its reply was handed over; null if the server did not report it.
    pub hold_ns: Option<Summary>,
    /// Delivered messages with the server's report.
    pub told: u64,
    /// Requests that the server reports as refused, for example by its rate limit; null if it did not report.
    pub refused: Option<u64>,
    /// Lost datagrams whose direction is not known.
    pub unattributed: u64,
    /// Requests; null if the server did not report.
    pub to_server: Option<NetworkDirection>,
    /// Replies; null if the server did not report.
    pub to_client: Option<NetworkDirection>,
}

/// One direction.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct NetworkDirection {
    /// Datagrams known to be lost in this direction. Refused ones count as lost on the way to the server.
    pub lost: u64,
    /// Share of the datagrams that were sent in this direction and whose fate in it is known.
    pub loss_ratio: Option<Ratio>,
    /// Messages that later ones overtook (RFC 4737).
    pub reordered: u64,
    /// Share of the messages with the server's report.
    pub reordered_ratio: Option<Ratio>,
    /// Reordering extent (RFC 4737): messages from the first that overtook a reordered message up to and including it.
    pub reorder_extent: Summary,
    /// Its mean, where that of the summary is rounded to a whole number.
    #[serde(default)]
    pub reorder_extent_mean: Option<Ratio>,
    /// Absolute differences between one-way delays of consecutive messages. The clock offset cancels, clock drift does
    /// not.
    pub ipdv_ns: Summary,
}
