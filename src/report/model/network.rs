//! What the network did to messages, as far as the two ends could tell.

use serde::{Deserialize, Serialize};

use crate::{report::Ratio, stats::Summary};

/// Loss, variation of delay and reordering, each way; over delivered messages of the measured time.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Network {
    /// Magnitudes of the differences between the round trips of messages sent one after the other (RFC 3393).
    pub ipdv_ns: Summary,
    /// From a request's release at the server until its reply was handed over; null if the server did not tell.
    pub hold_ns: Option<Summary>,
    /// Delivered messages of which the server told what it alone can know.
    pub told: u64,
    /// Requests that the server says it refused to answer, as for its rate limit; null if it did not tell.
    pub refused: Option<u64>,
    /// Lost datagrams of which it is not known which way they were lost.
    pub unattributed: u64,
    /// Requests; null if the server did not tell.
    pub to_server: Option<NetworkDirection>,
    /// Replies; null if the server did not tell.
    pub to_client: Option<NetworkDirection>,
}

/// One way.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct NetworkDirection {
    /// Datagrams known to be lost on it; those that a server refused are lost on the way to it.
    pub lost: u64,
    /// Among those that were sent on it.
    pub loss_ratio: Option<Ratio>,
    /// Messages that others overtook (RFC 4737).
    pub reordered: u64,
    /// Among those of which the server told.
    pub reordered_ratio: Option<Ratio>,
    /// How many messages came between the first that overtook it and a reordered one, itself counted.
    pub reorder_extent: Summary,
    /// Magnitudes of the differences between one-way times. The clocks' offset cancels, their drift does not.
    pub ipdv_ns: Summary,
}
