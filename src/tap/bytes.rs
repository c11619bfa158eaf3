//! The bytes of one stream, as seen on the link.

use std::{collections::VecDeque, time::Duration};

use crate::unit::Time;

/// A packet's entry into the link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Stamp {
    /// Its number. Numbers rise as packets are sent (RFC 9000 section 12.3), so that they order the packets of
    /// one instant.
    pub packet: u64,
    /// When it entered.
    pub at: Time,
}

/// How a packet reached its receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Landed {
    /// Its entry into the link.
    pub stamp: Stamp,
    /// When it arrived.
    pub at: Time,
    /// How long it waited in the queue of the link.
    pub queued: Duration,
}

/// How a byte reached its receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Passage {
    /// The packet that it was sent with first.
    pub first: Stamp,
    /// The packet that brought it.
    pub copy: Stamp,
    /// How long that packet waited in the queue of the link.
    pub queued: Duration,
    /// Whether a packet with it was dropped before: lost, refused by a full queue, or corrupted.
    pub dropped: bool,
}

/// The bytes of one stream that were sent and not released. Adjacent bytes with the same history are one segment.
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
    /// The packet that brought it.
    copy: Option<Landed>,
    dropped: bool,
}

impl Segment {
    fn passage(&self) -> Option<Passage> {
        let Self { first, copy, dropped, .. } = *self;
        copy.map(|copy| Passage { first, copy: copy.stamp, queued: copy.queued, dropped })
    }
}

impl StreamBytes {
    /// The bytes from `start` to `end` entered the link, or were `dropped`.
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

    /// The bytes from `start` to `end` arrived with the packet `landed`.
    pub(super) fn arrive(&mut self, (start, end): (u64, u64), landed: Landed) {
        let mut at = start.max(self.base);
        while at < end {
            let index = self.index(at);
            let Some(known) = self.segments.get(index).copied().filter(|known| known.start < end) else {
                return;
            };
            let next = known.end.min(end);
            if known.copy.is_none() {
                self.isolate(index, at.max(known.start), next).copy = Some(landed);
            }
            at = next;
        }
    }

    /// How the byte at `offset` arrived, if it has and is not forgotten.
    pub(super) fn passage(&self, offset: u64) -> Option<Passage> {
        self.segments.get(self.index(offset)).filter(|segment| segment.start <= offset)?.passage()
    }

    /// When the last of the bytes from `start` to `end` arrived, and how; of bytes that arrived together, the last one.
    /// `None` if one has not arrived, or is forgotten.
    pub(super) fn completion(&self, (start, end): (u64, u64)) -> Option<(Time, Passage)> {
        let mut complete = None;
        let mut at = start;
        for segment in self.segments.range(self.index(start)..) {
            if at >= end {
                break;
            }
            let arrived = segment.copy.filter(|_| segment.start <= at)?.at;
            if complete.is_none_or(|(latest, _)| latest <= arrived) {
                complete = segment.passage().map(|passage| (arrived, passage));
            }
            at = segment.end;
        }
        complete.filter(|_| at >= end)
    }

    /// Forgets all below `offset`.
    pub(super) fn forget(&mut self, offset: u64) {
        self.base = self.base.max(offset);
        while self.segments.front().is_some_and(|segment| segment.end <= self.base) {
            self.segments.pop_front();
        }
    }

    /// Resets it, and keeps its memory.
    pub(super) fn clear(&mut self) {
        self.base = 0;
        self.segments.clear();
    }

    /// The first segment that ends behind `offset`. New bytes are appended, so the end is checked first.
    fn index(&self, offset: u64) -> usize {
        if self.segments.back().is_none_or(|last| last.end <= offset) {
            return self.segments.len();
        }
        self.segments.partition_point(|segment| segment.end <= offset)
    }

    /// Splits the segment at `index` so that one part is exactly from `start` to `end`, and returns that part.
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

    const NOW: Time = Time::ZERO;

    fn stamp(packet: u64) -> Stamp {
        Stamp { packet, at: Time::from_nanos(packet * 10) }
    }

    /// The packet waited as many nanoseconds as its number says.
    fn landed(packet: u64, at: Time) -> Landed {
        Landed { stamp: stamp(packet), at, queued: Duration::from_nanos(packet) }
    }

    fn passage(first: u64, copy: u64, dropped: bool) -> Passage {
        Passage { first: stamp(first), copy: stamp(copy), queued: Duration::from_nanos(copy), dropped }
    }

    #[test]
    fn a_byte_sent_again_keeps_its_first_entry_and_takes_that_of_the_copy_that_came() {
        let mut bytes = StreamBytes::default();
        bytes.enter((0, 100), stamp(1), true);
        bytes.enter((100, 200), stamp(2), false);
        bytes.arrive((100, 200), landed(2, NOW));
        assert_eq!(bytes.passage(50), None);
        bytes.enter((0, 100), stamp(3), false);
        bytes.arrive((0, 100), landed(3, NOW));
        assert_eq!(bytes.passage(50), Some(passage(1, 3, true)));
        assert_eq!(bytes.passage(150), Some(passage(2, 2, false)));
    }

    #[test]
    fn a_message_is_complete_with_the_byte_that_came_last_wherever_that_stands() {
        let mut bytes = StreamBytes::default();
        let at = Time::from_nanos;
        for (packet, range) in [(1, (0, 100)), (2, (100, 200)), (3, (200, 300))] {
            bytes.enter(range, stamp(packet), false);
        }
        bytes.arrive((200, 300), landed(3, at(7)));
        bytes.arrive((0, 100), landed(1, at(8)));
        assert_eq!(bytes.completion((50, 250)), None, "a part is missing");
        bytes.arrive((100, 200), landed(2, at(9)));
        let completion = |range| bytes.completion(range).map(|(when, how)| (when, how.copy.packet));
        assert_eq!(completion((50, 250)), Some((at(9), 2)));
        assert_eq!(completion((0, 50)), Some((at(8), 1)));
        assert_eq!(completion((250, 301)), None, "beyond what was sent");
    }

    #[test]
    fn a_drop_after_the_arrival_changes_nothing() {
        let mut bytes = StreamBytes::default();
        bytes.enter((0, 100), stamp(1), false);
        bytes.arrive((0, 100), landed(1, NOW));
        bytes.enter((0, 100), stamp(2), true);
        assert_eq!(bytes.passage(0), Some(passage(1, 1, false)));
    }

    #[test]
    fn what_is_forgotten_does_not_come_back() {
        let mut bytes = StreamBytes::default();
        bytes.enter((0, 100), stamp(1), false);
        bytes.arrive((0, 100), landed(1, NOW));
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
                    bytes.arrive(range, landed(packet, NOW));
                }
                for byte in &mut model[range.0 as usize..range.1 as usize] {
                    byte.0.get_or_insert(packet);
                    byte.2 |= dropped && byte.1.is_none();
                    if arrives && !dropped { byte.1.get_or_insert(packet); }
                }
            }
            for (offset, (first, copy, dropped)) in model.into_iter().enumerate() {
                let expected = first.zip(copy).map(|(first, copy)| passage(first, copy, dropped));
                prop_assert_eq!(bytes.passage(offset as u64), expected);
            }
        }
    }
}
