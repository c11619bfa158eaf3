//! What ECN did.

use serde::{Deserialize, Serialize};

use crate::unit::PerDirection;

/// What ECN did in each direction over the whole runs, summed over seeds.
pub type Ecn = PerDirection<EcnDirection>;

/// What ECN did in one direction.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EcnDirection {
    /// Packets sent with ECT(0), ECT(1) or CE: only these can be marked.
    pub capable: u64,
    /// Packets marked by the link.
    pub marked: u64,
    /// Packets that reached their receiver with CE.
    pub ce_seen: u64,
    /// Packets whose ECN field the link cleared.
    pub bleached: u64,
    /// How often the kernel's TCP reduced its window because of marks: segments with the flag CWR (RFC 3168 section
    /// 6.1.2). 0 for QUIC, which counts these among its congestion events.
    #[serde(default)]
    pub window_reductions: u64,
    /// Seeds whose sender seems to have given up ECN (RFC 9000 section 13.4.2): it sent packets that could be marked,
    /// but its last 16 datagrams were not. Senders of TCP are not judged.
    pub validation_failed: u64,
}
