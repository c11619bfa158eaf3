//! The segment of the `arq` transports: what one datagram carries.
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
//!  body of Hello (padded with zeros to 512) and Challenge:
//!  +-------------------------------+-------------------------------+-------+------+
//!  |     source connection id      |      cookie, 16 bytes ...     |largest| mode |
//!  +-------------------------------+-------------------------------+-------+------+
//! ```
//!
//! All fields are little-endian. `check` is the CRC-32 of everything but itself: UDP's own checksum may be off, and
//! 16 bits let one damaged datagram in 65,536 through. A range says what came ahead of a gap, as selective
//! acknowledgements do (RFC 2018): it begins `offset` segments behind the acknowledgement. `g` is the bit that says
//! that this answers a segment from beyond a gap. What a kind does not use is zero, and anything else is refused.

use std::ops::Range;

/// Bytes in front of the ranges.
pub const HEADER_BYTES: usize = 40;
/// Bytes of one range.
pub const RANGE_BYTES: usize = 8;
/// The most ranges that one segment carries.
pub const MAX_RANGES: usize = 16;
/// What a client's hello is padded to: never less than any answer to it, so that a forged source address earns its
/// victim less than its forger spent (RFC 9000 section 8), and within what every IPv4 host accepts.
pub const HELLO_BYTES: usize = 512;

const MAGIC: u8 = 0xa9;
const VERSION: u8 = 1;
const GREETING_BYTES: usize = 27;
const GAP: u8 = 0x80;

/// Which connection a segment is for, chosen by its receiver: 64 bits that nobody off the path can guess.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);

/// What shows that a client receives at its address, see [`crate::arq::Listener`]. All zero is none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cookie(pub [u8; 16]);

/// How a connection recovers and in which order it delivers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mode {
    /// One segment at a time.
    StopAndWait,
    /// A window of segments; a loss sends again all that followed it.
    GoBackN,
    /// A window of segments; what is lost alone is sent again, and delivery is in order.
    #[default]
    Selective,
    /// As selective, and each message is delivered as soon as it is whole.
    Unordered,
}

impl Mode {
    /// Every mode, from the simplest on.
    pub const ALL: [Self; 4] = [Self::StopAndWait, Self::GoBackN, Self::Selective, Self::Unordered];

    /// Its name in a URL, and behind `arq-` as a transport.
    pub const fn name(self) -> &'static str {
        match self {
            Self::StopAndWait => "stop-and-wait",
            Self::GoBackN => "go-back-n",
            Self::Selective => "selective",
            Self::Unordered => "unordered",
        }
    }
}

/// One datagram.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment<'a> {
    /// Whom it is for.
    pub to: ConnectionId,
    /// What its sender has received. In a greeting only the window counts.
    pub acknowledgement: Acknowledgement,
    /// What it carries.
    pub body: Body<'a>,
}

/// What a segment carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body<'a> {
    /// A client asks for a connection; with a cookie it has shown where it is.
    Hello(Greeting),
    /// A server asks a client to show that it receives at its address.
    Challenge(Greeting),
    /// A message, or a part of one.
    Data {
        /// Its place among the sender's segments.
        sequence: u64,
        /// Its place in the message.
        fragment: Fragment,
        /// The bytes.
        payload: &'a [u8],
    },
    /// The sender has nothing more to send. Takes a place among the segments, and is sent again if lost.
    Fin {
        /// That place.
        sequence: u64,
    },
    /// Nothing but the acknowledgement.
    Ack,
    /// Asks for an acknowledgement.
    Ping,
    /// The connection is over, and whatever is under way is lost.
    Reset {
        /// The segment that the receiver expects next: who does not know it is not obeyed (RFC 5961 section 3).
        sequence: u64,
    },
}

/// What the two ends tell each other first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Greeting {
    /// The sender's own connection id: what it wants to be called.
    pub from: ConnectionId,
    /// The client's proof, or the server's question.
    pub cookie: Cookie,
    /// The largest datagram that the sender takes, in bytes of UDP payload.
    pub largest: u16,
    /// What the client wants.
    pub mode: Mode,
}

/// A part of a message: the `index`-th of `count`. Parts have consecutive sequence numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fragment {
    /// From 0, below `count`.
    pub index: u16,
    /// At least 1.
    pub count: u16,
}

/// What has been received.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Acknowledgement {
    /// Every segment before this one came.
    pub next: u64,
    /// How many segments from `next` on the receiver has room for.
    pub window: u32,
    /// Whether this answers a segment from beyond a gap.
    pub gap: bool,
    /// What came beyond the gap.
    pub ranges: Ranges,
}

/// Up to [`MAX_RANGES`] ranges, the most telling first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ranges {
    count: usize,
    list: [Range<u64>; MAX_RANGES],
}

impl Ranges {
    /// Adds a range, unless it is full.
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

/// Bytes that are not an intact segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SegmentError {
    /// Too short, or does not begin like one.
    #[error("not a segment")]
    Foreign,
    /// A version that is not spoken here.
    #[error("a segment of version {0}; only version {VERSION} is known")]
    Version(u8),
    /// Bits changed on the way.
    #[error("the segment was corrupted on the way")]
    Corrupted,
    /// Intact, and yet not allowed.
    #[error("not a segment that anyone may send: {0}")]
    Malformed(&'static str),
}

impl<'a> Segment<'a> {
    /// The segment's bytes.
    pub fn encode(&self) -> Vec<u8> {
        let ranges = self.acknowledgement.ranges.as_slice();
        let (kind, sequence, fragment, length) = match &self.body {
            Body::Hello(_) => (1, 0, None, HELLO_BYTES - HEADER_BYTES),
            Body::Challenge(_) => (2, 0, None, GREETING_BYTES),
            Body::Data { sequence, fragment, payload } => (3, *sequence, Some(fragment), payload.len()),
            Body::Fin { sequence } => (4, *sequence, None, 0),
            Body::Ack => (5, 0, None, 0),
            Body::Ping => (6, 0, None, 0),
            Body::Reset { sequence } => (7, *sequence, None, 0),
        };
        let mut bytes = Vec::with_capacity(HEADER_BYTES + ranges.len() * RANGE_BYTES + length);
        let flags = if self.acknowledgement.gap { GAP } else { 0 } | ranges.len() as u8;
        bytes.extend_from_slice(&[MAGIC, VERSION, kind, flags, 0, 0, 0, 0]);
        bytes.extend_from_slice(&self.to.0.to_le_bytes());
        bytes.extend_from_slice(&sequence.to_le_bytes());
        bytes.extend_from_slice(&self.acknowledgement.next.to_le_bytes());
        bytes.extend_from_slice(&self.acknowledgement.window.to_le_bytes());
        let Fragment { index, count } = fragment.copied().unwrap_or(Fragment { index: 0, count: 0 });
        bytes.extend_from_slice(&index.to_le_bytes());
        bytes.extend_from_slice(&count.to_le_bytes());
        for range in ranges {
            let offset = range.start.saturating_sub(self.acknowledgement.next) as u32;
            bytes.extend_from_slice(&offset.to_le_bytes());
            bytes.extend_from_slice(&(range.end.saturating_sub(range.start) as u32).to_le_bytes());
        }
        match &self.body {
            Body::Hello(greeting) => {
                greeting.encode(&mut bytes);
                bytes.resize(HELLO_BYTES, 0);
            }
            Body::Challenge(greeting) => greeting.encode(&mut bytes),
            Body::Data { payload, .. } => bytes.extend_from_slice(payload),
            _ => {}
        }
        let check = check(&bytes);
        bytes[4..8].copy_from_slice(&check.to_le_bytes());
        bytes
    }

    /// Reads a datagram.
    ///
    /// # Errors
    ///
    /// [`SegmentError`] where these are not the bytes that [`Segment::encode`] makes.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, SegmentError> {
        let header = bytes.first_chunk::<HEADER_BYTES>().ok_or(SegmentError::Foreign)?;
        if header[0] != MAGIC {
            return Err(SegmentError::Foreign);
        }
        if field::<4>(header, 4) != check(bytes).to_le_bytes() {
            return Err(SegmentError::Corrupted);
        }
        if header[1] != VERSION {
            return Err(SegmentError::Version(header[1]));
        }
        let count = usize::from(header[3] & !GAP);
        let (ranges, body) = split_ranges(&bytes[HEADER_BYTES..], count)?;
        let next = u64::from_le_bytes(field(header, 24));
        let acknowledgement = Acknowledgement {
            next,
            window: u32::from_le_bytes(field(header, 32)),
            gap: header[3] & GAP != 0,
            ranges: parse_ranges(next, ranges)?,
        };
        let to = ConnectionId(u64::from_le_bytes(field(header, 8)));
        let body = parse_body(header, body)?;
        if matches!(body, Body::Hello(_) | Body::Challenge(_)) && (next, header[3]) != (0, 0) {
            return Err(SegmentError::Malformed("a greeting that acknowledges"));
        }
        Ok(Self { to, acknowledgement, body })
    }
}

impl Greeting {
    fn encode(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&self.from.0.to_le_bytes());
        bytes.extend_from_slice(&self.cookie.0);
        bytes.extend_from_slice(&self.largest.to_le_bytes());
        bytes.push(self.mode as u8);
    }

    fn parse(body: &[u8]) -> Result<Self, SegmentError> {
        let (fixed, padding) = body
            .split_first_chunk::<GREETING_BYTES>()
            .ok_or(SegmentError::Malformed("a greeting cut short"))?;
        if padding.iter().any(|byte| *byte != 0) {
            return Err(SegmentError::Malformed("padding that is not zero"));
        }
        let mode = Mode::ALL.get(usize::from(fixed[26])).ok_or(SegmentError::Malformed("an unknown mode"))?;
        Ok(Self {
            from: ConnectionId(u64::from_le_bytes(field(fixed, 0))),
            cookie: Cookie(field(fixed, 8)),
            largest: u16::from_le_bytes(field(fixed, 24)),
            mode: *mode,
        })
    }
}

fn split_ranges(rest: &[u8], count: usize) -> Result<(&[u8], &[u8]), SegmentError> {
    if count > MAX_RANGES {
        return Err(SegmentError::Malformed("too many ranges"));
    }
    rest.split_at_checked(count * RANGE_BYTES).ok_or(SegmentError::Malformed("ranges cut short"))
}

/// A range lies beyond the segment that is missing at `next`, and holds at least one.
fn parse_ranges(next: u64, bytes: &[u8]) -> Result<Ranges, SegmentError> {
    let mut ranges = Ranges::default();
    for range in bytes.as_chunks::<RANGE_BYTES>().0 {
        let offset = u64::from(u32::from_le_bytes(field(range, 0)));
        let length = u64::from(u32::from_le_bytes(field(range, 4)));
        let end = next.checked_add(offset + length);
        let (Some(end), 1.., 1..) = (end, offset, length) else {
            return Err(SegmentError::Malformed("a range that holds nothing"));
        };
        ranges.push(end - length..end);
    }
    Ok(ranges)
}

fn parse_body<'a>(header: &[u8; HEADER_BYTES], body: &'a [u8]) -> Result<Body<'a>, SegmentError> {
    let sequence = u64::from_le_bytes(field(header, 16));
    let fragment = Fragment {
        index: u16::from_le_bytes(field(header, 36)),
        count: u16::from_le_bytes(field(header, 38)),
    };
    let kind = header[2];
    if kind == 3 {
        return if fragment.index < fragment.count && sequence >= u64::from(fragment.index) {
            Ok(Body::Data { sequence, fragment, payload: body })
        } else {
            Err(SegmentError::Malformed("a fragment outside its message"))
        };
    }
    if fragment != (Fragment { index: 0, count: 0 }) {
        return Err(SegmentError::Malformed("a fragment of nothing"));
    }
    match (kind, sequence, body.len() + HEADER_BYTES) {
        (1, 0, HELLO_BYTES) => Greeting::parse(body).map(Body::Hello),
        (2, 0, length) if length == HEADER_BYTES + GREETING_BYTES => {
            Greeting::parse(body).map(Body::Challenge)
        }
        (4, _, HEADER_BYTES) => Ok(Body::Fin { sequence }),
        (5, 0, HEADER_BYTES) => Ok(Body::Ack),
        (6, 0, HEADER_BYTES) => Ok(Body::Ping),
        (7, _, HEADER_BYTES) => Ok(Body::Reset { sequence }),
        (1..=7, ..) => Err(SegmentError::Malformed("a length or a sequence that its kind does not have")),
        _ => Err(SegmentError::Malformed("an unknown kind")),
    }
}

/// These bytes with the magic, the version and the check of a segment: what a fuzzer needs to come past these.
#[doc(hidden)]
pub fn with_check(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    if bytes.len() >= HEADER_BYTES {
        bytes[..2].copy_from_slice(&[MAGIC, VERSION]);
        let check = check(&bytes);
        bytes[4..8].copy_from_slice(&check.to_le_bytes());
    }
    bytes
}

fn check(bytes: &[u8]) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    crc.update(&bytes[..4]);
    crc.update(&bytes[8..]);
    crc.finalize()
}

fn field<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    std::array::from_fn(|i| bytes[at + i])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn greetings() -> impl Strategy<Value = Greeting> {
        (any::<u64>(), any::<[u8; 16]>(), any::<u16>(), 0..4usize).prop_map(
            |(from, cookie, largest, mode)| Greeting {
                from: ConnectionId(from),
                cookie: Cookie(cookie),
                largest,
                mode: Mode::ALL[mode],
            },
        )
    }

    fn bodies(payload: &[u8]) -> impl Strategy<Value = Body<'_>> {
        prop_oneof![
            greetings().prop_map(Body::Hello),
            greetings().prop_map(Body::Challenge),
            (any::<u32>(), any::<u16>(), 1..u16::MAX).prop_map(move |(first, index, count)| Body::Data {
                sequence: u64::from(first) + u64::from(index % count),
                fragment: Fragment { index: index % count, count },
                payload,
            }),
            any::<u64>().prop_map(|sequence| Body::Fin { sequence }),
            Just(Body::Ack),
            Just(Body::Ping),
            any::<u64>().prop_map(|sequence| Body::Reset { sequence }),
        ]
    }

    const PAYLOAD: &[u8] = b"a payload";

    prop_compose! {
        fn segments()(
            to: u64, next: u32, window: u32, gap: bool,
            pieces in prop::collection::vec((1..1000u64, 1..1000u64), 0..MAX_RANGES),
            body in bodies(PAYLOAD),
        ) -> Segment<'static> {
            let greets = matches!(body, Body::Hello(_) | Body::Challenge(_));
            let next = if greets { 0 } else { u64::from(next) };
            let mut ranges = Ranges::default();
            for (offset, length) in pieces.iter().filter(|_| !greets) {
                ranges.push(next + offset..next + offset + length);
            }
            let acknowledgement = Acknowledgement { next, window, gap: gap && !greets, ranges };
            Segment { to: ConnectionId(to), acknowledgement, body }
        }
    }

    proptest! {
        #[test]
        fn a_segment_reads_as_it_was_written(segment in segments()) {
            let bytes = segment.encode();
            prop_assert_eq!(Segment::parse(&bytes), Ok(segment));
        }

        #[test]
        fn one_flipped_bit_is_always_seen(segment in segments(), bit: usize) {
            let mut bytes = segment.encode();
            let bit = bit % (bytes.len() * 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(Segment::parse(&bytes).is_err());
        }

        #[test]
        fn what_parses_is_written_as_it_was_read(mut bytes in prop::collection::vec(any::<u8>(), 40..600)) {
            bytes[2] %= 9;
            bytes[3] &= GAP | 3;
            bytes = with_check(&bytes);
            if let Ok(segment) = Segment::parse(&bytes) {
                prop_assert_eq!(segment.encode(), bytes);
            }
        }

        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>) {
            let _ = Segment::parse(&bytes);
        }
    }

    #[test]
    fn a_hello_is_larger_than_its_answer() {
        let greeting = Greeting {
            from: ConnectionId(1),
            cookie: Cookie::default(),
            largest: 1200,
            mode: Mode::Selective,
        };
        let segment =
            |body| Segment { to: ConnectionId(0), acknowledgement: Acknowledgement::default(), body };
        assert_eq!(segment(Body::Hello(greeting)).encode().len(), HELLO_BYTES);
        assert!(segment(Body::Challenge(greeting)).encode().len() < HELLO_BYTES / 3);
    }
}
