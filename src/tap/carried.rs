//! The parts of an experiment's data in a packet.

use crate::wire::MessageId;

/// A part of an experiment's data in a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Carried {
    /// Bytes of a QUIC stream.
    Stream {
        /// The stream's id.
        id: u64,
        /// The offset of the first byte.
        start: u64,
        /// The offset after the last byte.
        end: u64,
    },
    /// A whole message.
    Message(MessageId),
    /// Bytes of a message in an ARQ segment.
    Segment {
        /// The segment's number, used as an offset in a stream.
        sequence: u64,
        /// The message.
        id: MessageId,
        /// The offset in the message of the segment's first byte.
        start: u64,
        /// The offset in the message after the segment's last byte.
        end: u64,
    },
    /// Bytes of a message in a TCP segment. With TLS, these are bytes of its ciphertext.
    Tcp {
        /// The message's index in the stream, from 0.
        place: u64,
        /// The offset in the message of the segment's first byte.
        start: u64,
        /// The offset in the message after the segment's last byte.
        end: u64,
    },
}

impl Carried {
    /// The stream and the byte range in it.
    pub(super) fn place(&self) -> Option<(u64, (u64, u64))> {
        match *self {
            Self::Stream { id, start, end } => Some((id, (start, end))),
            Self::Segment { sequence, .. } => Some((0, (sequence, sequence + 1))),
            Self::Message(_) | Self::Tcp { .. } => None,
        }
    }
}

/// An ARQ segment with content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Loaded {
    /// The number of its transmission. Numbers are in sending order.
    pub transmission: u64,
    /// Its sequence number.
    pub sequence: u64,
    /// The part of an experiment's message in it, if it has one.
    pub what: Option<Carried>,
}
/// What is known of a packet that enters the link.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Entering<'a> {
    /// The parts of the experiment's data in it.
    pub carried: &'a [Carried],
    /// The number that identifies the packet in [`Seen::Judged`](super::Seen::Judged). `None` if its loss is not
    /// followed.
    pub transmission: Option<u64>,
    /// Its QUIC frames in words. Empty for other transports, and without a watcher.
    pub frames: &'a str,
}
