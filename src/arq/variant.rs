//! The four variants: the rules in which they differ.

use super::Mode;

/// The rules of one variant. All other code is common to the variants.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    /// Upper bound on unacknowledged segments, in addition to the windows.
    pub(super) max_outstanding: u64,
    /// Whether the receiver keeps and selectively acknowledges segments beyond a gap.
    pub(super) keeps_out_of_order: bool,
    /// Whether messages are released in the order in which they were sent.
    pub(super) ordered: bool,
}

impl Rules {
    /// Whether a loss makes the sender resend everything behind it, because the receiver kept none of it.
    pub(super) fn goes_back(&self) -> bool {
        !self.keeps_out_of_order
    }
}

/// Stop-and-wait: one segment, then its acknowledgement, then the next.
///
/// No segment is ever beyond a gap, so neither end needs a buffer. Throughput is one segment per round trip, however
/// fast the link is. If the propagation delay is `a` transmission times, a share `p` of segments is lost, and the
/// timeout is exactly one round trip, link utilisation is `(1 - p) / (1 + 2a)`.
const STOP_AND_WAIT: Rules = Rules { max_outstanding: 1, keeps_out_of_order: false, ordered: true };

/// Go-back-N: a window of segments in flight, and a receiver that discards everything beyond a gap.
///
/// Without loss the link stays full, and the receiver needs no buffer. A loss costs everything sent behind it. With a
/// window `W` and a timeout of exactly one round trip, link utilisation is `(1 - p) / (1 + 2ap)` if `W >= 1 + 2a`, else
/// `W (1 - p) / ((1 + 2a)(1 - p + Wp))`.
const GO_BACK_N: Rules = Rules { max_outstanding: u64::MAX, keeps_out_of_order: false, ordered: true };

/// Selective repeat: the receiver keeps and acknowledges segments beyond a gap; the sender resends only the gap.
///
/// A loss costs one transmission. Link utilisation is `1 - p`, or `W (1 - p) / (1 + 2a)` if the window `W < 1 + 2a`.
/// Head-of-line blocking remains: messages beyond a gap have arrived, but wait for those before them.
const SELECTIVE: Rules = Rules { max_outstanding: u64::MAX, keeps_out_of_order: true, ordered: true };

/// Unordered: selective repeat that delivers each message as soon as it is complete.
///
/// Every message arrives, and none waits for another's loss, as with one QUIC stream per message. There is no order
/// between messages.
const UNORDERED: Rules = Rules { max_outstanding: u64::MAX, keeps_out_of_order: true, ordered: false };

/// The rules of `mode`.
pub(super) fn rules(mode: Mode) -> Rules {
    match mode {
        Mode::StopAndWait => STOP_AND_WAIT,
        Mode::GoBackN => GO_BACK_N,
        Mode::Selective => SELECTIVE,
        Mode::Unordered => UNORDERED,
    }
}
