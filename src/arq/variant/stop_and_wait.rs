//! Stop-and-wait: one segment, then its acknowledgement, then the next.
//!
//! Order and buffers cost nothing, since nothing is ever ahead. What it costs is time: one segment a round trip,
//! however fast the link. With `a` propagation delays per transmission time and a share `p` of segments lost, a
//! timer of exactly a round trip uses `(1 - p) / (1 + 2a)` of the link.

use super::Rules;

pub(super) const RULES: Rules = Rules { most_outstanding: 1, keeps_ahead: false, ordered: true };
