//! What the queues of the link did.

use serde::{Deserialize, Serialize};

use crate::{stats::Summary, unit::PerDirection};

/// The queue of each direction; null in a direction without a rate, where no packet waits.
pub type Queueing = PerDirection<Option<QueueDirection>>;

/// What the queue of one direction did in the measured time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueDirection {
    /// From the offer of a packet until the link began to transmit it, over transmitted packets; serialisation is not
    /// part of it.
    pub delay_ns: Summary,
    /// Packets marked with Congestion Experienced instead of being dropped.
    pub marked: u64,
    /// Packets dropped by the queue.
    pub dropped: u64,
    /// Those of `dropped` that the management of the queue dropped before the queue was full.
    #[serde(default)]
    pub aqm_dropped: u64,
}
