//! The events of a link: what happened to a packet, and when.

use std::time::Duration;

use crate::unit::Time;

/// What a link does to the ECN field of a packet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum EcnChange {
    /// Nothing.
    #[default]
    None,
    /// Sets it to Congestion Experienced.
    Mark,
    /// Clears it.
    Bleach,
}

/// What the queue of the bottleneck did to a packet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct QueueVisit {
    /// From its offer until the transmitter began to send it. Serialisation is not part of it. Zero on a link without a
    /// rate, where no packet waits.
    pub delay: Duration,
    /// Whether it was marked with Congestion Experienced (RFC 3168): by the queue instead of being dropped, or by a
    /// link that marks everything.
    pub marked: bool,
}

/// The fate of a packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event<P> {
    /// It arrived.
    Delivered(Delivered<P>),
    /// It was dropped.
    Dropped(Dropped<P>),
}

/// A packet that was dropped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dropped<P> {
    /// When it was dropped: at its offer, as it left the queue, or on the wire.
    pub at: Time,
    /// The packet, as it was offered.
    pub packet: P,
    /// Why.
    pub reason: DropReason,
    /// What the queue did to it. A packet that the queue refused has not waited.
    pub queue: QueueVisit,
}

/// Why a packet was dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DropReason {
    /// Lost after the bottleneck, by a draw, a list or an outage.
    Lost,
    /// The queue of the bottleneck was full.
    QueueFull,
    /// Dropped by the management of the queue before the queue was full.
    Aqm,
    /// Above the MTU.
    TooLarge,
    /// To an address that the client no longer had. The link has carried it.
    NoMapping,
}

impl DropReason {
    /// Whether the packet has passed the bottleneck.
    pub(crate) fn is_behind_bottleneck(self) -> bool {
        matches!(self, Self::Lost | Self::NoMapping)
    }
}

/// A packet at the far end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivered<P> {
    /// When it arrived.
    pub at: Time,
    /// When its last bit left the bottleneck.
    pub departs: Time,
    /// What the queue did to it.
    pub queue: QueueVisit,
    /// The packet, as it was offered.
    pub packet: P,
    /// What the link did to its ECN field. The link does not look into packets, so the caller writes it.
    pub ecn: EcnChange,
    /// A draw if a bit must be flipped: the index of the bit, modulo the number of bits in the packet. The
    /// link does not look into packets, so the caller flips it.
    pub corrupt: Option<u64>,
    /// Set if this is a forged copy: the caller writes these bytes into it. The packet itself follows.
    pub forged: Option<u64>,
    /// Whether this is a duplicate, a replay or a forgery.
    pub copy: bool,
    /// Whether another copy of it arrives later.
    pub more: bool,
}
