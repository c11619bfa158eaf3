//! Selective repeat: the receiver keeps and acknowledges segments beyond a gap; the sender resends only the gap.
//!
//! A loss costs one transmission. Link utilisation is `1 - p`, or `W (1 - p) / (1 + 2a)` if the window `W < 1 + 2a`.
//! Head-of-line blocking remains: messages beyond a gap have arrived, but order withholds them.

use super::rules::Rules;

pub(super) const RULES: Rules = Rules { max_outstanding: u64::MAX, keeps_out_of_order: true, ordered: true };
