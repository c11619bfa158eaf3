//! The judge of a game: how old the newest state is that an end knows, at every instant.
//!
//! An update supersedes all updates before it, so an update that comes after a newer one is of no use. The age grows
//! with time, and falls when a newer state arrives.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    stats::Percentile,
    unit::{Time, nanos},
};

/// An update of the state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Update {
    /// When the sender had this state.
    pub made: Time,
    /// When it reached the application at the other end; `None` if it did not.
    pub known: Option<Time>,
}

/// A span of time without a newer state. Ages are in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// When it began.
    pub from: Time,
    /// The age at its beginning.
    pub youngest: u64,
    /// The age at its end.
    pub oldest: u64,
}

/// The age of the newest state at one end, or at several.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ages {
    /// The spans, which together are the whole time.
    pub spans: Vec<Span>,
    /// Updates that were made.
    pub updates: u64,
    /// Updates that arrived before any newer one.
    pub used: u64,
    /// Updates that arrived after a newer one.
    pub superseded: u64,
}

/// The age from the first update that arrived until `end`. Before that update no state is known.
pub(crate) fn ages(updates: &[Update], end: Time) -> Ages {
    let mut arrivals: Vec<(Time, Time)> =
        updates.iter().filter_map(|update| Some((update.known?, update.made))).collect();
    arrivals.sort_unstable();
    let mut ages = Ages { updates: updates.len() as u64, ..Ages::default() };
    let mut newest: Option<(Time, Time)> = None;
    let span = |(since, made): (Time, Time), until: Time| Span {
        from: since,
        youngest: nanos(since - made),
        oldest: nanos(until - made),
    };
    for (known, made) in arrivals.into_iter().filter(|(known, _)| *known < end) {
        if newest.is_some_and(|(_, newest)| made <= newest) {
            ages.superseded += 1;
            continue;
        }
        ages.used += 1;
        ages.spans.extend(newest.filter(|(since, _)| *since < known).map(|newest| span(newest, known)));
        newest = Some((known, made));
    }
    ages.spans.extend(newest.filter(|(since, _)| *since < end).map(|newest| span(newest, end)));
    ages
}

impl Span {
    fn length(self) -> u64 {
        self.oldest - self.youngest
    }
}

impl Ages {
    /// Adds those of another end or run.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.spans.extend(&other.spans);
        self.updates += other.updates;
        self.used += other.used;
        self.superseded += other.superseded;
    }

    /// How long a state was known, in nanoseconds.
    pub(crate) fn known(&self) -> u64 {
        self.spans.iter().map(|span| span.length()).sum()
    }

    /// The mean over time; `None` if nothing is known.
    pub fn mean(&self) -> Option<u64> {
        // The age grows in proportion to time, so its integral over a span is a trapezium.
        let twice: u128 = self
            .spans
            .iter()
            .map(|span| u128::from(span.length()) * (u128::from(span.youngest) + u128::from(span.oldest)))
            .sum();
        let mean = twice.checked_div(2 * u128::from(self.known()))?;
        u64::try_from(mean).ok()
    }

    /// The highest age; `None` if nothing is known.
    pub fn max(&self) -> Option<u64> {
        self.spans.iter().map(|span| span.oldest).max()
    }

    /// How long the age was above `limit`, in nanoseconds.
    pub(crate) fn above(&self, limit: Duration) -> u64 {
        self.longer_than(nanos(limit))
    }

    fn longer_than(&self, limit: u64) -> u64 {
        self.spans.iter().map(|span| span.oldest.saturating_sub(limit.max(span.youngest))).sum()
    }

    /// This percentile of the age over time; `None` if nothing is known.
    pub fn percentile(&self, percentile: Percentile) -> Option<u64> {
        let known = self.known();
        let most = self.max().filter(|_| known > 0)?;
        let allowed = known - percentile.rank(known);
        let (mut low, mut high) = (0, most);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.longer_than(middle) <= allowed { high = middle } else { low = middle + 1 }
        }
        Some(low)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    fn at(ms: u64) -> Time {
        Time::from_nanos(ms * MS)
    }

    /// Updates made every 10 ms, with the milliseconds that each takes; `None` if it is lost.
    fn updates(took: &[Option<u64>]) -> Vec<Update> {
        let update = |(number, took): (usize, &Option<u64>)| {
            let made = number as u64 * 10;
            Update { made: at(made), known: took.map(|took| at(made + took)) }
        };
        took.iter().enumerate().map(update).collect()
    }

    #[test]
    fn without_loss_the_age_rises_from_the_delay_to_an_interval_more_again_and_again() {
        let ages = ages(&updates(&[Some(25); 10]), at(125));
        assert_eq!((ages.updates, ages.used, ages.superseded), (10, 10, 0));
        assert_eq!(ages.spans.len(), 10);
        assert!(ages.spans.iter().all(|span| (span.youngest, span.oldest) == (25 * MS, 35 * MS)));
        assert_eq!(ages.mean(), Some(30 * MS));
        assert_eq!(ages.percentile(Percentile::P99), Some(35 * MS - MS / 10));
        assert_eq!(ages.above(Duration::from_millis(30)), 50 * MS);
    }

    #[test]
    fn a_lost_update_makes_one_tooth_twice_as_long() {
        let ages = ages(&updates(&[Some(25), None, Some(25)]), at(55));
        assert_eq!(ages.max(), Some(45 * MS));
        // 20 ms of 35 on average, and 10 ms of 30.
        assert_eq!(ages.mean(), Some((20 * 35 + 10 * 30) * MS / 30));
        assert_eq!(ages.above(Duration::from_millis(40)), 5 * MS);
        assert_eq!(ages.above(Duration::from_millis(45)), 0);
    }

    #[test]
    fn updates_that_were_held_back_arrive_together_and_only_the_newest_counts() {
        let ages = ages(&updates(&[Some(25), Some(135), Some(125), Some(115), Some(25)]), at(155));
        // The last one, known at 65 ms, made the three before it old.
        assert_eq!((ages.used, ages.superseded), (2, 3));
        assert_eq!(ages.spans[0], Span { from: at(25), youngest: 25 * MS, oldest: 65 * MS });
        assert_eq!(ages.spans[1], Span { from: at(65), youngest: 25 * MS, oldest: 115 * MS });
    }

    #[test]
    fn without_an_update_that_arrived_there_is_no_age() {
        let ages = ages(&updates(&[None, None]), at(100));
        assert_eq!((ages.mean(), ages.percentile(Percentile::P99), ages.max()), (None, None, None));
        assert_eq!(ages.known(), 0);
    }
}
