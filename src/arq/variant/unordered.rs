//! Unordered: selective repeat that delivers each message as soon as it is complete.
//!
//! Every message arrives, and none waits for another's loss, as with one QUIC stream per message. There is no order
//! between messages.

use super::rules::Rules;

pub(super) const RULES: Rules = Rules { max_outstanding: u64::MAX, keeps_out_of_order: true, ordered: false };
