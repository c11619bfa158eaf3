//! The probe: a message of an experiment, which says who it is and shows whether it was changed.
//!
//! ```text
//!  0       4       8      12      16              24              32    (104)   length
//!  +-------+-------+-------+-------+---------------+---------------+-------+---------+
//!  | magic | check | flow  | asked |      seq      |      due      | (slip)| filling |
//!  +-------+-------+-------+-------+---------------+---------------+-------+---------+
//! ```
//!
//! All fields are little-endian. `asked` is the message's length where a [slip](super::slip) follows, so that a
//! server finds messages in a byte stream, and else 0. `check` covers the header; the filling is known to both
//! ends, so that comparing it is all that has to be done to see a changed bit, and nothing is summed per byte.

use std::{
    ops::{Deref, Range},
    sync::LazyLock,
};

use bytes::Bytes;
use rand::Rng;

use super::slip::{SLIP_BYTES, Slip};
use crate::unit::{Time, random};

/// Bytes of a probe's header: the shortest message of an experiment.
pub const HEADER_BYTES: usize = 32;
/// Bytes of a header with a slip behind it: the shortest message that can ask the far end.
pub const HEAD_BYTES: usize = HEADER_BYTES + SLIP_BYTES;

/// How every probe begins.
pub const MAGIC: [u8; 4] = *b"WLP1";
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
    /// What it asks the far end, or what that has answered.
    pub slip: Option<Slip>,
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

/// The bytes before the filling.
#[derive(Debug, Clone, Copy)]
pub struct Head {
    bytes: [u8; HEAD_BYTES],
    len: usize,
}

impl Deref for Head {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

impl Probe {
    /// A probe that asks nothing.
    pub const fn new(id: MessageId, due: Time) -> Self {
        Self { id, due, slip: None }
    }

    /// What stands before the filling of a message of `length` bytes.
    pub fn head(&self, length: usize) -> Head {
        let mut bytes = [0; HEAD_BYTES];
        let (header, behind) = bytes.split_at_mut(HEADER_BYTES);
        header[..4].copy_from_slice(&MAGIC);
        header[8..12].copy_from_slice(&self.id.flow.to_le_bytes());
        let asked = if self.slip.is_some() { u32::try_from(length).unwrap_or(u32::MAX) } else { 0 };
        header[12..16].copy_from_slice(&asked.to_le_bytes());
        header[16..24].copy_from_slice(&self.id.seq.to_le_bytes());
        header[24..32].copy_from_slice(&self.due.as_nanos().to_le_bytes());
        let check = header.first_chunk().map_or(0, check);
        header[4..8].copy_from_slice(&check.to_le_bytes());
        let Some(slip) = &self.slip else {
            return Head { bytes, len: HEADER_BYTES };
        };
        behind.copy_from_slice(&slip.encode(check));
        Head { bytes, len: HEAD_BYTES }
    }

    /// Writes a whole probe over `message`, which must hold its head at least.
    pub fn fill(&self, message: &mut [u8]) {
        let head = self.head(message.len());
        message[..head.len()].copy_from_slice(&head);
        let mut at = head.len();
        for part in parts(head.len()..message.len()) {
            message[at..at + part.len()].copy_from_slice(&FILLING[part.clone()]);
            at += part.len();
        }
    }

    /// Reads the head of a message.
    ///
    /// # Errors
    ///
    /// [`ProbeError`] where these are not the bytes that [`Probe::head`] made.
    pub fn parse(message: &[u8]) -> Result<Self, ProbeError> {
        let header = message.first_chunk::<HEADER_BYTES>().ok_or(ProbeError::Foreign)?;
        let check = check(header);
        if word::<4>(header, 4) != check.to_le_bytes() {
            return Err(if header[..4] == MAGIC { ProbeError::Corrupted } else { ProbeError::Foreign });
        }
        let slip = match u32::from_le_bytes(word(header, 12)) {
            0 => None,
            _ => Some(slip(message, check).ok_or(ProbeError::Corrupted)?),
        };
        Ok(Self {
            id: MessageId {
                flow: u32::from_le_bytes(word(header, 8)),
                seq: u64::from_le_bytes(word(header, 16)),
            },
            due: Time::from_nanos(u64::from_le_bytes(word(header, 24))),
            slip,
        })
    }

    /// Reads the head and compares the filling behind it.
    ///
    /// # Errors
    ///
    /// [`ProbeError::Corrupted`] where a single bit of the message differs.
    pub fn parse_whole(message: &[u8]) -> Result<Self, ProbeError> {
        let probe = Self::parse(message)?;
        let mut at = if probe.slip.is_some() { HEAD_BYTES } else { HEADER_BYTES };
        let intact = parts(at..message.len()).all(|part| {
            let body = &message[at..at + part.len()];
            at += part.len();
            *body == FILLING[part]
        });
        if intact { Ok(probe) } else { Err(ProbeError::Corrupted) }
    }
}

/// How long the message is that begins with `header`, if it asks anything: that long are all of its stream.
pub fn asked_length(header: &[u8; HEADER_BYTES]) -> Option<usize> {
    let asked = u32::from_le_bytes(word(header, 12)) as usize;
    let intact = header[..4] == MAGIC && word::<4>(header, 4) == check(header).to_le_bytes();
    (intact && asked >= HEAD_BYTES).then_some(asked)
}

/// The filling in this range of a message, behind its head, as slices of one shared buffer.
pub fn filling(range: Range<usize>) -> impl Iterator<Item = Bytes> {
    parts(range).map(|part| FILLING.slice(part))
}

/// Which stretches of the shared filling make this range of a message.
fn parts(range: Range<usize>) -> impl Iterator<Item = Range<usize>> {
    let (mut at, end) = (range.start.saturating_sub(HEADER_BYTES), range.end.saturating_sub(HEADER_BYTES));
    std::iter::from_fn(move || {
        let start = at % FILLING_BYTES;
        let len = (FILLING_BYTES - start).min(end.saturating_sub(at));
        at += len;
        (len > 0).then_some(start..start + len)
    })
}

fn slip(message: &[u8], check: u32) -> Option<Slip> {
    Slip::decode(message.get(HEADER_BYTES..)?.first_chunk::<SLIP_BYTES>()?, check)
}

/// 32 bits over all of the header but the check itself.
fn check(header: &[u8; HEADER_BYTES]) -> u32 {
    mix([
        u64::from(u32::from_le_bytes(word(header, 0))),
        u64::from_le_bytes(word(header, 8)),
        u64::from_le_bytes(word(header, 16)),
        u64::from_le_bytes(word(header, 24)),
    ])
}

/// 32 bits over `words`: any changed bit changes them (splitmix64's mixer, whose every step is a bijection of the
/// word that it takes in).
pub(super) fn mix(words: impl IntoIterator<Item = u64>) -> u32 {
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
    use crate::wire::Ask;

    fn probe(flow: u32, seq: u64, due: u64) -> Probe {
        Probe::new(MessageId { flow, seq }, Time::from_nanos(due))
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
            let mut joined = probe(1, 2, 3).head(length).to_vec();
            filling(HEADER_BYTES..length).for_each(|part| joined.extend_from_slice(&part));
            prop_assert_eq!(joined, message);
        }

        #[test]
        fn a_probe_that_asks_reads_as_it_was_written_and_says_its_length(
            run: u64, number: u64, length in HEAD_BYTES..200_000usize, bit: usize,
        ) {
            let slip = Some(Slip::Ask(Ask { run, number }));
            let asking = Probe { slip, ..probe(1, number, 3) };
            let mut message = vec![0; length];
            asking.fill(&mut message);
            prop_assert_eq!(Probe::parse_whole(&message), Ok(asking));
            prop_assert_eq!(asked_length(message.first_chunk().unwrap()), Some(length));
            let mut joined = asking.head(length).to_vec();
            filling(HEAD_BYTES..length).for_each(|part| joined.extend_from_slice(&part));
            prop_assert_eq!(&joined, &message);
            let bit = bit % (length * 8);
            message[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(Probe::parse_whole(&message).is_err());
        }
    }

    #[test]
    fn a_probe_that_asks_nothing_has_no_length_to_say() {
        assert_eq!(asked_length(probe(1, 2, 3).head(500).first_chunk().unwrap()), None);
    }
}
