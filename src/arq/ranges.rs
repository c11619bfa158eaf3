//! A set of sequence numbers, stored as disjoint ranges that never touch.
//!
//! It holds the segments received, or acknowledged, beyond a gap. Each number is added once, so the work per number is
//! O(log n), however often a range is reported.

use std::{collections::BTreeMap, ops::Range};

#[derive(Debug, Default)]
pub(crate) struct RangeSet {
    /// Start to end.
    ranges: BTreeMap<u64, u64>,
}

impl RangeSet {
    /// Adds `range` and passes the parts of it that were missing to `added`.
    pub(crate) fn insert(&mut self, range: Range<u64>, mut added: impl FnMut(Range<u64>)) {
        if range.is_empty() {
            return;
        }
        // The part of `range` before `from` is done.
        let mut from = range.start;
        let start = match self.ranges.range(..=range.start).next_back() {
            Some((_, &end)) if end >= range.end => return,
            Some((&start, &end)) if end >= range.start => {
                from = end;
                start
            }
            _ => range.start,
        };
        while from <= range.end
            && let Some((&next, &end)) = self.ranges.range(from..=range.end).next()
        {
            if from < next {
                added(from..next);
            }
            self.ranges.remove(&next);
            from = end;
        }
        if from < range.end {
            added(from..range.end);
        }
        self.ranges.insert(start, from.max(range.end));
    }

    pub(crate) fn contains(&self, number: u64) -> bool {
        self.containing(number).is_some()
    }

    /// The range that holds `number`.
    pub(crate) fn containing(&self, number: u64) -> Option<Range<u64>> {
        let (&start, &end) = self.ranges.range(..=number).next_back()?;
        (number < end).then_some(start..end)
    }

    /// All ranges in ascending order, starting with the first at or after `from` and wrapping around.
    pub(crate) fn rotated(&self, from: u64) -> impl Iterator<Item = Range<u64>> {
        self.ranges.range(from..).chain(self.ranges.range(..from)).map(|(&start, &end)| start..end)
    }

    /// The ranges that overlap `range`, in ascending order.
    pub(crate) fn overlapping(&self, range: Range<u64>) -> impl Iterator<Item = Range<u64>> {
        let first = self.ranges.range(..=range.start).next_back().map_or(range.start, |(&start, _)| start);
        let near = self.ranges.range(first..range.end.max(first)).map(|(&start, &end)| start..end);
        near.filter(move |held| held.end > range.start)
    }

    /// Removes all numbers below `number`.
    pub(crate) fn forget_before(&mut self, number: u64) {
        while let Some(first) = self.ranges.first_entry().filter(|first| *first.key() < number) {
            let end = first.remove();
            if end > number {
                self.ranges.insert(number, end);
            }
        }
    }

    /// Removes the range that starts at `number` and returns its end.
    pub(crate) fn take_from(&mut self, number: u64) -> Option<u64> {
        self.ranges.remove(&number)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_holds_what_a_set_of_numbers_holds(
            inserts in prop::collection::vec((0..60u64, 0..12u64), 1..40), cut in 0..60u64,
        ) {
            let (mut set, mut model) = (RangeSet::default(), BTreeSet::new());
            for (start, length) in inserts {
                let mut added = BTreeSet::new();
                set.insert(start..start + length, |range| added.extend(range));
                let expected: BTreeSet<_> =
                    (start..start + length).filter(|number| !model.contains(number)).collect();
                prop_assert_eq!(&added, &expected);
                model.extend(expected);
            }
            set.forget_before(cut);
            model.retain(|number| *number >= cut);
            let held: BTreeSet<_> = set.rotated(cut + 5).flatten().collect();
            prop_assert_eq!(&held, &model);
            prop_assert!((0..80).all(|number| set.contains(number) == model.contains(&number)));
            let ranges: Vec<_> = set.rotated(0).collect();
            let near: Vec<_> = ranges.iter().filter(|range| range.start < cut + 9 && range.end > cut + 3).cloned().collect();
            prop_assert_eq!(set.overlapping(cut + 3..cut + 9).collect::<Vec<_>>(), near);
            prop_assert!(ranges.windows(2).all(|pair| pair[0].end < pair[1].start), "{ranges:?} touch");
        }
    }
}
