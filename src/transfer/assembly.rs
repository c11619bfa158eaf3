//! Which parts have come, and whether they are what was sent.

use std::{collections::BTreeMap, ops::Range};

use ring::digest::{self, Context, SHA256};

use super::TransferError;
use crate::wire::transfer::{DIGEST_BYTES, Digest, RECEIPT_RANGES, Receipt};

/// The digest of a whole: SHA-256 over the SHA-256 of each piece in order.
pub(super) struct WholeDigest(Context);

impl WholeDigest {
    pub(super) fn new() -> Self {
        Self(Context::new(&SHA256))
    }

    pub(super) fn add(&mut self, piece: &Digest) {
        self.0.update(piece);
    }

    pub(super) fn finish(&self) -> Digest {
        fixed(self.0.clone().finish())
    }
}

/// The digest of one piece.
pub(super) fn of_piece(bytes: &[u8]) -> Digest {
    fixed(digest::digest(&SHA256, bytes))
}

fn fixed(digest: digest::Digest) -> Digest {
    digest.as_ref().first_chunk().copied().unwrap_or([0; DIGEST_BYTES])
}

/// What a receiver knows of the parts of a whole, which may come in any order, twice, or not at all.
pub struct Assembly {
    /// All before this has come.
    next: u64,
    whole: WholeDigest,
    /// What came ahead of a gap: start to end and digest.
    ahead: BTreeMap<u64, (u64, Digest)>,
    arrived: u64,
    end: Option<(u64, Digest)>,
    most_ahead: usize,
}

impl Assembly {
    /// One to which nothing has come, and which remembers so many pieces ahead of a gap.
    pub fn new(most_ahead: usize) -> Self {
        let (whole, ahead) = (WholeDigest::new(), BTreeMap::new());
        Self { next: 0, whole, ahead, arrived: 0, end: None, most_ahead }
    }

    /// A piece has come; whether it is new.
    ///
    /// # Errors
    ///
    /// Where more is missing than can be remembered, or pieces overlap.
    pub fn piece(&mut self, offset: u64, bytes: &[u8]) -> Result<bool, TransferError> {
        if offset < self.next || self.ahead.contains_key(&offset) {
            return Ok(false);
        }
        let end = offset
            .checked_add(bytes.len() as u64)
            .ok_or(TransferError::Protocol("a piece lies beyond all content"))?;
        let overlaps = self.ahead.range(..end).next_back().is_some_and(|(_, (other, _))| *other > offset);
        if overlaps {
            return Err(TransferError::Protocol("its pieces overlap"));
        }
        if self.ahead.len() >= self.most_ahead {
            return Err(TransferError::Protocol("too much came ahead of what is missing"));
        }
        self.arrived += bytes.len() as u64;
        self.ahead.insert(offset, (end, of_piece(bytes)));
        while let Some((end, digest)) = self.ahead.remove(&self.next) {
            self.whole.add(&digest);
            self.next = end;
        }
        Ok(true)
    }

    /// The sender says that this is all.
    pub fn end(&mut self, length: u64, digest: Digest) {
        self.end = Some((length, digest));
    }

    /// Bytes that have come, each counted once.
    pub fn arrived(&self) -> u64 {
        self.arrived
    }

    /// Whether all is there; `None` while the sender has not said how much that is.
    pub fn is_whole(&self) -> Option<bool> {
        self.end.map(|(length, _)| self.next == length && self.ahead.is_empty())
    }

    /// Whether all is there and is what was sent.
    pub fn is_intact(&self) -> bool {
        self.is_whole() == Some(true) && self.end.is_some_and(|(_, digest)| digest == self.whole.finish())
    }

    /// The gaps in what has come, up to the end of the whole where that is known.
    pub fn missing(&self) -> impl Iterator<Item = Range<u64>> {
        let first = (self.next, self.next);
        let last = self.end.map(|(length, _)| (length, length));
        let known = self.ahead.iter().map(|(&start, &(end, _))| (start, end)).chain(last);
        known
            .scan(first, |before, part| {
                let gap = before.1..part.0;
                *before = part;
                Some(gap)
            })
            .filter(|gap| !gap.is_empty())
    }

    /// What there is to tell the sender.
    pub fn receipt(&self) -> Receipt {
        Receipt {
            intact: self.is_intact(),
            arrived: self.arrived,
            gaps: u32::try_from(self.missing().count()).unwrap_or(u32::MAX),
            missing: self.missing().take(RECEIPT_RANGES).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn content(bytes: u64) -> Vec<u8> {
        (0..bytes).map(|i| (i * 31) as u8).collect()
    }

    fn pieces(content: &[u8], size: usize) -> (Vec<(u64, &[u8])>, Digest) {
        let mut whole = WholeDigest::new();
        let pieces: Vec<_> = content.chunks(size).enumerate().map(|(i, p)| ((i * size) as u64, p)).collect();
        pieces.iter().for_each(|(_, piece)| whole.add(&of_piece(piece)));
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
        for (offset, piece) in pieces {
            let mut piece = piece.to_vec();
            piece[3] ^= u8::from(offset == 40);
            assembly.piece(offset, &piece).unwrap();
        }
        assembly.end(100, digest);
        assert_eq!((assembly.is_whole(), assembly.is_intact()), (Some(true), false));
    }

    #[test]
    fn pieces_that_overlap_are_refused() {
        let mut assembly = Assembly::new(10_000);
        assembly.piece(10, &[0; 10]).unwrap();
        assert!(assembly.piece(15, &[0; 10]).is_err());
        assert!(assembly.piece(5, &[0; 10]).is_err());
        assert!(assembly.piece(u64::MAX, &[0; 10]).is_err());
        assert_eq!(assembly.missing().collect::<Vec<_>>(), vec![0..10]);
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
            for (offset, piece) in order.iter().map(|index| index.get(&pieces)).chain(&pieces) {
                assembly.piece(*offset, piece).unwrap();
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
            for ((offset, piece), _) in kept {
                assembly.piece(*offset, piece).unwrap();
            }
            assembly.end(bytes, digest);
            let is_missing = |at: u64| assembly.missing().any(|gap| gap.contains(&at));
            for ((offset, piece), lost) in pieces.iter().zip(&lost) {
                for at in [*offset, offset + piece.len() as u64 - 1] {
                    prop_assert_eq!(is_missing(at), *lost);
                }
            }
            let gaps: u64 = assembly.missing().map(|gap| gap.end - gap.start).sum();
            prop_assert_eq!(gaps + assembly.arrived(), bytes);
        }
    }
}
