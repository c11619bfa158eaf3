//! What the two ends' threads cost.

use serde::{Deserialize, Serialize};

/// What the two ends' threads cost in real time: in the measured time and the wait after it, for each message that was sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cpu {
    /// The client's time on a core, in user mode and in the kernel.
    pub client_ns_per_message: Option<u64>,
    /// Of it, in the kernel.
    pub client_system_ns_per_message: Option<u64>,
    /// The server's time on a core; null if it is another program.
    pub server_ns_per_message: Option<u64>,
    /// Of it, in the kernel.
    pub server_system_ns_per_message: Option<u64>,
    /// Context switches of both, over all seeds.
    pub context_switches: u64,
}
