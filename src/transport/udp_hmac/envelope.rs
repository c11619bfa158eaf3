//! The signed datagram: a payload and a trailer.
//!
//! ```text
//!  0               length-48       length-40       length-32             length
//!  +----------------+---------------+---------------+-----------------------+
//!  |    payload     |    sender     |    counter    | HMAC-SHA-256 of all   |
//!  |                |               |               | that precedes         |
//!  +----------------+---------------+---------------+-----------------------+
//! ```
//!
//! Numbers are big-endian. A client draws its 63-bit `sender` number for each socket; a reply to it carries the number
//! with the highest bit set. So a datagram cannot be reflected to its sender, and a reply is good for one client only.

use super::{
    key::{SharedKey, TAG_BYTES},
    sender::Sender,
};

/// Bytes that signing adds to a payload.
pub(super) const TRAILER_BYTES: usize = 8 + 8 + TAG_BYTES;

/// A datagram whose tag is right.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Opened {
    /// Bytes of payload, at its beginning.
    pub(super) length: usize,
    pub(super) sender: Sender,
    pub(super) counter: u64,
}

/// Writes the signed datagram to `datagram`, in place of what it holds.
pub(super) fn seal(key: &SharedKey, payload: &[u8], sender: Sender, counter: u64, datagram: &mut Vec<u8>) {
    datagram.clear();
    datagram.extend_from_slice(payload);
    datagram.extend_from_slice(&sender.to_bytes());
    datagram.extend_from_slice(&counter.to_be_bytes());
    key.sign(datagram);
}

/// Verifies `datagram`, before anything else of it is read. `None` if the tag is wrong or missing.
pub(super) fn open(key: &SharedKey, datagram: &[u8]) -> Option<Opened> {
    let (signed, tag) = datagram.split_last_chunk::<TAG_BYTES>()?;
    if !key.verify(signed, tag) {
        return None;
    }
    let (rest, counter) = signed.split_last_chunk()?;
    let (payload, sender) = rest.split_last_chunk()?;
    Some(Opened {
        length: payload.len(),
        sender: Sender::from_bytes(*sender),
        counter: u64::from_be_bytes(*counter),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_datagram_opens_to_what_was_sealed_and_no_flipped_bit_opens(
            payload in prop::collection::vec(any::<u8>(), 0..200),
            (number, counter, bit) in (any::<u64>(), any::<u64>(), any::<prop::sample::Index>()),
        ) {
            let key = SharedKey::new(&[7; 32]);
            let (sender, mut datagram) = (Sender::client(number), Vec::new());
            seal(&key, &payload, sender, counter, &mut datagram);
            prop_assert_eq!(datagram.len(), payload.len() + TRAILER_BYTES);
            prop_assert_eq!(open(&key, &datagram), Some(Opened { length: payload.len(), sender, counter }));
            prop_assert_eq!(open(&SharedKey::new(&[8; 32]), &datagram), None, "another key");
            let bit = bit.index(datagram.len() * 8);
            datagram[bit / 8] ^= 1 << (bit % 8);
            prop_assert_eq!(open(&key, &datagram), None, "bit {} flipped", bit);
        }

        #[test]
        fn foreign_bytes_do_not_open(datagram in prop::collection::vec(any::<u8>(), 0..100)) {
            prop_assert_eq!(open(&SharedKey::new(&[7; 32]), &datagram), None);
        }
    }
}
