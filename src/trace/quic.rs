//! Events of one end of a QUIC connection.

use std::{fmt, sync::Arc, time::Duration};

use crate::{
    path::Side,
    unit::Time,
    wire::quic::{Frames, frames},
};

/// The types of packets that have a number (RFC 9000 section 17).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PacketType {
    /// Initial.
    Initial,
    /// 0-RTT.
    ZeroRtt,
    /// Handshake.
    Handshake,
    /// 1-RTT.
    OneRtt,
}

/// A packet number space (RFC 9000 section 12.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Space {
    /// Of Initial packets.
    Initial,
    /// Of Handshake packets.
    Handshake,
    /// Of 0-RTT and 1-RTT packets.
    Data,
}

impl Space {
    /// In the order in which a connection uses them.
    pub const ALL: [Self; 3] = [Self::Initial, Self::Handshake, Self::Data];
}

impl PacketType {
    /// The type of a packet by the first byte of its header. `None` for Retry packets, which have no number. These bits
    /// are never masked (RFC 9001 section 5.4.1).
    pub fn of(header: &[u8]) -> Option<Self> {
        let first = *header.first()?;
        match (first & 0x80, first & 0x30) {
            (0, _) => Some(Self::OneRtt),
            (_, 0x00) => Some(Self::Initial),
            (_, 0x10) => Some(Self::ZeroRtt),
            (_, 0x20) => Some(Self::Handshake),
            _ => None,
        }
    }

    /// The space of its packet numbers.
    pub fn space(self) -> Space {
        match self {
            Self::Initial => Space::Initial,
            Self::Handshake => Space::Handshake,
            Self::ZeroRtt | Self::OneRtt => Space::Data,
        }
    }
}

/// A packet in plaintext.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuicPacket<'a> {
    /// Its type.
    pub packet_type: PacketType,
    /// Its number.
    pub number: u64,
    /// Its length on the wire, from the first byte of the header to the end of the authentication tag. A datagram may
    /// carry several packets.
    pub bytes: u64,
    /// The header, without header protection.
    pub header: &'a [u8],
    /// The frames.
    pub payload: &'a [u8],
}

impl<'a> QuicPacket<'a> {
    /// Its frames, in order.
    pub fn frames(&self) -> Frames<'a> {
        frames(self.payload)
    }
}

/// Why a packet was declared lost (RFC 9002 section 6.1). A packet that exceeds both thresholds counts for the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LossTrigger {
    /// A packet that was sent `packet_threshold` numbers later was acknowledged.
    PacketThreshold,
    /// A later packet was acknowledged, and the time threshold had passed.
    TimeThreshold,
}

/// A packet that its sender declared lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lost {
    /// Its packet number space.
    pub packet_type: PacketType,
    /// Its number.
    pub number: u64,
    /// Its length.
    pub bytes: u64,
    /// When it was sent.
    pub sent: Time,
    /// When it was declared lost.
    pub declared: Time,
    /// Why.
    pub trigger: LossTrigger,
    /// Whether it asked for an acknowledgement. The loss of another packet repairs nothing.
    pub ack_eliciting: bool,
    /// Whether the packet whose acknowledgement showed the loss was a probe (RFC 9002 section 6.2.4): without the probe
    /// timeout the loss would have been found later, or never.
    pub after_probe: bool,
    /// Whether it probed for a larger MTU. The loss of such a packet is no sign of congestion.
    pub is_mtu_probe: bool,
}

/// The state of loss recovery and congestion control.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Metrics {
    /// The shortest round trip.
    pub min_rtt: Duration,
    /// The smoothed round trip.
    pub smoothed_rtt: Duration,
    /// The latest round trip.
    pub latest_rtt: Duration,
    /// The mean variation of round trips.
    pub rtt_variance: Duration,
    /// Probe timeouts in a row.
    pub pto_count: u32,
    /// The congestion window in bytes.
    pub congestion_window: u64,
    /// Bytes in flight.
    pub bytes_in_flight: u64,
    /// Ack-eliciting packets in flight.
    pub packets_in_flight: u64,
    /// The slow start threshold in bytes, if the controller has one.
    pub ssthresh: Option<u64>,
}

/// The state of a controller that has one of these (RFC 9002 section 7.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CongestionState {
    /// The window grows by what is acknowledged.
    SlowStart,
    /// The window grows slowly.
    CongestionAvoidance,
    /// A loss was found, and no packet sent since has been acknowledged.
    Recovery,
}

/// What happens at one end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QuicEvent<'a> {
    /// The transport parameters of this end, encoded.
    LocalParameters(&'a [u8]),
    /// The transport parameters of the peer, encoded.
    RemoteParameters(&'a [u8]),
    /// A packet was sealed, and is sent at once.
    Sent {
        /// The packet.
        packet: QuicPacket<'a>,
        /// Whether it was sent because a probe timeout expired (RFC 9002 section 6.2.4).
        is_probe: bool,
    },
    /// The packet that was sent last is encrypted to these bytes, up to the mask on the header. They end with the tag by
    /// which the packet is known on the wire.
    Encrypted(&'a [u8]),
    /// A packet was opened for the first time, and its frames are processed.
    Received(QuicPacket<'a>),
    /// A packet was opened and has no effect, because it is a duplicate or came before the end of the handshake.
    Ignored(QuicPacket<'a>),
    /// A packet was declared lost.
    Lost(Lost),
    /// The server asked for a token (RFC 9000 section 8.1.2). All packets before are void.
    Retried,
    /// The server rejected 0-RTT. All 0-RTT packets are void; their data is sent again.
    EarlyDataRejected,
    /// The handshake is complete at this end.
    Established,
    /// The state of recovery changed.
    Metrics(Metrics),
    /// The state of congestion control changed.
    Congestion(CongestionState),
}

/// Is told what happens at one end of one connection, at the instant when it happens.
pub trait QuicTrace: Send {
    /// Something happened.
    fn record(&mut self, at: Time, event: &QuicEvent<'_>);
}

/// Begins traces.
pub trait QuicTracer: Send + Sync + fmt::Debug {
    /// A trace of a connection's end. Both ends of a connection have the same `original_id`: the destination connection
    /// id of the client's first packet.
    fn trace(&self, side: Side, original_id: &[u8]) -> Option<Box<dyn QuicTrace>>;
}

/// The tracers of an endpoint. Without any, tracing costs nothing.
#[derive(Debug, Clone, Default)]
pub struct QuicTracers(Vec<Arc<dyn QuicTracer>>);

impl QuicTracers {
    /// Adds one.
    pub fn push(&mut self, tracer: Arc<dyn QuicTracer>) {
        self.0.push(tracer);
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The traces of a connection's end.
    pub fn trace(&self, side: Side, original_id: &[u8]) -> Vec<Box<dyn QuicTrace>> {
        self.0.iter().filter_map(|tracer| tracer.trace(side, original_id)).collect()
    }
}
