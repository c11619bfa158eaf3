//! Maps the causes of losses that senders report to those of a result.
//!
//! ARQ and QUIC have enums of their own, with only the causes that they can report.

pub use crate::report::episode::LossCause;
use crate::{
    arq,
    trace::{LossTrigger, Lost},
};

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
