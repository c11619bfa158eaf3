//! Go-back-N: a window of segments in flight, and a receiver that discards everything beyond a gap.
//!
//! Without loss the link stays full, and the receiver needs no buffer. A loss costs everything sent behind it. With a
//! window `W` and a timeout of exactly one round trip, link utilisation is `(1 - p) / (1 + 2ap)` if `W >= 1 + 2a`, else
//! `W (1 - p) / ((1 + 2a)(1 - p + Wp))`.

use super::rules::Rules;

pub(super) const RULES: Rules = Rules { max_outstanding: u64::MAX, keeps_out_of_order: false, ordered: true };
