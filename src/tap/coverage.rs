//! Records which data was sent, and which arrived.

use std::{collections::BTreeMap, ops::Range};

use crate::arq::RangeSet;

/// A range of a stream. The end of the stream counts as one more byte after the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Extent {
    /// The stream.
    pub stream: u64,
    /// The offset of the first byte.
    pub start: u64,
    /// The offset after the last byte.
    pub end: u64,
    /// Whether the last byte is the end of the stream.
    pub ends_stream: bool,
}

impl Extent {
    pub(super) fn overlaps(&self, other: &Self) -> bool {
        self.stream == other.stream && self.start < other.end && other.start < self.end
    }

    /// `parts` without the offsets in this range.
    pub(super) fn cut_from(&self, parts: &[Self]) -> Vec<Self> {
        let rest = |part: &Self| {
            let (left, right) = (part.start..part.end.min(self.start), part.start.max(self.end)..part.end);
            let whole = if part.overlaps(self) { [left, right] } else { [part.start..part.end, 0..0] };
            let part = *part;
            whole.map(move |Range { start, end }| Self { start, end, ..part })
        };
        parts.iter().flat_map(rest).filter(|part| part.start < part.end).collect()
    }
}

/// The data of all streams of one direction. A stream that has arrived completely takes no memory.
#[derive(Debug, Default)]
pub(super) struct Coverage {
    streams: BTreeMap<u64, Stream>,
    /// Streams that have arrived completely, by their type. The two low bits of an id are the type, the others number
    /// the streams of that type (RFC 9000 section 2.1).
    complete: [RangeSet; 4],
}

#[derive(Debug, Default)]
struct Stream {
    sent: Offsets,
    arrived: Offsets,
    /// The offset after the end of the stream, once it is known.
    end: Option<u64>,
}

/// A set of offsets. Most are contiguous from 0.
#[derive(Debug, Default)]
struct Offsets {
    /// All offsets below this are in the set.
    until: u64,
    beyond: RangeSet,
}

impl Offsets {
    /// Adds a range, and returns how much of it was not in the set.
    fn insert(&mut self, range: Range<u64>) -> u64 {
        let from = range.start.max(self.until);
        if from >= range.end {
            return 0;
        }
        if from == self.until && self.beyond.is_empty() {
            self.until = range.end;
            return range.end - from;
        }
        let mut added = 0;
        self.beyond.insert(from..range.end, |new| added += new.end - new.start);
        if let Some(end) = self.beyond.take_from(self.until) {
            self.until = end;
        }
        added
    }

    /// The parts of a range that are not in the set.
    fn missing(&self, range: Range<u64>) -> Vec<Range<u64>> {
        let mut from = range.start.max(self.until);
        let mut missing = Vec::new();
        for held in self.beyond.overlapping(range.clone()) {
            if from < held.start {
                missing.push(from..held.start);
            }
            from = from.max(held.end);
        }
        if from < range.end {
            missing.push(from..range.end);
        }
        missing
    }
}

fn kind(stream: u64) -> usize {
    (stream & 0b11) as usize
}

impl Coverage {
    fn is_complete(&self, stream: u64) -> bool {
        self.complete[kind(stream)].contains(stream >> 2)
    }

    /// Data is sent. Returns whether a part of it was sent before, and whether a part is new.
    pub(super) fn send(&mut self, extent: &Extent) -> (bool, bool) {
        if extent.start >= extent.end {
            return (false, false);
        }
        if self.is_complete(extent.stream) {
            return (true, false);
        }
        let stream = self.streams.entry(extent.stream).or_default();
        if extent.ends_stream {
            stream.end = Some(extent.end);
        }
        let new = stream.sent.insert(extent.start..extent.end);
        (new < extent.end - extent.start, new > 0)
    }

    /// Data arrived.
    pub(super) fn arrive(&mut self, extent: &Extent) {
        let Some(stream) = self.streams.get_mut(&extent.stream) else { return };
        stream.arrived.insert(extent.start..extent.end);
        if stream.end == Some(stream.arrived.until) {
            self.streams.remove(&extent.stream);
            let index = extent.stream >> 2;
            self.complete[kind(extent.stream)].insert(index..index + 1, |_| {});
        }
    }

    /// Whether this data has arrived.
    pub(super) fn has(&self, extent: &Extent) -> bool {
        self.missing(extent).next().is_none()
    }

    /// The parts of this data that have not arrived.
    pub(super) fn missing(&self, extent: &Extent) -> impl Iterator<Item = Extent> + use<> {
        let range = extent.start..extent.end;
        let missing = match self.streams.get(&extent.stream) {
            Some(stream) => stream.arrived.missing(range),
            None if self.is_complete(extent.stream) || range.is_empty() => Vec::new(),
            None => vec![range],
        };
        let extent = *extent;
        missing.into_iter().map(move |Range { start, end }| Extent { start, end, ..extent })
    }
}

#[cfg(test)]
impl Coverage {
    /// The number of streams that have not arrived completely.
    pub(super) fn streams(&self) -> usize {
        self.streams.len()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_holds_what_a_set_of_offsets_holds(
            steps in prop::collection::vec((0..60u64, 0..12u64, any::<bool>()), 1..40), of in 0..60u64,
        ) {
            let extent = |start, end| Extent { stream: 0, start, end, ends_stream: false };
            let mut data = Coverage::default();
            let (mut sent, mut arrived) = (BTreeSet::new(), BTreeSet::new());
            for (start, length, arrives) in steps {
                let range = start..start + length;
                let news = range.clone().filter(|offset| !sent.contains(offset)).count() as u64;
                prop_assert_eq!(data.send(&extent(start, range.end)), (news < length, news > 0));
                sent.extend(range.clone());
                if arrives {
                    data.arrive(&extent(start, range.end));
                    arrived.extend(range);
                }
            }
            let asked = extent(of, of + 9);
            let missing: Vec<u64> =
                data.missing(&asked).flat_map(|part| part.start..part.end).collect();
            let expected: Vec<u64> = (of..of + 9).filter(|offset| !arrived.contains(offset)).collect();
            prop_assert_eq!(&missing, &expected);
            prop_assert_eq!(data.has(&asked), expected.is_empty());
            let cut = asked.cut_from(&[extent(of - of.min(5), of + 3), extent(of + 8, of + 20)]);
            let cut: Vec<u64> = cut.iter().flat_map(|part| part.start..part.end).collect();
            let outside = (of - of.min(5)..of).chain(of + 9..of + 20);
            prop_assert_eq!(cut, outside.collect::<Vec<_>>());
        }
    }
}
