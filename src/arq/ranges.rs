//! A set of sequence numbers as disjoint ranges, which never touch: what came, or was acknowledged, ahead of a gap.
//!
//! Every number is added once, so work is O(log n) for each, however often a range is reported again.

use std::{collections::BTreeMap, ops::Range};

#[derive(Debug, Default)]
pub(super) struct RangeSet {
    /// Start to end.
    ranges: BTreeMap<u64, u64>,
}

impl RangeSet {
    /// Adds `range`, and shows `added` what of it was not there yet.
    pub(super) fn insert(&mut self, range: Range<u64>, mut added: impl FnMut(Range<u64>)) {
        if range.is_empty() {
            return;
        }
        // Of `range`, what lies before `from` has been looked at.
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

    pub(super) fn contains(&self, number: u64) -> bool {
        self.containing(number).is_some()
    }

    /// The range that holds `number`.
    pub(super) fn containing(&self, number: u64) -> Option<Range<u64>> {
        let (&start, &end) = self.ranges.range(..=number).next_back()?;
        (number < end).then_some(start..end)
    }

    /// All ranges, from the first that starts at `from` or later, and round to those before it.
    pub(super) fn rotated(&self, from: u64) -> impl Iterator<Item = Range<u64>> {
        self.ranges.range(from..).chain(self.ranges.range(..from)).map(|(&start, &end)| start..end)
    }

    /// Forgets what lies before `number`.
    pub(super) fn forget_before(&mut self, number: u64) {
        while let Some(first) = self.ranges.first_entry().filter(|first| *first.key() < number) {
            let end = first.remove();
            if end > number {
                self.ranges.insert(number, end);
            }
        }
    }

    /// Takes out the range that starts at `number`, and returns its end.
    pub(super) fn take_from(&mut self, number: u64) -> Option<u64> {
        self.ranges.remove(&number)
    }

    pub(super) fn is_empty(&self) -> bool {
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
            prop_assert!(ranges.windows(2).all(|pair| pair[0].end < pair[1].start), "{ranges:?} touch");
        }
    }
}
