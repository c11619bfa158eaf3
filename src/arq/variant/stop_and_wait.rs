//! Stop-and-wait: one segment, then its acknowledgement, then the next.
//!
//! No segment is ever beyond a gap, so neither end needs a buffer. Throughput is one segment per round trip, however
//! fast the link is. If the propagation delay is `a` transmission times, a share `p` of segments is lost, and the
//! timeout is exactly one round trip, link utilisation is `(1 - p) / (1 + 2a)`.

use super::rules::Rules;

pub(super) const RULES: Rules = Rules { max_outstanding: 1, keeps_out_of_order: false, ordered: true };
