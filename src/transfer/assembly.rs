//! Which pieces have arrived, and whether they are what was sent.

use std::{collections::BTreeMap, ops::Range};

use ring::digest::{Context, SHA256};

use super::TransferError;
use crate::wire::transfer::{DIGEST_BYTES, Digest, Piece, RECEIPT_RANGES, Receipt};

/// The digest of the whole content: SHA-256 over the CRCs of its pieces in order.
pub(super) struct WholeDigest(Context);

impl WholeDigest {
    pub(super) fn new() -> Self {
        Self(Context::new(&SHA256))
    }

    pub(super) fn add(&mut self, check: u32) {
        self.0.update(&check.to_le_bytes());
    }

    pub(super) fn finish(&self) -> Digest {
        self.0.clone().finish().as_ref().first_chunk().copied().unwrap_or([0; DIGEST_BYTES])
    }
}

/// The pieces that a receiver has. They may arrive in any order, twice, or not at all.
pub(crate) struct Assembly {
    /// Everything before this offset has arrived.
    next: u64,
    whole: WholeDigest,
    /// Pieces that arrived beyond a gap, by start, each with its end and CRC.
    ahead: BTreeMap<u64, (u64, u32)>,
    arrived: u64,
    /// Length and digest of the content, from the sender.
    end: Option<(u64, Digest)>,
    most_ahead: usize,
    /// How many gaps were given up, and the first of them.
    given_up: u32,
    first_given_up: Vec<Range<u64>>,
    gives_up: bool,
}

impl Assembly {
    /// An empty record, of at most `most_ahead` pieces beyond a gap: one more is an error.
    pub(crate) fn new(most_ahead: usize) -> Self {
        Self {
            next: 0,
            whole: WholeDigest::new(),
            ahead: BTreeMap::new(),
            arrived: 0,
            end: None,
            most_ahead,
            given_up: 0,
            first_given_up: Vec::new(),
            gives_up: false,
        }
    }

    /// An empty record for pieces that may be lost: one piece more gives up the first gap, so memory stays bounded
    /// however much arrives. A piece that comes later counts as missing.
    pub(crate) fn of_datagrams(most_ahead: usize) -> Self {
        Self { gives_up: true, ..Self::new(most_ahead) }
    }

    /// Records a piece. Returns whether it is new.
    ///
    /// Returns an error if there are too many pieces beyond a gap, or if pieces overlap.
    pub(crate) fn piece(&mut self, piece: &Piece) -> Result<bool, TransferError> {
        let (offset, length) = (piece.offset, piece.bytes.len() as u64);
        if offset < self.next || self.ahead.contains_key(&offset) {
            return Ok(false);
        }
        let end =
            offset.checked_add(length).ok_or(TransferError::Protocol("the end of a piece overflows"))?;
        let overlaps = self.ahead.range(..end).next_back().is_some_and(|(_, (other, _))| *other > offset);
        if overlaps {
            return Err(TransferError::Protocol("pieces overlap"));
        }
        if self.ahead.len() >= self.most_ahead && !self.gives_up {
            return Err(TransferError::Protocol("too many pieces beyond a gap"));
        }
        self.arrived += length;
        self.ahead.insert(offset, (end, piece.check()));
        self.advance();
        if self.ahead.len() > self.most_ahead {
            self.give_up_first_gap();
        }
        Ok(true)
    }

    /// Moves on to the next gap.
    fn advance(&mut self) {
        while let Some((end, check)) = self.ahead.remove(&self.next) {
            self.whole.add(check);
            self.next = end;
        }
    }

    fn give_up_first_gap(&mut self) {
        let Some((&start, _)) = self.ahead.first_key_value() else { return };
        self.given_up = self.given_up.saturating_add(1);
        if self.first_given_up.len() < RECEIPT_RANGES {
            self.first_given_up.push(self.next..start);
        }
        self.next = start;
        self.advance();
    }

    /// Records the end: the length and digest of the content.
    pub(crate) fn end(&mut self, length: u64, digest: Digest) {
        self.end = Some((length, digest));
    }

    /// Bytes received, without duplicates.
    #[cfg(test)]
    pub(crate) fn arrived(&self) -> u64 {
        self.arrived
    }

    /// Whether all pieces are here; `None` until the end has arrived.
    pub(crate) fn is_whole(&self) -> Option<bool> {
        self.end.map(|(length, _)| self.next == length && self.ahead.is_empty() && self.given_up == 0)
    }

    /// Whether all pieces are here and their digest is the sender's.
    pub(crate) fn is_intact(&self) -> bool {
        self.is_whole() == Some(true) && self.end.is_some_and(|(_, digest)| digest == self.whole.finish())
    }

    /// The gaps between pieces, and up to the end of the content if that is known. Of those that were given up, only as
    /// many as a receipt lists.
    pub(crate) fn missing(&self) -> impl Iterator<Item = Range<u64>> {
        let first = (self.next, self.next);
        let last = self.end.map(|(length, _)| (length, length));
        let known = self.ahead.iter().map(|(&start, &(end, _))| (start, end)).chain(last);
        let gaps = known
            .scan(first, |before, part| {
                let gap = before.1..part.0;
                *before = part;
                Some(gap)
            })
            .filter(|gap| !gap.is_empty());
        self.first_given_up.iter().cloned().chain(gaps)
    }

    /// The receipt for the sender.
    pub(crate) fn receipt(&self) -> Receipt {
        let gaps = self.missing().skip(self.first_given_up.len()).count();
        Receipt {
            intact: self.is_intact(),
            arrived: self.arrived,
            gaps: u32::try_from(gaps).unwrap_or(u32::MAX).saturating_add(self.given_up),
            missing: self.missing().take(RECEIPT_RANGES).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;

    fn content(bytes: u64) -> Vec<u8> {
        (0..bytes).map(|i| (i * 31) as u8).collect()
    }

    fn piece(offset: u64, bytes: &[u8]) -> Piece {
        Piece::new(offset, Bytes::copy_from_slice(bytes))
    }

    fn pieces(content: &[u8], size: usize) -> (Vec<Piece>, Digest) {
        let mut whole = WholeDigest::new();
        let chunks = content.chunks(size).enumerate();
        let pieces: Vec<_> = chunks.map(|(i, bytes)| piece((i * size) as u64, bytes)).collect();
        pieces.iter().for_each(|piece| whole.add(piece.check()));
        (pieces, whole.finish())
    }

    #[test]
    fn nothing_at_all_is_whole_once_it_is_said_to_be_all() {
        let mut assembly = Assembly::new(10_000);
        assert_eq!(assembly.is_whole(), None);
        assembly.end(0, WholeDigest::new().finish());
        assert!(assembly.is_intact());
    }

    #[test]
    fn a_changed_byte_is_whole_and_not_intact() {
        let content = content(100);
        let (pieces, digest) = pieces(&content, 40);
        let mut assembly = Assembly::new(10_000);
        for Piece { offset, bytes, .. } in pieces {
            let mut bytes = bytes.to_vec();
            bytes[3] ^= u8::from(offset == 40);
            assembly.piece(&piece(offset, &bytes)).unwrap();
        }
        assembly.end(100, digest);
        assert_eq!((assembly.is_whole(), assembly.is_intact()), (Some(true), false));
    }

    #[test]
    fn pieces_that_overlap_are_refused() {
        let mut assembly = Assembly::new(10_000);
        assembly.piece(&piece(10, &[0; 10])).unwrap();
        assert!(assembly.piece(&piece(15, &[0; 10])).is_err());
        assert!(assembly.piece(&piece(5, &[0; 10])).is_err());
        assert!(assembly.piece(&piece(u64::MAX, &[0; 10])).is_err());
        assert_eq!(assembly.missing().collect::<Vec<_>>(), vec![0..10]);
    }

    #[test]
    fn datagrams_beyond_a_gap_take_bounded_memory_and_are_counted_all_the_same() {
        const MOST: usize = 50;
        let content = content(100_000);
        let (pieces, digest) = pieces(&content, 10);
        // Every hundredth is lost, and then every second one.
        let is_lost = |index: usize| if index < 5000 { index % 100 == 3 } else { index.is_multiple_of(2) };
        let (mut assembly, mut refusing) = (Assembly::of_datagrams(MOST), Assembly::new(MOST));
        let kept = pieces.iter().enumerate().filter(|(index, _)| !is_lost(*index));
        let mut refused = false;
        for (_, piece) in kept {
            assert!(assembly.piece(piece).unwrap());
            assert!(assembly.ahead.len() <= MOST && assembly.first_given_up.len() <= RECEIPT_RANGES);
            refused |= refusing.piece(piece).is_err();
        }
        assert!(refused, "the limit was reached");
        assembly.end(100_000, digest);
        assert_eq!((assembly.is_whole(), assembly.is_intact()), (Some(false), false));
        let receipt = assembly.receipt();
        let lost = (0..pieces.len()).filter(|index| is_lost(*index)).count();
        assert_eq!((receipt.gaps as usize, receipt.arrived as usize), (lost, 100_000 - 10 * lost));
        let first: Vec<Range<u64>> = (0..pieces.len() as u64)
            .filter(|i| is_lost(*i as usize))
            .map(|i| i * 10..i * 10 + 10)
            .take(64)
            .collect();
        assert_eq!(receipt.missing, first);
        assert!(!assembly.piece(&pieces[3]).unwrap(), "it was given up");
    }

    proptest! {
        #[test]
        fn in_any_order_and_twice_all_pieces_make_the_whole(
            bytes in 1u64..5000, size in 1usize..700, order in prop::collection::vec(any::<prop::sample::Index>(), 0..60),
        ) {
            let content = content(bytes);
            let (pieces, digest) = pieces(&content, size);
            let mut assembly = Assembly::new(10_000);
            assembly.end(bytes, digest);
            for piece in order.iter().map(|index| index.get(&pieces)).chain(&pieces) {
                assembly.piece(piece).unwrap();
            }
            prop_assert!(assembly.is_intact());
            prop_assert_eq!(assembly.arrived(), bytes);
            prop_assert_eq!(assembly.missing().count(), 0);
        }

        #[test]
        fn exactly_what_did_not_come_is_missing(
            bytes in 1u64..5000, size in 1usize..700, lost in prop::collection::vec(any::<bool>(), 5000),
        ) {
            let content = content(bytes);
            let (pieces, digest) = pieces(&content, size);
            let mut assembly = Assembly::new(10_000);
            let kept = pieces.iter().zip(&lost).filter(|(_, lost)| !**lost);
            for (piece, _) in kept {
                assembly.piece(piece).unwrap();
            }
            assembly.end(bytes, digest);
            let is_missing = |at: u64| assembly.missing().any(|gap| gap.contains(&at));
            for (Piece { offset, bytes, .. }, lost) in pieces.iter().zip(&lost) {
                for at in [*offset, offset + bytes.len() as u64 - 1] {
                    prop_assert_eq!(is_missing(at), *lost);
                }
            }
            let gaps: u64 = assembly.missing().map(|gap| gap.end - gap.start).sum();
            prop_assert_eq!(gaps + assembly.arrived(), bytes);
        }
    }
}
