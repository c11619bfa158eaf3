//! The probe: a message of an experiment, which says who it is and shows whether it was changed.
//!
//! ```text
//!  0       4       8      12      16              24              32          length
//!  +-------+-------+-------+-------+---------------+---------------+---------------+
//!  | magic | check | flow  |  (0)  |      seq      |      due      |    filling    |
//!  +-------+-------+-------+-------+---------------+---------------+---------------+
//! ```
//!
//! All fields are little-endian. `check` covers the header; the filling is known to both ends, so that
//! comparing it is all that has to be done to see a changed bit, and nothing is summed per byte.

use std::{ops::Range, sync::LazyLock};

use bytes::Bytes;
use rand::Rng;

use crate::{random, time::Time};

/// Bytes of a probe's header: the shortest message of an experiment.
pub const HEADER_BYTES: usize = 32;

const MAGIC: [u8; 4] = *b"WLP1";
/// Seeds nothing but the filling, which is the same for ever.
const FILLING_SEED: u64 = 0x0057_4c50_3146_494c;
const FILLING_BYTES: usize = 64 * 1024;

static FILLING: LazyLock<Bytes> = LazyLock::new(|| {
    let mut filling = vec![0; FILLING_BYTES];
    random::generator(FILLING_SEED, 0).fill_bytes(&mut filling);
    filling.into()
});

/// Which message of an experiment: the `seq`-th of its flow, counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId {
    /// The flow.
    pub flow: u32,
    /// Its place in the flow.
    pub seq: u64,
}

/// What a probe says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Probe {
    /// Which message it is.
    pub id: MessageId,
    /// When its request was scheduled to be sent, by the client's clock.
    pub due: Time,
}

/// Bytes that are not an intact probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProbeError {
    /// Too short for a header, or does not begin like one.
    #[error("not a probe")]
    Foreign,
    /// Bits changed on the way.
    #[error("the probe was corrupted on the way")]
    Corrupted,
}

impl Probe {
    /// The header's bytes.
    pub fn header(&self) -> [u8; HEADER_BYTES] {
        let mut header = [0; HEADER_BYTES];
        header[..4].copy_from_slice(&MAGIC);
        header[8..12].copy_from_slice(&self.id.flow.to_le_bytes());
        header[16..24].copy_from_slice(&self.id.seq.to_le_bytes());
        header[24..32].copy_from_slice(&self.due.as_nanos().to_le_bytes());
        let check = check(&header);
        header[4..8].copy_from_slice(&check.to_le_bytes());
        header
    }

    /// Writes a whole probe over `message`, which must hold a header at least.
    pub fn fill(&self, message: &mut [u8]) {
        let (header, mut body) = message.split_at_mut(HEADER_BYTES);
        header.copy_from_slice(&self.header());
        while !body.is_empty() {
            let (part, rest) = body.split_at_mut(body.len().min(FILLING_BYTES));
            part.copy_from_slice(&FILLING[..part.len()]);
            body = rest;
        }
    }

    /// Reads a header.
    ///
    /// # Errors
    ///
    /// [`ProbeError`] where these are not the bytes that [`Probe::header`] made.
    pub fn parse(message: &[u8]) -> Result<Self, ProbeError> {
        let header = message.first_chunk::<HEADER_BYTES>().ok_or(ProbeError::Foreign)?;
        if word::<4>(header, 4) != check(header).to_le_bytes() {
            return Err(if header[..4] == MAGIC { ProbeError::Corrupted } else { ProbeError::Foreign });
        }
        Ok(Self {
            id: MessageId {
                flow: u32::from_le_bytes(word(header, 8)),
                seq: u64::from_le_bytes(word(header, 16)),
            },
            due: Time::from_nanos(u64::from_le_bytes(word(header, 24))),
        })
    }

    /// Reads a header and compares the filling behind it.
    ///
    /// # Errors
    ///
    /// [`ProbeError::Corrupted`] where a single bit of the message differs.
    pub fn parse_whole(message: &[u8]) -> Result<Self, ProbeError> {
        let probe = Self::parse(message)?;
        let intact = message[HEADER_BYTES..].chunks(FILLING_BYTES).all(|part| *part == FILLING[..part.len()]);
        if intact { Ok(probe) } else { Err(ProbeError::Corrupted) }
    }
}

/// The filling of a message of `length` bytes, as slices of one shared buffer.
pub fn filling(length: usize) -> impl Iterator<Item = Bytes> {
    let body = length.saturating_sub(HEADER_BYTES);
    (0..body).step_by(FILLING_BYTES).map(move |start| {
        let part: Range<usize> = 0..(body - start).min(FILLING_BYTES);
        FILLING.slice(part)
    })
}

/// 32 bits over all of the header but the check itself: any changed bit changes it (splitmix64's mixer,
/// whose every step is a bijection of the word that it takes in).
fn check(header: &[u8; HEADER_BYTES]) -> u32 {
    let words = [
        u64::from(u32::from_le_bytes(word(header, 0))),
        u64::from_le_bytes(word(header, 8)),
        u64::from_le_bytes(word(header, 16)),
        u64::from_le_bytes(word(header, 24)),
    ];
    let mixed = words.into_iter().fold(0u64, |state, word| {
        let mut z = (state ^ word).wrapping_add(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    });
    (mixed >> 32) as u32
}

fn word<const N: usize>(header: &[u8; HEADER_BYTES], at: usize) -> [u8; N] {
    std::array::from_fn(|i| header[at + i])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn probe(flow: u32, seq: u64, due: u64) -> Probe {
        Probe { id: MessageId { flow, seq }, due: Time::from_nanos(due) }
    }

    proptest! {
        #[test]
        fn a_probe_reads_as_it_was_written(
            flow: u32, seq: u64, due: u64, length in HEADER_BYTES..200_000usize,
        ) {
            let mut message = vec![0; length];
            probe(flow, seq, due).fill(&mut message);
            prop_assert_eq!(Probe::parse_whole(&message), Ok(probe(flow, seq, due)));
        }

        #[test]
        fn one_flipped_bit_is_always_seen(
            flow: u32, seq: u64, due: u64, length in HEADER_BYTES..2_000usize, bit: usize,
        ) {
            let mut message = vec![0; length];
            probe(flow, seq, due).fill(&mut message);
            let bit = bit % (length * 8);
            message[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(Probe::parse_whole(&message).is_err());
        }

        #[test]
        fn no_bytes_make_it_panic(message: Vec<u8>) {
            let _ = Probe::parse_whole(&message);
        }

        #[test]
        fn the_shared_filling_is_what_fill_writes(length in HEADER_BYTES..200_000usize) {
            let mut message = vec![0; length];
            probe(1, 2, 3).fill(&mut message);
            let mut joined = probe(1, 2, 3).header().to_vec();
            filling(length).for_each(|part| joined.extend_from_slice(&part));
            prop_assert_eq!(joined, message);
        }
    }
}
