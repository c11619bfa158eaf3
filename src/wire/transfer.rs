//! The messages of a transfer. They may arrive in any order, on any transport.
//!
//! ```text
//!  0       4       8      9         10  12         16              24
//!  +-------+-------+------+---------+---+----------+---------------+---------
//!  | magic | check | kind | version | 0 | body len |    number     | body …
//!  +-------+-------+------+---------+---+----------+---------------+---------
//! ```
//!
//! All fields are little-endian. `check` is the CRC-32 of everything after it. A byte stream carries a sequence of
//! messages; a datagram, or a stream per message, carries one.

use std::ops::Range;

use bytes::Bytes;
use crc32fast::Hasher;

/// The first bytes of every message. They are not valid UTF-8, so no text starts with them.
pub const MAGIC: [u8; 4] = *b"\xf7wlt";
/// The version of these messages. In version 0 the digest in an end was the SHA-256 of the content.
pub const VERSION: u8 = 1;
/// Length of the header, which precedes the body.
pub const TRANSFER_HEADER_BYTES: usize = 24;
/// Maximum length of the content in one message.
pub(crate) const PIECE_BYTES: usize = 64 << 10;
/// Length of a SHA-256 digest.
pub const DIGEST_BYTES: usize = 32;
/// Maximum number of gaps that a receipt lists. It counts all of them.
pub const RECEIPT_RANGES: usize = 64;

/// A fetch and an end are padded to the length of the longest receipt, so that no answer amplifies its request.
const PADDED_BODY: usize = 16 + 16 * RECEIPT_RANGES;

/// A SHA-256 digest.
pub type Digest = [u8; DIGEST_BYTES];

/// A piece of the content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// The offset of its first byte.
    pub offset: u64,
    /// The content.
    pub bytes: Bytes,
    /// The check in its message.
    check: u32,
}

impl Piece {
    /// A piece with `bytes` at `offset`. Computes the check.
    pub fn new(offset: u64, bytes: Bytes) -> Self {
        let check = seal(PIECE, offset, &bytes).1;
        Self { offset, bytes, check }
    }

    /// Like [`Self::new`], for content whose own CRC-32 is known because it is sent repeatedly.
    pub(crate) fn repeated(offset: u64, bytes: Bytes, own: &Hasher) -> Self {
        let check = sealed(PIECE, offset, bytes.len(), |check| check.combine(own)).1;
        Self { offset, bytes, check }
    }

    /// The CRC-32 in its message. It covers the rest of the header, so also the offset, and the content.
    pub fn check(&self) -> u32 {
        self.check
    }

    /// The header of its message. The content follows it.
    pub(crate) fn header(&self) -> [u8; TRANSFER_HEADER_BYTES] {
        header(PIECE, self.offset, self.bytes.len(), self.check)
    }
}

/// The header of a message.
fn header(kind: u8, number: u64, body_bytes: usize, check: u32) -> [u8; TRANSFER_HEADER_BYTES] {
    let mut header = [0; TRANSFER_HEADER_BYTES];
    header[..4].copy_from_slice(&MAGIC);
    header[4..8].copy_from_slice(&check.to_le_bytes());
    header[8] = kind;
    header[9] = VERSION;
    header[12..16].copy_from_slice(&(body_bytes as u32).to_le_bytes());
    header[16..24].copy_from_slice(&number.to_le_bytes());
    header
}

/// The header of a message with this body, and its check.
fn seal(kind: u8, number: u64, body: &[u8]) -> ([u8; TRANSFER_HEADER_BYTES], u32) {
    sealed(kind, number, body.len(), |check| check.update(body))
}

/// Like [`seal`]; `add_body` adds the body to the check.
fn sealed(
    kind: u8,
    number: u64,
    body_bytes: usize,
    add_body: impl FnOnce(&mut Hasher),
) -> ([u8; TRANSFER_HEADER_BYTES], u32) {
    let mut check = Hasher::new();
    check.update(&header(kind, number, body_bytes, 0)[8..]);
    add_body(&mut check);
    let check = check.finalize();
    (header(kind, number, body_bytes, check), check)
}

/// A message of a transfer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TransferMessage {
    /// The client requests generated content.
    Fetch(Fetch),
    /// A piece of the content.
    Piece(Piece),
    /// All pieces have been sent.
    End {
        /// Length of the content.
        length: u64,
        /// SHA-256 of the [checks](Piece::check) of all pieces in order, each as little-endian bytes.
        digest: Digest,
    },
    /// The receiver reports its progress.
    Receipt(Receipt),
}

/// A request for generated content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fetch {
    /// Length of the content.
    pub length: u64,
    /// The seed from which it is generated.
    pub seed: u64,
    /// Number of streams to use; 0 means one stream per piece.
    pub lanes: u32,
    /// Whether to send pieces in QUIC datagrams.
    pub datagrams: bool,
}

/// What a receiver has received.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Receipt {
    /// Whether the content is complete and its digest matches.
    pub intact: bool,
    /// Bytes received.
    pub arrived: u64,
    /// Number of gaps.
    pub gaps: u32,
    /// The first gaps, at most [`RECEIPT_RANGES`].
    pub missing: Vec<Range<u64>>,
}

/// The bytes are not an intact transfer message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a transfer message, or a corrupted one")]
pub struct InvalidTransferMessage;

const FETCH: u8 = 1;
const PIECE: u8 = 2;
const END: u8 = 3;
const RECEIPT: u8 = 4;

impl TransferMessage {
    /// Encodes the message.
    pub fn encode(&self) -> Bytes {
        let (kind, number, body_bytes) = match self {
            Self::Fetch(fetch) => (FETCH, fetch.length, PADDED_BODY),
            Self::Piece(piece) => (PIECE, piece.offset, piece.bytes.len()),
            Self::End { length, .. } => (END, *length, PADDED_BODY),
            Self::Receipt(receipt) => (RECEIPT, receipt.arrived, 16 + 16 * receipt.missing.len()),
        };
        let mut message = Vec::with_capacity(TRANSFER_HEADER_BYTES + body_bytes);
        message.resize(TRANSFER_HEADER_BYTES, 0);
        self.body(&mut message);
        message.resize(TRANSFER_HEADER_BYTES + body_bytes, 0);
        let header = seal(kind, number, &message[TRANSFER_HEADER_BYTES..]).0;
        message[..TRANSFER_HEADER_BYTES].copy_from_slice(&header);
        message.into()
    }

    fn body(&self, message: &mut Vec<u8>) {
        match self {
            Self::Fetch(fetch) => {
                message.extend_from_slice(&fetch.seed.to_le_bytes());
                message.extend_from_slice(&fetch.lanes.to_le_bytes());
                message.extend_from_slice(&u32::from(fetch.datagrams).to_le_bytes());
            }
            Self::Piece(piece) => message.extend_from_slice(&piece.bytes),
            Self::End { digest, .. } => message.extend_from_slice(digest),
            Self::Receipt(receipt) => {
                message.extend_from_slice(&u64::from(receipt.intact).to_le_bytes());
                message.extend_from_slice(&u64::from(receipt.gaps).to_le_bytes());
                for gap in &receipt.missing {
                    message.extend_from_slice(&gap.start.to_le_bytes());
                    message.extend_from_slice(&gap.end.to_le_bytes());
                }
            }
        }
    }

    /// Parses `bytes`, which must be exactly one message. Returns an error if `bytes` is not a message or is corrupted.
    pub fn parse(bytes: &Bytes) -> Result<Self, InvalidTransferMessage> {
        let header = bytes.first_chunk().ok_or(InvalidTransferMessage)?;
        let check = u32_at(header, 4);
        let intact = || check == crc32fast::hash(&bytes[8..]);
        if body_length(header) != Some(bytes.len() - TRANSFER_HEADER_BYTES) || !intact() {
            return Err(InvalidTransferMessage);
        }
        let number = u64_at(header, 16);
        let body = bytes.slice(TRANSFER_HEADER_BYTES..);
        match header[8] {
            FETCH if body.len() == PADDED_BODY => Ok(Self::Fetch(Fetch {
                length: number,
                seed: u64_at(&body, 0),
                lanes: u32_at(&body, 8),
                datagrams: u32_at(&body, 12) != 0,
            })),
            PIECE if !body.is_empty() => Ok(Self::Piece(Piece { offset: number, bytes: body, check })),
            END if body.len() == PADDED_BODY => {
                let digest = *body.first_chunk().ok_or(InvalidTransferMessage)?;
                Ok(Self::End { length: number, digest })
            }
            RECEIPT if body.len() >= 16 && body.len() <= PADDED_BODY && body.len().is_multiple_of(16) => {
                Ok(Self::Receipt(Receipt {
                    intact: u64_at(&body, 0) == 1,
                    arrived: number,
                    gaps: u32_at(&body, 8),
                    missing: body[16..].chunks_exact(16).map(|gap| u64_at(gap, 0)..u64_at(gap, 8)).collect(),
                }))
            }
            _ => Err(InvalidTransferMessage),
        }
    }
}

/// Whether a message with this header asks for content.
pub(crate) fn is_fetch(header: &[u8; TRANSFER_HEADER_BYTES]) -> bool {
    header[8] == FETCH
}

/// The content in the first `bytes` of a sequence of messages, each with `message_bytes` of header and piece.
pub(crate) fn content_of(bytes: u64, message_bytes: usize) -> u64 {
    let (header, message) = (TRANSFER_HEADER_BYTES as u64, message_bytes.max(TRANSFER_HEADER_BYTES) as u64);
    bytes / message * (message - header) + (bytes % message).saturating_sub(header)
}

/// The body length that a header states; `None` if it is not a valid header of this [`VERSION`].
pub(crate) fn body_length(header: &[u8; TRANSFER_HEADER_BYTES]) -> Option<usize> {
    let length = u32_at(header, 12) as usize;
    let known = matches!(header[8], FETCH..=RECEIPT) && version(header) == Some(VERSION);
    (known && length <= PIECE_BYTES).then_some(length)
}

/// The version of the message with this header; `None` if it is not a message of a transfer.
pub fn version(header: &[u8; TRANSFER_HEADER_BYTES]) -> Option<u8> {
    (header[..4] == MAGIC && header[10..12] == [0; 2]).then_some(header[9])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(std::array::from_fn(|i| bytes[at + i]))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(std::array::from_fn(|i| bytes[at + i]))
}
