//! The processor time of a thread.

use std::{ops::Sub, time::Duration};

use serde::{Deserialize, Serialize};

/// The processor time and context switches of a thread so far (`getrusage(2)`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ThreadUsage {
    /// Time in user mode.
    #[serde(deserialize_with = "crate::unit::saved::duration")]
    pub user: Duration,
    /// Time in the kernel.
    #[serde(deserialize_with = "crate::unit::saved::duration")]
    pub system: Duration,
    /// Context switches, voluntary and involuntary.
    pub context_switches: u64,
}

impl Sub for ThreadUsage {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self {
            user: self.user.saturating_sub(before.user),
            system: self.system.saturating_sub(before.system),
            context_switches: self.context_switches.saturating_sub(before.context_switches),
        }
    }
}
