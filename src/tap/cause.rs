//! Why a sender considers a packet lost.

use crate::{
    arq,
    trace::{LossTrigger, Lost},
};

/// How a sender learned that a packet was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LossCause {
    /// A packet that was sent several later was acknowledged (RFC 9002 section 6.1.1).
    PacketThreshold,
    /// A later packet was acknowledged, and the time threshold has passed (RFC 9002 section 6.1.2).
    TimeThreshold,
    /// Duplicate acknowledgements (RFC 5681 section 3.2).
    DuplicateAcks,
    /// The retransmission timer expired (RFC 6298).
    Timeout,
    /// A probe timeout expired (RFC 9002 section 6.2). The probe repeated the packet's data, or its acknowledgement revealed
    /// the loss.
    Probe,
    /// The peer repeated a flight of the handshake, because it missed the answer (RFC 9147 section 5.8.1).
    RepeatedFlight,
    /// Unknown, because the sender does not report its losses. It sent the packet's data again.
    Unknown,
}

impl LossCause {
    /// All causes.
    pub const ALL: [Self; 7] = [
        Self::PacketThreshold,
        Self::TimeThreshold,
        Self::DuplicateAcks,
        Self::Timeout,
        Self::Probe,
        Self::RepeatedFlight,
        Self::Unknown,
    ];
}

impl From<arq::LossCause> for LossCause {
    fn from(cause: arq::LossCause) -> Self {
        match cause {
            arq::LossCause::PacketThreshold => Self::PacketThreshold,
            arq::LossCause::TimeThreshold => Self::TimeThreshold,
            arq::LossCause::DuplicateAcks => Self::DuplicateAcks,
            arq::LossCause::Timeout => Self::Timeout,
        }
    }
}

impl From<&Lost> for LossCause {
    fn from(lost: &Lost) -> Self {
        match lost.trigger {
            // Only the probe made the peer acknowledge anything.
            _ if lost.after_probe => Self::Probe,
            LossTrigger::PacketThreshold => Self::PacketThreshold,
            LossTrigger::TimeThreshold => Self::TimeThreshold,
        }
    }
}
