//! What the two ends of a transfer say to each other: messages that may arrive in any order, on any transport.
//!
//! ```text
//!  0       4       8      9     12         16              24
//!  +-------+-------+------+-----+----------+---------------+---------
//!  | magic | check | kind |  0  | body len |    number     | body …
//!  +-------+-------+------+-----+----------+---------------+---------
//! ```
//!
//! All fields are little-endian. `check` is a CRC-32 of all that follows it. A byte stream carries one message behind
//! the other, a datagram or a stream of its own carries one.

use std::ops::Range;

use bytes::Bytes;

/// How a message begins: as no text does.
pub const MAGIC: [u8; 4] = *b"\xf7wlt";
/// Bytes before the body.
pub const TRANSFER_HEADER_BYTES: usize = 24;
/// The most content that one message carries.
pub const PIECE_BYTES: usize = 64 << 10;
/// Bytes of a digest: SHA-256.
pub const DIGEST_BYTES: usize = 32;
/// Ranges that a receipt names. What more there are it counts.
pub const RECEIPT_RANGES: usize = 64;

/// A request and an end are as long as the longest receipt, so that no answer is longer than what it answers.
const PADDED_BODY: usize = 16 + 16 * RECEIPT_RANGES;

/// A SHA-256.
pub type Digest = [u8; DIGEST_BYTES];

/// A message of a transfer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TransferMessage {
    /// The client asks for content.
    Fetch(Fetch),
    /// Content from `offset` on.
    Piece {
        /// Its place.
        offset: u64,
        /// The content.
        bytes: Bytes,
    },
    /// That was all.
    End {
        /// Bytes of the whole.
        length: u64,
        /// Of all pieces.
        digest: Digest,
    },
    /// What has arrived.
    Receipt(Receipt),
}

/// Asks for generated content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fetch {
    /// How much.
    pub length: u64,
    /// What it is generated from.
    pub seed: u64,
    /// Streams to spread it over; 0: a stream for each piece.
    pub lanes: u32,
    /// In datagrams of the connection.
    pub datagrams: bool,
}

/// What a receiver has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Receipt {
    /// All is there, and is what was sent.
    pub intact: bool,
    /// Bytes that have arrived.
    pub arrived: u64,
    /// Gaps, of which the first are named.
    pub gaps: u32,
    /// The first gaps.
    pub missing: Vec<Range<u64>>,
}

/// Not an intact message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("what came is no message of a transfer")]
pub struct NoTransferMessage;

const FETCH: u8 = 1;
const PIECE: u8 = 2;
const END: u8 = 3;
const RECEIPT: u8 = 4;

impl TransferMessage {
    /// Its bytes.
    pub fn encode(&self) -> Bytes {
        let (kind, number, body_bytes) = match self {
            Self::Fetch(fetch) => (FETCH, fetch.length, PADDED_BODY),
            Self::Piece { offset, bytes } => (PIECE, *offset, bytes.len()),
            Self::End { length, .. } => (END, *length, PADDED_BODY),
            Self::Receipt(receipt) => (RECEIPT, receipt.arrived, 16 + 16 * receipt.missing.len()),
        };
        let mut message = Vec::with_capacity(TRANSFER_HEADER_BYTES + body_bytes);
        message.extend_from_slice(&MAGIC);
        message.extend_from_slice(&[0; 4]);
        message.extend_from_slice(&[kind, 0, 0, 0]);
        message.extend_from_slice(&(body_bytes as u32).to_le_bytes());
        message.extend_from_slice(&number.to_le_bytes());
        self.body(&mut message);
        message.resize(TRANSFER_HEADER_BYTES + body_bytes, 0);
        let check = crc32fast::hash(&message[8..]);
        message[4..8].copy_from_slice(&check.to_le_bytes());
        message.into()
    }

    fn body(&self, message: &mut Vec<u8>) {
        match self {
            Self::Fetch(fetch) => {
                message.extend_from_slice(&fetch.seed.to_le_bytes());
                message.extend_from_slice(&fetch.lanes.to_le_bytes());
                message.extend_from_slice(&u32::from(fetch.datagrams).to_le_bytes());
            }
            Self::Piece { bytes, .. } => message.extend_from_slice(bytes),
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

    /// Reads a message that is all of `bytes`.
    ///
    /// # Errors
    ///
    /// Where it is none, or has changed on its way.
    pub fn parse(bytes: &Bytes) -> Result<Self, NoTransferMessage> {
        let header = bytes.first_chunk().ok_or(NoTransferMessage)?;
        let intact = u32_at(header, 4) == crc32fast::hash(&bytes[8..]);
        if body_length(header) != Some(bytes.len() - TRANSFER_HEADER_BYTES) || !intact {
            return Err(NoTransferMessage);
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
            PIECE if !body.is_empty() => Ok(Self::Piece { offset: number, bytes: body }),
            END if body.len() == PADDED_BODY => {
                let digest = *body.first_chunk().ok_or(NoTransferMessage)?;
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
            _ => Err(NoTransferMessage),
        }
    }
}

/// How long the body behind this header claims to be; `None` where this is no header.
pub fn body_length(header: &[u8; TRANSFER_HEADER_BYTES]) -> Option<usize> {
    let length = u32_at(header, 12) as usize;
    let known = matches!(header[8], FETCH..=RECEIPT) && header[9..12] == [0; 3];
    (header[..4] == MAGIC && known && length <= PIECE_BYTES).then_some(length)
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(std::array::from_fn(|i| bytes[at + i]))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(std::array::from_fn(|i| bytes[at + i]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn messages() -> impl Strategy<Value = TransferMessage> {
        let bytes = prop::collection::vec(any::<u8>(), 1..2000).prop_map(Bytes::from);
        let gaps = prop::collection::vec(any::<(u64, u64)>(), 0..=RECEIPT_RANGES)
            .prop_map(|gaps| gaps.into_iter().map(|(start, end)| start..end).collect());
        prop_oneof![
            any::<(u64, u64, u32, bool)>().prop_map(|(length, seed, lanes, datagrams)| {
                TransferMessage::Fetch(Fetch { length, seed, lanes, datagrams })
            }),
            (any::<u64>(), bytes).prop_map(|(offset, bytes)| TransferMessage::Piece { offset, bytes }),
            any::<(u64, Digest)>().prop_map(|(length, digest)| TransferMessage::End { length, digest }),
            (any::<bool>(), any::<u64>(), any::<u32>(), gaps).prop_map(|(intact, arrived, gaps, missing)| {
                TransferMessage::Receipt(Receipt { intact, arrived, gaps, missing })
            }),
        ]
    }

    proptest! {
        #[test]
        fn a_message_reads_as_it_was_written(message in messages()) {
            prop_assert_eq!(TransferMessage::parse(&message.encode()), Ok(message));
        }

        #[test]
        fn one_flipped_bit_is_always_seen(message in messages(), place: prop::sample::Index, bit in 0..8) {
            let mut bytes = message.encode().to_vec();
            let place = place.index(bytes.len());
            bytes[place] ^= 1u8 << bit;
            prop_assert_eq!(TransferMessage::parse(&bytes.into()), Err(NoTransferMessage));
        }

        #[test]
        fn no_bytes_make_it_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..100), kind in 0u8..6) {
            let _ = TransferMessage::parse(&bytes.clone().into());
            if bytes.len() >= TRANSFER_HEADER_BYTES {
                let body = (bytes.len() - TRANSFER_HEADER_BYTES) as u32;
                bytes[..4].copy_from_slice(&MAGIC);
                bytes[8..12].copy_from_slice(&[kind, 0, 0, 0]);
                bytes[12..16].copy_from_slice(&body.to_le_bytes());
                let check = crc32fast::hash(&bytes[8..]).to_le_bytes();
                bytes[4..8].copy_from_slice(&check);
                let _ = TransferMessage::parse(&bytes.into());
            }
        }
    }

    #[test]
    fn no_answer_is_longer_than_what_it_answers() {
        let missing = vec![0..1; RECEIPT_RANGES];
        let receipt = Receipt { missing, ..Receipt::default() };
        let end = TransferMessage::End { length: 0, digest: [0; DIGEST_BYTES] };
        assert_eq!(TransferMessage::Receipt(receipt).encode().len(), end.encode().len());
    }
}
