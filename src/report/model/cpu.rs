//! What the two ends' threads use.

use serde::{Deserialize, Serialize};

use super::ratio::Ratio;

/// Processor time of the two ends' threads in real time, for each message that was sent. It covers the measured time
/// and the wait after it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Cpu {
    /// The client's time on a core, in user mode and in the kernel.
    pub client_ns_per_message: Option<u64>,
    /// The part of it in the kernel.
    pub client_system_ns_per_message: Option<u64>,
    /// The server's time on a core; null if it is another program.
    pub server_ns_per_message: Option<u64>,
    /// The part of it in the kernel.
    pub server_system_ns_per_message: Option<u64>,
    /// Context switches of both, over all seeds.
    pub context_switches: u64,
    /// Calls by which the client sent to its sockets or received from them.
    #[serde(default)]
    pub client_socket_calls_per_message: Option<Ratio>,
    /// The server's; null if it is another program.
    #[serde(default)]
    pub server_socket_calls_per_message: Option<Ratio>,
}
