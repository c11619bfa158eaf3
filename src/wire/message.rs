//! The identity of an experiment's message.

/// Message `seq` of flow `flow`; both count from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId {
    /// The flow.
    pub flow: u32,
    /// The message's sequence number within its flow.
    pub seq: u64,
}
