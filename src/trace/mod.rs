//! What the ends of a connection record of their own protocol: packets sent and received, losses declared, and the state
//! of recovery.
//!
//! The wire tells what became of a packet; a trace tells what an end believed.

mod loss;
mod quic;

pub use self::{
    loss::{LossDetector, Outgoing, RttEstimate, Thresholds},
    quic::{
        CongestionState, LossTrigger, Lost, Metrics, PacketType, QuicEvent, QuicPacket, QuicTrace,
        QuicTracer, QuicTracers, Space,
    },
};
