//! Encoding and parsing of segments.

use super::{
    Acknowledgement, Body, ConnectionId, Cookie, Fragment, Greeting, HEADER_BYTES, HELLO_BYTES, MAX_RANGES,
    Mode, RANGE_BYTES, Ranges, Segment, SegmentError,
};

const MAGIC: u8 = 0xa9;
const VERSION: u8 = 1;
const GREETING_BYTES: usize = 27;
/// The bit of the flags byte for [`Acknowledgement::gap`]; the others count the ranges.
const GAP: u8 = 0x80;

const HELLO: u8 = 1;
const CHALLENGE: u8 = 2;
const DATA: u8 = 3;
const FIN: u8 = 4;
const ACK: u8 = 5;
const PING: u8 = 6;
const RESET: u8 = 7;

impl<'a> Segment<'a> {
    /// Encodes the segment.
    pub fn encode(&self) -> Vec<u8> {
        let ranges = self.acknowledgement.ranges.as_slice();
        let (kind, sequence, fragment, length) = match &self.body {
            Body::Hello(_) => (HELLO, 0, None, HELLO_BYTES - HEADER_BYTES),
            Body::Challenge(_) => (CHALLENGE, 0, None, GREETING_BYTES),
            Body::Data { sequence, fragment, payload } => (DATA, *sequence, Some(fragment), payload.len()),
            Body::Fin { sequence } => (FIN, *sequence, None, 0),
            Body::Ack => (ACK, 0, None, 0),
            Body::Ping => (PING, 0, None, 0),
            Body::Reset { sequence } => (RESET, *sequence, None, 0),
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

    /// Parses a datagram. Returns [`SegmentError`] if the datagram is not one that [`Segment::encode`] creates.
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
            return Err(SegmentError::Malformed("acknowledgement in a greeting"));
        }
        Ok(Self { to, acknowledgement, body })
    }
}

impl Greeting {
    fn encode(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&self.from.0.to_le_bytes());
        bytes.extend_from_slice(&self.cookie.0);
        bytes.extend_from_slice(&self.max_datagram.to_le_bytes());
        bytes.push(self.mode as u8);
    }

    fn parse(body: &[u8]) -> Result<Self, SegmentError> {
        let (fixed, padding) = body
            .split_first_chunk::<GREETING_BYTES>()
            .ok_or(SegmentError::Malformed("truncated greeting"))?;
        if padding.iter().any(|byte| *byte != 0) {
            return Err(SegmentError::Malformed("nonzero padding"));
        }
        let mode = Mode::ALL.get(usize::from(fixed[26])).ok_or(SegmentError::Malformed("unknown mode"))?;
        Ok(Self {
            from: ConnectionId(u64::from_le_bytes(field(fixed, 0))),
            cookie: Cookie(field(fixed, 8)),
            max_datagram: u16::from_le_bytes(field(fixed, 24)),
            mode: *mode,
        })
    }
}

fn split_ranges(rest: &[u8], count: usize) -> Result<(&[u8], &[u8]), SegmentError> {
    if count > MAX_RANGES {
        return Err(SegmentError::Malformed("too many ranges"));
    }
    rest.split_at_checked(count * RANGE_BYTES).ok_or(SegmentError::Malformed("truncated ranges"))
}

/// Parses ranges. Segment `next` is missing, so each range starts after it; a range holds at least one segment.
fn parse_ranges(next: u64, bytes: &[u8]) -> Result<Ranges, SegmentError> {
    let mut ranges = Ranges::default();
    for range in bytes.as_chunks::<RANGE_BYTES>().0 {
        let offset = u64::from(u32::from_le_bytes(field(range, 0)));
        let length = u64::from(u32::from_le_bytes(field(range, 4)));
        let end = next.checked_add(offset + length);
        let (Some(end), 1.., 1..) = (end, offset, length) else {
            return Err(SegmentError::Malformed("empty or adjacent range"));
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
    if kind == DATA {
        return if fragment.index < fragment.count && sequence >= u64::from(fragment.index) {
            Ok(Body::Data { sequence, fragment, payload: body })
        } else {
            Err(SegmentError::Malformed("fragment index out of range"))
        };
    }
    if fragment != (Fragment { index: 0, count: 0 }) {
        return Err(SegmentError::Malformed("unexpected fragment"));
    }
    match (kind, sequence, body.len() + HEADER_BYTES) {
        (HELLO, 0, HELLO_BYTES) => Greeting::parse(body).map(Body::Hello),
        (CHALLENGE, 0, length) if length == HEADER_BYTES + GREETING_BYTES => {
            Greeting::parse(body).map(Body::Challenge)
        }
        (FIN, _, HEADER_BYTES) => Ok(Body::Fin { sequence }),
        (ACK, 0, HEADER_BYTES) => Ok(Body::Ack),
        (PING, 0, HEADER_BYTES) => Ok(Body::Ping),
        (RESET, _, HEADER_BYTES) => Ok(Body::Reset { sequence }),
        (HELLO..=RESET, ..) => Err(SegmentError::Malformed("invalid length or sequence number")),
        _ => Err(SegmentError::Malformed("unknown kind")),
    }
}

/// Overwrites magic, version and checksum with valid values, so that a fuzzer gets past them.
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
