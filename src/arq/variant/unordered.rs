//! Unordered: selective repeat, where each message is delivered as soon as it is whole.
//!
//! Nothing is lost and nothing waits for another's loss, as with a QUIC stream for each message; what is given up is
//! the order between messages.

use super::Rules;

pub(super) const RULES: Rules = Rules { most_outstanding: u64::MAX, keeps_ahead: true, ordered: false };
