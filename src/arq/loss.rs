//! Losses declared by the sender.

/// A transmission that was declared lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeclaredLoss {
    /// The number of the transmission, as in [`SegmentKind::Content`](super::SegmentKind::Content).
    pub transmission: u64,
    /// The sequence number of its segment.
    pub sequence: u64,
    /// Why it was declared lost.
    pub cause: LossCause,
}

/// Why a transmission was declared lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LossCause {
    /// A transmission with a number higher by the packet threshold was acknowledged (RFC 9002 section 6.1.1).
    PacketThreshold,
    /// A later transmission was acknowledged, and the time threshold has passed (RFC 9002 section 6.1.2).
    TimeThreshold,
    /// Duplicate acknowledgements, in go-back-N (RFC 5681 section 3.2).
    DuplicateAcks,
    /// The retransmission timer expired (RFC 6298).
    Timeout,
}
