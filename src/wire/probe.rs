//! The probe: an experiment's message. It identifies itself and reveals corruption.
//!
//! ```text
//!  0       4       8      12      16              24              32         (104)    length
//!  +-------+-------+-------+-------+---------------+---------------+-----------+---------+
//!  | magic | check | flow  |length |      seq      |      due      |(extension)| padding |
//!  +-------+-------+-------+-------+---------------+---------------+-----------+---------+
//! ```
//!
//! All fields are little-endian. `length` is the message's length if an [extension](super::extension) follows, so that
//! a server can find message boundaries in a byte stream. It is also stated, with the highest bit set, by a message
//! that is shorter than the others of its stream. Otherwise it is 0. `check` covers the header. Both ends know
//! the padding and compare it, so no checksum over the message is needed.

use std::{
    ops::{Deref, Range},
    sync::LazyLock,
};

use bytes::Bytes;
use rand::Rng;

use super::{
    MessageId,
    checksum::checksum,
    extension::{EXTENSION_BYTES, Extension},
};
use crate::unit::{Time, random};

/// Length of a header without extension, and of the shortest probe.
pub const HEADER_BYTES: usize = 32;
/// Length of a header with extension, and of the shortest probe that can request a report.
pub const EXTENDED_HEADER_BYTES: usize = HEADER_BYTES + EXTENSION_BYTES;

/// The first bytes of every probe.
pub const MAGIC: [u8; 4] = *b"WLP1";
/// Fixed, because both ends must generate the same padding.
const PADDING_SEED: u64 = 0x0057_4c50_3146_494c;
const PADDING_BYTES: usize = 64 * 1024;
/// Marks the length of a message without extension.
const SHORT: u32 = 1 << 31;

static PADDING: LazyLock<Bytes> = LazyLock::new(|| {
    let mut padding = vec![0; PADDING_BYTES];
    random::generator(PADDING_SEED, 0).fill_bytes(&mut padding);
    padding.into()
});

/// The content of a probe's header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Probe {
    /// Which message it is.
    pub id: MessageId,
    /// When its request was scheduled to be sent, by the client's clock.
    pub due: Time,
    /// A request for a report, or the server's report.
    pub extension: Option<Extension>,
    /// Whether the message is shorter than the others of its stream, so that its header states its length. Only a
    /// message without extension can be.
    pub is_short: bool,
}

/// Why bytes were not accepted as a probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProbeError {
    /// Shorter than a header, or without the magic bytes.
    #[error("not a probe")]
    Foreign,
    /// The checksum or the padding does not match.
    #[error("the probe is corrupted")]
    Corrupted,
}

/// An encoded header, with its extension if there is one.
#[derive(Debug, Clone, Copy)]
pub struct Header {
    bytes: [u8; EXTENDED_HEADER_BYTES],
    len: usize,
}

impl Deref for Header {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

impl Probe {
    /// A probe without extension.
    pub const fn new(id: MessageId, due: Time) -> Self {
        Self { id, due, extension: None, is_short: false }
    }

    /// Encodes the header of a message of `length` bytes.
    pub fn header(&self, length: usize) -> Header {
        let mut bytes = [0; EXTENDED_HEADER_BYTES];
        let (header, extension_bytes) = bytes.split_at_mut(HEADER_BYTES);
        header[..4].copy_from_slice(&MAGIC);
        header[8..12].copy_from_slice(&self.id.flow.to_le_bytes());
        let length = u32::try_from(length).unwrap_or(u32::MAX);
        let stated = match self.extension {
            Some(_) => length,
            None if self.is_short => length | SHORT,
            None => 0,
        };
        header[12..16].copy_from_slice(&stated.to_le_bytes());
        header[16..24].copy_from_slice(&self.id.seq.to_le_bytes());
        header[24..32].copy_from_slice(&self.due.as_nanos().to_le_bytes());
        let check = header.first_chunk().map_or(0, check);
        header[4..8].copy_from_slice(&check.to_le_bytes());
        let Some(extension) = &self.extension else {
            return Header { bytes, len: HEADER_BYTES };
        };
        extension_bytes.copy_from_slice(&extension.encode(check));
        Header { bytes, len: EXTENDED_HEADER_BYTES }
    }

    /// The message of `length` bytes, which must be at least as long as the header.
    pub fn message(&self, length: usize) -> Vec<u8> {
        let header = self.header(length);
        let mut message = Vec::with_capacity(length);
        message.extend_from_slice(&header);
        parts(header.len()..length).for_each(|part| message.extend_from_slice(&PADDING[part]));
        message
    }

    /// Parses the header of a message. Returns [`ProbeError`] if the header is not a probe's or is corrupted.
    pub fn parse(message: &[u8]) -> Result<Self, ProbeError> {
        let header = message.first_chunk::<HEADER_BYTES>().ok_or(ProbeError::Foreign)?;
        let check = check(header);
        if word::<4>(header, 4) != check.to_le_bytes() {
            return Err(if header[..4] == MAGIC { ProbeError::Corrupted } else { ProbeError::Foreign });
        }
        let stated = u32::from_le_bytes(word(header, 12));
        let is_short = stated & SHORT != 0;
        let extension = match stated {
            0 => None,
            _ if is_short => None,
            _ => Some(decode_extension(message, check).ok_or(ProbeError::Corrupted)?),
        };
        Ok(Self {
            id: MessageId {
                flow: u32::from_le_bytes(word(header, 8)),
                seq: u64::from_le_bytes(word(header, 16)),
            },
            due: Time::from_nanos(u64::from_le_bytes(word(header, 24))),
            extension,
            is_short,
        })
    }

    /// Parses the header and verifies the padding.
    ///
    /// Returns [`ProbeError`] if the message is not a probe or any bit of it changed.
    pub fn parse_whole(message: &[u8]) -> Result<Self, ProbeError> {
        let probe = Self::parse(message)?;
        let mut at = if probe.extension.is_some() { EXTENDED_HEADER_BYTES } else { HEADER_BYTES };
        let intact = parts(at..message.len()).all(|part| {
            let body = &message[at..at + part.len()];
            at += part.len();
            *body == PADDING[part]
        });
        if intact { Ok(probe) } else { Err(ProbeError::Corrupted) }
    }
}

/// The message length that an intact `header` with an extension states; `None` for other headers.
pub fn message_length(header: &[u8; HEADER_BYTES]) -> Option<usize> {
    let length = u32::from_le_bytes(word(header, 12));
    (length & SHORT == 0 && length as usize >= EXTENDED_HEADER_BYTES && is_intact(header))
        .then_some(length as usize)
}

/// The length that the intact `header` of a short message states; `None` for other headers.
pub(crate) fn short_length(header: &[u8; HEADER_BYTES]) -> Option<usize> {
    let stated = u32::from_le_bytes(word(header, 12));
    let length = (stated & !SHORT) as usize;
    (stated & SHORT != 0 && length >= HEADER_BYTES && is_intact(header)).then_some(length)
}

fn is_intact(header: &[u8; HEADER_BYTES]) -> bool {
    header[..4] == MAGIC && word::<4>(header, 4) == check(header).to_le_bytes()
}

/// The padding at `range` of a message, as slices of one shared buffer.
pub fn padding(range: Range<usize>) -> impl Iterator<Item = Bytes> {
    parts(range).map(|part| PADDING.slice(part))
}

/// Ranges of the shared padding buffer, which repeats, that make up `range` of a message.
fn parts(range: Range<usize>) -> impl Iterator<Item = Range<usize>> {
    let (mut at, end) = (range.start.saturating_sub(HEADER_BYTES), range.end.saturating_sub(HEADER_BYTES));
    std::iter::from_fn(move || {
        let start = at % PADDING_BYTES;
        let len = (PADDING_BYTES - start).min(end.saturating_sub(at));
        at += len;
        (len > 0).then_some(start..start + len)
    })
}

fn decode_extension(message: &[u8], check: u32) -> Option<Extension> {
    Extension::decode(message.get(HEADER_BYTES..)?.first_chunk::<EXTENSION_BYTES>()?, check)
}

/// The checksum of a header without its `check` field.
fn check(header: &[u8; HEADER_BYTES]) -> u32 {
    checksum([
        u64::from(u32::from_le_bytes(word(header, 0))),
        u64::from_le_bytes(word(header, 8)),
        u64::from_le_bytes(word(header, 16)),
        u64::from_le_bytes(word(header, 24)),
    ])
}

fn word<const N: usize>(header: &[u8; HEADER_BYTES], at: usize) -> [u8; N] {
    std::array::from_fn(|i| header[at + i])
}
