//! The bytes of one stream, as the wire has seen them.

use std::collections::VecDeque;

use crate::time::Time;

/// A packet's entry into the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stamp {
    /// Its number. Numbers rise as packets are sent (RFC 9000 section 12.3), so that they order the packets of
    /// one instant.
    pub packet: u64,
    /// When it entered.
    pub at: Time,
}

/// How a byte came to its receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Passage {
    /// The packet that it was sent with first.
    pub first: Stamp,
    /// The packet that brought it.
    pub copy: Stamp,
    /// Whether a packet with it was dropped before: lost, refused by a full queue, or corrupted.
    pub dropped: bool,
}

/// The bytes of one stream that have been sent and not been released. Bytes that fared alike are one segment.
#[derive(Debug, Default)]
pub(super) struct StreamBytes {
    /// Everything below is forgotten.
    base: u64,
    /// In the order of their offsets; no two overlap.
    segments: VecDeque<Segment>,
}

#[derive(Debug, Clone, Copy)]
struct Segment {
    start: u64,
    end: u64,
    first: Stamp,
    copy: Option<Stamp>,
    dropped: bool,
}

impl StreamBytes {
    /// The bytes from `start` to `end` entered the wire, or met their end there.
    pub(super) fn enter(&mut self, (start, end): (u64, u64), stamp: Stamp, dropped: bool) {
        let mut at = start.max(self.base);
        while at < end {
            let index = self.index(at);
            match self.segments.get(index).copied() {
                Some(known) if known.start <= at => {
                    let next = known.end.min(end);
                    if dropped && known.copy.is_none() && !known.dropped {
                        self.isolate(index, at, next).dropped = true;
                    }
                    at = next;
                }
                later => {
                    let next = later.map_or(end, |later| later.start.min(end));
                    let new = Segment { start: at, end: next, first: stamp, copy: None, dropped };
                    self.segments.insert(index, new);
                    at = next;
                }
            }
        }
    }

    /// The bytes from `start` to `end` came with the packet `stamp`.
    pub(super) fn arrive(&mut self, (start, end): (u64, u64), stamp: Stamp) {
        let mut at = start.max(self.base);
        while at < end {
            let index = self.index(at);
            let Some(known) = self.segments.get(index).copied().filter(|known| known.start < end) else {
                return;
            };
            let next = known.end.min(end);
            if known.copy.is_none() {
                self.isolate(index, at.max(known.start), next).copy = Some(stamp);
            }
            at = next;
        }
    }

    /// How the byte at `offset` arrived, if it has and is not forgotten.
    pub(super) fn passage(&self, offset: u64) -> Option<Passage> {
        let segment = self.segments.get(self.index(offset)).filter(|segment| segment.start <= offset)?;
        segment.copy.map(|copy| Passage { first: segment.first, copy, dropped: segment.dropped })
    }

    /// Forgets all below `offset`.
    pub(super) fn forget(&mut self, offset: u64) {
        self.base = self.base.max(offset);
        while self.segments.front().is_some_and(|segment| segment.end <= self.base) {
            self.segments.pop_front();
        }
    }

    /// Makes it as new, but for its memory.
    pub(super) fn clear(&mut self) {
        self.base = 0;
        self.segments.clear();
    }

    /// The first segment that ends behind `offset`. New bytes come at the end, so that is looked at first.
    fn index(&self, offset: u64) -> usize {
        if self.segments.back().is_none_or(|last| last.end <= offset) {
            return self.segments.len();
        }
        self.segments.partition_point(|segment| segment.end <= offset)
    }

    /// Cuts the segment at `index` so that one is exactly from `start` to `end`, and returns that one.
    fn isolate(&mut self, mut index: usize, start: u64, end: u64) -> &mut Segment {
        let whole = self.segments[index];
        if whole.start < start {
            self.segments[index].end = start;
            index += 1;
            self.segments.insert(index, Segment { start, ..whole });
        }
        if end < whole.end {
            self.segments[index].end = end;
            self.segments.insert(index + 1, Segment { start: end, ..whole });
        }
        &mut self.segments[index]
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn stamp(packet: u64) -> Stamp {
        Stamp { packet, at: Time::from_nanos(packet * 10) }
    }

    #[test]
    fn a_byte_sent_again_keeps_its_first_entry_and_takes_that_of_the_copy_that_came() {
        let mut bytes = StreamBytes::default();
        bytes.enter((0, 100), stamp(1), true);
        bytes.enter((100, 200), stamp(2), false);
        bytes.arrive((100, 200), stamp(2));
        assert_eq!(bytes.passage(50), None);
        bytes.enter((0, 100), stamp(3), false);
        bytes.arrive((0, 100), stamp(3));
        assert_eq!(bytes.passage(50), Some(Passage { first: stamp(1), copy: stamp(3), dropped: true }));
        assert_eq!(bytes.passage(150), Some(Passage { first: stamp(2), copy: stamp(2), dropped: false }));
    }

    #[test]
    fn a_drop_after_the_arrival_changes_nothing() {
        let mut bytes = StreamBytes::default();
        bytes.enter((0, 100), stamp(1), false);
        bytes.arrive((0, 100), stamp(1));
        bytes.enter((0, 100), stamp(2), true);
        assert_eq!(bytes.passage(0), Some(Passage { first: stamp(1), copy: stamp(1), dropped: false }));
    }

    #[test]
    fn what_is_forgotten_does_not_come_back() {
        let mut bytes = StreamBytes::default();
        bytes.enter((0, 100), stamp(1), false);
        bytes.arrive((0, 100), stamp(1));
        bytes.forget(100);
        bytes.enter((0, 100), stamp(2), false);
        assert!(bytes.segments.is_empty());
    }

    /// One byte of the model: first entry, copy that came, whether one was dropped before.
    type Byte = (Option<u64>, Option<u64>, bool);

    proptest! {
        #[test]
        fn segments_tell_of_every_byte_what_a_table_of_bytes_tells(
            events in prop::collection::vec((0u64..60, 1u64..30, any::<bool>(), any::<bool>()), 1..40),
        ) {
            let mut bytes = StreamBytes::default();
            let mut model = [Byte::default(); 90];
            for (packet, (start, length, dropped, arrives)) in events.into_iter().enumerate() {
                let (packet, range) = (packet as u64, (start, start + length));
                bytes.enter(range, stamp(packet), dropped);
                if arrives && !dropped {
                    bytes.arrive(range, stamp(packet));
                }
                for byte in &mut model[range.0 as usize..range.1 as usize] {
                    byte.0.get_or_insert(packet);
                    byte.2 |= dropped && byte.1.is_none();
                    if arrives && !dropped { byte.1.get_or_insert(packet); }
                }
            }
            for (offset, (first, copy, dropped)) in model.into_iter().enumerate() {
                let expected = first.zip(copy).map(|(first, copy)| Passage {
                    first: stamp(first), copy: stamp(copy), dropped,
                });
                prop_assert_eq!(bytes.passage(offset as u64), expected);
            }
        }
    }
}
