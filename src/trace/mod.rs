//! Events at the ends of a connection: packets sent and received, packets declared lost, and the state of recovery.
//!
//! A trace shows what one end knows. An end may declare a packet lost that arrived; see [`tap`](crate::tap) for what
//! happened on the link.

mod arq;
mod loss;
mod quic;
mod sealed;
mod tcp;

pub(crate) use self::sealed::{SealedPackets, Tag};
pub use self::{
    arq::{ArqEvent, ArqTrace, ArqTracer},
    loss::{LossDetector, Outgoing},
    quic::{
        CongestionState, LossTrigger, Lost, Metrics, PacketType, QuicEvent, QuicPacket, QuicTrace,
        QuicTracer, QuicTracers, Space, Thresholds,
    },
    tcp::{TcpEnd, TcpTracer},
};
