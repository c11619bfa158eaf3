//! What a thread or this process uses.

use std::{fs, ops::Sub, time::Duration};

use serde::{Deserialize, Serialize};

/// The processor time and context switches of a thread so far (`getrusage(2)`), and its calls on sockets.
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
    /// Calls by which it sent to sockets or received from them.
    #[serde(default)]
    pub socket_calls: u64,
}

impl Sub for ThreadUsage {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self {
            user: self.user.saturating_sub(before.user),
            system: self.system.saturating_sub(before.system),
            context_switches: self.context_switches.saturating_sub(before.context_switches),
            socket_calls: self.socket_calls.saturating_sub(before.socket_calls),
        }
    }
}

/// Bytes of anonymous memory of this process that are in RAM: heap and stacks. `None` if the system does not tell.
pub(crate) fn anonymous_memory() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}
