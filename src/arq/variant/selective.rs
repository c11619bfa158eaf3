//! Selective repeat: the receiver keeps what comes ahead of a gap and says so; the sender fills the gap alone.
//!
//! A loss costs one transmission: `1 - p` of the link is used, or `W (1 - p) / (1 + 2a)` with a window `W < 1 + 2a`.
//! What remains is head-of-line blocking: what is kept ahead of a gap is there, and order withholds it.

use super::Rules;

pub(super) const RULES: Rules = Rules { most_outstanding: u64::MAX, keeps_ahead: true, ordered: true };
