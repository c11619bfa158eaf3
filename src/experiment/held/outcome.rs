//! The memory of the two ends of one run.

use serde::{Deserialize, Serialize};

/// The anonymous memory of a process in RAM, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Growth {
    /// Before the first connection.
    pub before: u64,
    /// With all connections open.
    pub after: u64,
}

impl Growth {
    /// The bytes that the connections added.
    pub(crate) fn bytes(self) -> u64 {
        self.after.saturating_sub(self.before)
    }
}

/// The memory of the two ends of one run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldOutcome {
    /// Connections that were open at the same time.
    pub connections: u64,
    /// The client's process.
    pub(crate) client: Growth,
    /// The server's process.
    pub(crate) server: Growth,
}
