//! Go-back-N: a window of segments under way, and a receiver that keeps nothing ahead of a gap.
//!
//! The link is full while nothing is lost, and the receiver needs no buffer. A loss costs all that was sent behind
//! it: with a window `W` and a timer of exactly a round trip, the share of the link that is used is
//! `(1 - p) / (1 + 2ap)` where `W >= 1 + 2a`, else `W (1 - p) / ((1 + 2a)(1 - p + Wp))`.

use super::Rules;

pub(super) const RULES: Rules = Rules { most_outstanding: u64::MAX, keeps_ahead: false, ordered: true };
