//! The properties of a sent packet that loss detection depends on.

use crate::{
    trace::quic::{PacketType, QuicPacket},
    wire::quic::{Frame, is_mtu_probe},
};

/// The properties of a packet that is about to be sent.
#[derive(Debug, Clone, Copy)]
pub struct Outgoing {
    pub(super) packet_type: PacketType,
    pub(super) number: u64,
    pub(super) bytes: u64,
    pub(super) ack_eliciting: bool,
    /// Whether it counts towards the bytes in flight (RFC 9002 section 2).
    pub(super) in_flight: bool,
    /// Whether it closes the connection.
    pub(super) closes: bool,
    /// Whether it confirms the handshake.
    pub(super) confirms: bool,
    /// Whether it is a probe for a larger MTU.
    pub(super) is_mtu_probe: bool,
}

impl Outgoing {
    /// Reads the properties from the frames of `packet`.
    pub fn of(packet: &QuicPacket<'_>) -> Self {
        let QuicPacket { packet_type, number, bytes, .. } = *packet;
        let mut outgoing = Self {
            packet_type,
            number,
            bytes,
            ack_eliciting: false,
            in_flight: false,
            closes: false,
            confirms: false,
            is_mtu_probe: packet_type == PacketType::OneRtt && is_mtu_probe(packet.payload),
        };
        for frame in packet.frames() {
            let eliciting = frame.is_ack_eliciting();
            outgoing.ack_eliciting |= eliciting;
            outgoing.in_flight |= eliciting || matches!(frame, Frame::Padding { .. });
            outgoing.closes |= matches!(frame, Frame::ConnectionClose { .. });
            outgoing.confirms |= frame == Frame::HandshakeDone;
        }
        outgoing
    }
}
