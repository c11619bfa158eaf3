//! Reassembly of messages from fragments, and reordering of messages.

use std::collections::BTreeMap;

use bytes::{Bytes, BytesMut};

use crate::{unit::Time, wire::segment::Fragment};

/// A received message that has been released to the application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The message.
    pub bytes: Bytes,
    /// Sequence number of its first segment: the start of the range that [`super::Connection::send`] returned to the
    /// sender.
    pub first: u64,
    /// Number of its segments.
    pub segments: u16,
    /// When its last missing segment arrived.
    pub arrived: Time,
    /// The sequence number of that segment.
    pub completed_by: u64,
    /// When it was released. Later than `arrived` if order held it back.
    pub released: Time,
    /// If order held it back, the segment whose arrival released it: of all earlier segments, the last to arrive.
    pub blocked_by: Option<u64>,
}

/// Incomplete messages, and complete ones that wait for earlier messages.
#[derive(Debug, Default)]
pub(super) struct Reassembly {
    /// Incomplete messages, by the sequence number of their first segment.
    partial: BTreeMap<u64, Partial>,
    /// Complete messages that wait, by the same key.
    complete: BTreeMap<u64, Message>,
    /// The first segment not yet released, if delivery is ordered.
    next: u64,
}

/// A received fragment.
#[derive(Debug)]
pub(super) struct Piece {
    pub(super) sequence: u64,
    pub(super) fragment: Fragment,
    pub(super) payload: Bytes,
}

#[derive(Debug)]
struct Partial {
    count: u16,
    /// Memory grows with the fragments received, not with the claimed count.
    fragments: BTreeMap<u16, Bytes>,
}

impl Reassembly {
    /// Whether a fragment is consistent with the fragments received before it.
    pub(super) fn agrees(&self, sequence: u64, fragment: Fragment) -> bool {
        let first = sequence - u64::from(fragment.index);
        let neighbour = self.partial.range(..=sequence).next_back();
        neighbour.is_none_or(|(&start, partial)| {
            if start == first {
                partial.count == fragment.count
            } else {
                start + u64::from(partial.count) <= first
            }
        })
    }

    /// Inserts a new fragment and passes the messages that it releases to `release`.
    pub(super) fn insert(
        &mut self,
        now: Time,
        piece: Piece,
        ordered: bool,
        mut release: impl FnMut(Message),
    ) {
        let Piece { sequence, fragment, payload } = piece;
        let first = sequence - u64::from(fragment.index);
        let Some(bytes) = self.assemble(first, fragment, payload) else { return };
        let message = Message {
            bytes,
            first,
            segments: fragment.count,
            arrived: now,
            completed_by: sequence,
            released: now,
            blocked_by: None,
        };
        if !ordered {
            return release(message);
        }
        if first != self.next {
            self.complete.insert(first, message);
            return;
        }
        self.next += u64::from(message.segments);
        release(message);
        while let Some(mut message) = self.complete.remove(&self.next) {
            self.next += u64::from(message.segments);
            message.released = now;
            message.blocked_by = (message.arrived < now).then_some(sequence);
            release(message);
        }
    }

    /// Adds a fragment and returns the message if it is complete.
    fn assemble(&mut self, first: u64, fragment: Fragment, payload: Bytes) -> Option<Bytes> {
        if fragment.count == 1 {
            return Some(payload);
        }
        let partial = self
            .partial
            .entry(first)
            .or_insert_with(|| Partial { count: fragment.count, fragments: BTreeMap::new() });
        partial.fragments.insert(fragment.index, payload);
        if partial.fragments.len() < usize::from(partial.count) {
            return None;
        }
        let fragments = self.partial.remove(&first)?.fragments;
        let mut bytes = BytesMut::with_capacity(fragments.values().map(Bytes::len).sum());
        fragments.values().for_each(|fragment| bytes.extend_from_slice(fragment));
        Some(bytes.freeze())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn insert(
        reassembly: &mut Reassembly,
        now: u64,
        sequence: u64,
        fragment: Fragment,
        ordered: bool,
    ) -> Vec<Message> {
        let mut released = Vec::new();
        let payload = Bytes::copy_from_slice(&[sequence as u8]);
        let piece = Piece { sequence, fragment, payload };
        reassembly.insert(Time::from_nanos(now), piece, ordered, |message| released.push(message));
        released
    }

    #[test]
    fn fragments_in_any_order_make_the_message() {
        let mut reassembly = Reassembly::default();
        assert_eq!(insert(&mut reassembly, 1, 2, Fragment { index: 2, count: 3 }, true), []);
        assert_eq!(insert(&mut reassembly, 2, 0, Fragment { index: 0, count: 3 }, true), []);
        let whole = insert(&mut reassembly, 3, 1, Fragment { index: 1, count: 3 }, true);
        assert_eq!(whole[0].bytes, [0, 1, 2].as_slice());
        assert_eq!((whole[0].first, whole[0].completed_by, whole[0].arrived), (0, 1, Time::from_nanos(3)));
    }

    #[test]
    fn order_holds_back_a_complete_message_and_names_the_segment_it_waited_for() {
        let mut reassembly = Reassembly::default();
        assert_eq!(insert(&mut reassembly, 5, 1, Fragment { index: 0, count: 1 }, true), []);
        let released = insert(&mut reassembly, 9, 0, Fragment { index: 0, count: 1 }, true);
        let summary = |m: &Message| (m.first, m.arrived.as_nanos(), m.released.as_nanos(), m.blocked_by);
        assert_eq!(released.iter().map(summary).collect::<Vec<_>>(), [(0, 9, 9, None), (1, 5, 9, Some(0))]);
    }

    #[test]
    fn without_order_nothing_waits() {
        let mut reassembly = Reassembly::default();
        assert_eq!(insert(&mut reassembly, 5, 1, Fragment { index: 0, count: 1 }, false).len(), 1);
    }

    #[test]
    fn contradictory_fragments_are_detected() {
        let mut reassembly = Reassembly::default();
        insert(&mut reassembly, 1, 10, Fragment { index: 0, count: 3 }, true);
        let agrees = |sequence, index, count| reassembly.agrees(sequence, Fragment { index, count });
        assert!(agrees(11, 1, 3) && agrees(13, 0, 1));
        assert!(!agrees(11, 1, 4), "another count");
        assert!(!agrees(12, 0, 1), "another message in the middle of this one");
    }
}
