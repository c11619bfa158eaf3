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
    /// Initial packets.
    Initial,
    /// Handshake packets.
    Handshake,
    /// 0-RTT and 1-RTT packets.
    Data,
}

impl Space {
    /// All spaces, in the order in which a connection uses them.
    pub(crate) const ALL: [Self; 3] = [Self::Initial, Self::Handshake, Self::Data];
}

impl PacketType {
    /// The type of a packet by the first byte of its header. `None` for Retry packets, which have no number. These bits
    /// are never masked (RFC 9001 section 5.4.1).
    pub(crate) fn of(header: &[u8]) -> Option<Self> {
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
    pub(crate) fn frames(&self) -> Frames<'a> {
        frames(self.payload)
    }
}

/// Why a packet was declared lost (RFC 9002 section 6.1). If both thresholds apply, the trigger is `PacketThreshold`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LossTrigger {
    /// A packet was acknowledged whose number is higher by at least the packet threshold.
    PacketThreshold,
    /// A later packet was acknowledged, and the time threshold has passed since this one was sent.
    TimeThreshold,
}

/// The thresholds for declaring a packet lost (RFC 9002 section 6.1).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Thresholds {
    /// In packet numbers: how far an acknowledged packet is ahead of the lost one.
    pub packets: u32,
    /// In round-trip times since the packet was sent.
    pub time: f32,
}

impl Default for Thresholds {
    /// The values that RFC 9002 recommends.
    fn default() -> Self {
        Self { packets: 3, time: 9.0 / 8.0 }
    }
}

/// A packet that its sender declared lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lost {
    /// Its type.
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
    /// Whether it is ack-eliciting. Packets that are not ack-eliciting contain nothing to retransmit.
    pub ack_eliciting: bool,
    /// Whether the acknowledgement of a probe (RFC 9002 section 6.2.4) revealed the loss. Without the probe it would
    /// have been found later, or never.
    pub after_probe: bool,
    /// Whether it was a probe for a larger path MTU. The loss of a probe does not indicate congestion (RFC 9000 section
    /// 14.4).
    pub is_mtu_probe: bool,
}

/// The state of loss recovery and congestion control.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Metrics {
    /// The minimum RTT.
    pub min_rtt: Duration,
    /// The smoothed RTT.
    pub smoothed_rtt: Duration,
    /// The latest RTT sample.
    pub latest_rtt: Duration,
    /// The mean variation of the RTT samples.
    pub rtt_variance: Duration,
    /// Consecutive probe timeouts without an acknowledgement.
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

/// The state of a congestion controller (RFC 9002 section 7.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CongestionState {
    /// The window grows by the number of acknowledged bytes.
    SlowStart,
    /// The window grows slowly, at or above the slow start threshold.
    CongestionAvoidance,
    /// After a loss, until a packet that was sent later is acknowledged.
    Recovery,
}

/// An event at one end of a connection.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum QuicEvent<'a> {
    /// The thresholds with which this end declares packets lost.
    Thresholds(Thresholds),
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
    /// The ciphertext of the packet that was sent last, before header protection. It ends with the authentication tag,
    /// which identifies the packet on the wire.
    Encrypted(&'a [u8]),
    /// A packet was decrypted, and its frames are processed.
    Received(QuicPacket<'a>),
    /// A packet was decrypted and ignored, because it is a duplicate or arrived before the handshake was complete.
    Ignored {
        /// The packet.
        packet: QuicPacket<'a>,
        /// Whether it is a duplicate.
        is_duplicate: bool,
    },
    /// A packet was declared lost.
    Lost(Lost),
    /// The server sent a Retry packet (RFC 9000 section 8.1.2). All packets sent before are discarded.
    Retried,
    /// The server rejected 0-RTT. The data of all 0-RTT packets is sent again.
    EarlyDataRejected,
    /// The handshake is complete at this end.
    Established,
    /// The library has dropped the connection.
    Closed,
    /// The state of recovery changed.
    Metrics(Metrics),
    /// The state of congestion control changed.
    Congestion(CongestionState),
}

/// Receives the events of one end of a connection, at the instant when they happen.
pub trait QuicTrace: Send {
    /// Records an event at `at`.
    fn record(&mut self, at: Time, event: &QuicEvent<'_>);
}

/// Creates the traces of connections.
pub trait QuicTracer: Send + Sync + fmt::Debug {
    /// Creates the trace of one end of a connection, or returns `None` if it is not traced. Both ends of a connection
    /// have the same `original_id`: the destination connection id of the client's first packet.
    fn trace(&self, side: Side, original_id: &[u8]) -> Option<Box<dyn QuicTrace>>;
}

/// The tracers of an endpoint. An empty list costs nothing.
#[derive(Debug, Clone, Default)]
pub struct QuicTracers(Vec<Arc<dyn QuicTracer>>);

impl QuicTracers {
    /// Adds a tracer.
    pub fn push(&mut self, tracer: Arc<dyn QuicTracer>) {
        self.0.push(tracer);
    }

    /// Whether the list is empty.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Creates the traces of one end of a connection.
    pub(crate) fn trace(&self, side: Side, original_id: &[u8]) -> Vec<Box<dyn QuicTrace>> {
        self.0.iter().filter_map(|tracer| tracer.trace(side, original_id)).collect()
    }
}
