//! The rules in which the variants differ.

/// The rules of one variant. All other code is common to the variants.
#[derive(Debug, Clone, Copy)]
pub(in crate::arq) struct Rules {
    /// Upper bound on unacknowledged segments, in addition to the windows.
    pub(in crate::arq) max_outstanding: u64,
    /// Whether the receiver keeps and selectively acknowledges segments beyond a gap.
    pub(in crate::arq) keeps_out_of_order: bool,
    /// Whether messages are released in the order in which they were sent.
    pub(in crate::arq) ordered: bool,
}

impl Rules {
    /// Whether a loss makes the sender resend everything behind it, because the receiver kept none of it.
    pub(in crate::arq) fn goes_back(&self) -> bool {
        !self.keeps_out_of_order
    }
}
