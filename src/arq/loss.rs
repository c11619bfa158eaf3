//! Losses that the sender declares.

/// A transmission that was declared lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeclaredLoss {
    /// The number of the transmission, as in [`SegmentKind::Content`](super::SegmentKind::Content).
    pub transmission: u64,
    /// Why it was declared lost.
    pub cause: LossCause,
}

/// Why a transmission was declared lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LossCause {
    /// One that was sent several later was acknowledged (RFC 9002 section 6.1.1).
    PacketThreshold,
    /// A later one was acknowledged, and it was sent too long ago (RFC 9002 section 6.1.2).
    TimeThreshold,
    /// Acknowledgements repeated that its segment is missing (RFC 5681 section 3.2), in go-back-N.
    DuplicateAcks,
    /// The retransmission timer expired (RFC 6298).
    Timeout,
}
