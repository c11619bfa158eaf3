//! The segment of the `arq` transports. A datagram carries one.
//!
//! ```text
//!  0       1       2       3       4               8                              16
//!  +-------+-------+-------+-------+---------------+-------------------------------+
//!  | magic |version| kind  |g ranges     check     |   destination connection id   |
//!  +-------+-------+-------+-------+---------------+-------------------------------+
//! 16                              24              32      36      38      40
//!  +-------------------------------+---------------+-------+-------+-------+
//!  |           sequence            | acknowledgement| window| index | count |
//!  +-------------------------------+---------------+-------+-------+-------+
//! 40, `ranges` times               then
//!  +---------------+---------------+-----------------------------------------
//!  |    offset     |    length     | body: payload of Data, Hello, Challenge
//!  +---------------+---------------+-----------------------------------------
//!
//!  body of Hello (zero-padded to a datagram of 512 bytes) and Challenge:
//!  +-------------------------------+-------------------------------+-------+------+
//!  |     source connection id      |      cookie, 16 bytes ...     |largest| mode |
//!  +-------------------------------+-------------------------------+-------+------+
//! ```
//!
//! All fields are little-endian. `check` is the CRC-32 of everything but itself, because UDP's checksum may be disabled
//! and its 16 bits miss one corrupted datagram in 65,536. A range is a block received beyond a gap, as in selective
//! acknowledgements (RFC 2018); it starts `offset` segments after the acknowledgement. The bit `g` marks the
//! acknowledgement of a segment beyond a gap. `largest` is the largest datagram accepted. Fields that a kind does not
//! use are zero; a parser rejects any other value.

#[doc(hidden)]
pub mod codec;

use std::ops::Range;

/// Length of the fixed header, which precedes the ranges.
pub const HEADER_BYTES: usize = 40;
/// Length of a range.
pub(crate) const RANGE_BYTES: usize = 8;
/// Maximum number of ranges in a segment.
pub const MAX_RANGES: usize = 16;
/// Length of a client's padded hello. It exceeds any answer to it, so that forged source addresses amplify no traffic
/// (RFC 9000 section 8), and every IPv4 host accepts a datagram of this length (RFC 791 section 3.1).
pub const HELLO_BYTES: usize = 512;

/// Identifies a connection at the receiver, which chose it. Its 64 bits cannot be guessed off the path.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);

/// Proves that a client receives at its address, see [`crate::arq::Listener`]. All zero means none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cookie(pub [u8; 16]);

/// The recovery scheme and the order of delivery.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mode {
    /// One segment at a time.
    StopAndWait,
    /// A window of segments; a loss causes everything after it to be resent.
    GoBackN,
    /// A window of segments; only lost segments are resent; delivery is in order.
    #[default]
    Selective,
    /// As selective, but each message is delivered as soon as it is complete.
    Unordered,
}

impl Mode {
    /// Every mode, the simplest first.
    pub const ALL: [Self; 4] = [Self::StopAndWait, Self::GoBackN, Self::Selective, Self::Unordered];

    /// The mode's name in a URL, and after `arq-` in a transport's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::StopAndWait => "stop-and-wait",
            Self::GoBackN => "go-back-n",
            Self::Selective => "selective",
            Self::Unordered => "unordered",
        }
    }
}

/// A segment, the content of one datagram.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment<'a> {
    /// The destination connection id.
    pub to: ConnectionId,
    /// What its sender has received. A greeting uses only the window.
    pub acknowledgement: Acknowledgement,
    /// The kind and the content.
    pub body: Body<'a>,
}

/// The kind of a segment and its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body<'a> {
    /// A client requests a connection. A cookie validates the client's address.
    Hello(Greeting),
    /// The server requires the client to prove that it receives at its address.
    Challenge(Greeting),
    /// A message, or a fragment of one.
    Data {
        /// The sequence number.
        sequence: u64,
        /// The position in the message.
        fragment: Fragment,
        /// The content.
        payload: &'a [u8],
    },
    /// The sender will send no more messages. Takes a sequence number and is retransmitted if lost.
    Fin {
        /// The sequence number.
        sequence: u64,
    },
    /// A pure acknowledgement.
    Ack,
    /// Requests an acknowledgement.
    Ping,
    /// Aborts the connection.
    Reset {
        /// The sequence number that the receiver expects next. A reset with any other is not obeyed (RFC 5961 section
        /// 3).
        sequence: u64,
    },
}

/// The parameters that the ends exchange in the handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Greeting {
    /// The connection id that the sender has chosen for itself.
    pub from: ConnectionId,
    /// The cookie that the server issues and the client returns.
    pub cookie: Cookie,
    /// The largest datagram that the sender accepts, in bytes of UDP payload.
    pub max_datagram: u16,
    /// The mode that the client requests.
    pub mode: Mode,
}

/// The position of a fragment in its message. Fragments of a message have consecutive sequence numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fragment {
    /// Index of the fragment, from 0.
    pub index: u16,
    /// Number of fragments, at least 1.
    pub count: u16,
}

/// What a receiver acknowledges.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Acknowledgement {
    /// The next expected sequence number: every segment before it has been received.
    pub next: u64,
    /// The receive window in segments, from `next` on.
    pub window: u32,
    /// Whether this acknowledges a segment beyond a gap.
    pub gap: bool,
    /// Segments received beyond the gap.
    pub ranges: Ranges,
}

/// Up to [`MAX_RANGES`] ranges, the most important first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ranges {
    count: usize,
    list: [Range<u64>; MAX_RANGES],
}

impl Ranges {
    /// Adds a range unless the list is full.
    pub fn push(&mut self, range: Range<u64>) {
        if let Some(place) = self.list.get_mut(self.count) {
            *place = range;
            self.count += 1;
        }
    }

    /// The ranges.
    pub fn as_slice(&self) -> &[Range<u64>] {
        &self.list[..self.count]
    }
}

/// Why a datagram was not accepted as a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SegmentError {
    /// Too short, or without the magic byte.
    #[error("not a segment")]
    Foreign,
    /// An unsupported version.
    #[error("unsupported segment version {0}")]
    Version(u8),
    /// The checksum does not match.
    #[error("the segment is corrupted")]
    Corrupted,
    /// The checksum matches, but the content violates the protocol.
    #[error("malformed segment: {0}")]
    Malformed(&'static str),
}
