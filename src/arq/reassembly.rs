//! Fragments become messages again, and messages come back into order.

use std::collections::BTreeMap;

use bytes::{Bytes, BytesMut};

use crate::{unit::Time, wire::segment::Fragment};

/// A message that order lets the application have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// What was sent.
    pub bytes: Bytes,
    /// Sequence number of its first segment: what [`super::Connection::send`] returned at the other end.
    pub first: u64,
    /// How many segments it came in.
    pub segments: u16,
    /// When the last of them came.
    pub arrived: Time,
    /// Which of them that was.
    pub completed_by: u64,
    /// When order let the application have it.
    pub released: Time,
    /// The segment whose arrival released it, if it waited: of the earlier ones, the one that came last.
    pub blocked_by: Option<u64>,
}

/// Messages of which segments are missing, and whole ones that wait for those before them.
#[derive(Debug, Default)]
pub(super) struct Reassembly {
    /// By the sequence number of their first segment.
    partial: BTreeMap<u64, Partial>,
    whole: BTreeMap<u64, Message>,
    /// In order: the first segment that has not been released.
    next: u64,
}

#[derive(Debug)]
struct Partial {
    count: u16,
    /// Grows with what came, whatever count was claimed.
    fragments: BTreeMap<u16, Bytes>,
}

impl Reassembly {
    /// Whether a fragment agrees with what came of its message before.
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

    /// Takes in a fragment that has not been there before, and hands what it releases to `release`.
    pub(super) fn insert(
        &mut self,
        now: Time,
        (sequence, fragment, payload): (u64, Fragment, Bytes),
        ordered: bool,
        mut release: impl FnMut(Message),
    ) {
        let first = sequence - u64::from(fragment.index);
        let Some(bytes) = self.complete(first, fragment, payload) else { return };
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
            self.whole.insert(first, message);
            return;
        }
        self.next += u64::from(message.segments);
        release(message);
        while let Some(mut message) = self.whole.remove(&self.next) {
            self.next += u64::from(message.segments);
            message.released = now;
            message.blocked_by = (message.arrived < now).then_some(sequence);
            release(message);
        }
    }

    /// The bytes of a message that is whole now.
    fn complete(&mut self, first: u64, fragment: Fragment, payload: Bytes) -> Option<Bytes> {
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
        (sequence, index, count): (u64, u16, u16),
        ordered: bool,
    ) -> Vec<Message> {
        let mut released = Vec::new();
        let fragment = Fragment { index, count };
        let payload = Bytes::copy_from_slice(&[sequence as u8]);
        reassembly
            .insert(Time::from_nanos(now), (sequence, fragment, payload), ordered, |m| released.push(m));
        released
    }

    #[test]
    fn fragments_in_any_order_make_the_message() {
        let mut reassembly = Reassembly::default();
        assert_eq!(insert(&mut reassembly, 1, (2, 2, 3), true), []);
        assert_eq!(insert(&mut reassembly, 2, (0, 0, 3), true), []);
        let whole = insert(&mut reassembly, 3, (1, 1, 3), true);
        assert_eq!(whole[0].bytes, [0, 1, 2].as_slice());
        assert_eq!((whole[0].first, whole[0].completed_by, whole[0].arrived), (0, 1, Time::from_nanos(3)));
    }

    #[test]
    fn order_withholds_what_is_whole_and_names_whom_it_waited_for() {
        let mut reassembly = Reassembly::default();
        assert_eq!(insert(&mut reassembly, 5, (1, 0, 1), true), []);
        let released = insert(&mut reassembly, 9, (0, 0, 1), true);
        let told = |m: &Message| (m.first, m.arrived.as_nanos(), m.released.as_nanos(), m.blocked_by);
        assert_eq!(released.iter().map(told).collect::<Vec<_>>(), [(0, 9, 9, None), (1, 5, 9, Some(0))]);
    }

    #[test]
    fn without_order_nothing_waits() {
        let mut reassembly = Reassembly::default();
        assert_eq!(insert(&mut reassembly, 5, (1, 0, 1), false).len(), 1);
    }

    #[test]
    fn fragments_that_contradict_each_other_are_found_out() {
        let mut reassembly = Reassembly::default();
        insert(&mut reassembly, 1, (10, 0, 3), true);
        let agrees = |sequence, index, count| reassembly.agrees(sequence, Fragment { index, count });
        assert!(agrees(11, 1, 3) && agrees(13, 0, 1));
        assert!(!agrees(11, 1, 4), "another count");
        assert!(!agrees(12, 0, 1), "another message in the middle of this one");
    }
}
