//! Packets in propagation, ordered by (time, sequence).

use std::{
    cmp::Ordering,
    collections::{BinaryHeap, VecDeque},
};

use super::Delivered;
use crate::unit::Time;

/// A FIFO lane for packets that arrive in the order in which they were sent, and a heap for those that
/// overtake. Without overtaking nothing is sorted.
#[derive(Debug)]
pub(super) struct InFlight<P> {
    lane: VecDeque<Entry<P>>,
    overtaking: BinaryHeap<Entry<P>>,
    sequence: u64,
}

#[derive(Debug)]
struct Entry<P> {
    sequence: u64,
    delivered: Delivered<P>,
}

impl<P> InFlight<P> {
    pub(super) fn new() -> Self {
        Self { lane: VecDeque::new(), overtaking: BinaryHeap::new(), sequence: 0 }
    }

    pub(super) fn push(&mut self, delivered: Delivered<P>) {
        let overtakes = self.lane.back().is_some_and(|last| delivered.at < last.delivered.at);
        let entry = Entry { sequence: self.sequence, delivered };
        self.sequence += 1;
        if overtakes {
            self.overtaking.push(entry);
        } else {
            self.lane.push_back(entry);
        }
    }

    /// When the next packet arrives.
    pub(super) fn next_due(&self) -> Option<Time> {
        let lane = self.lane.front().map(|entry| entry.delivered.at);
        let overtaking = self.overtaking.peek().map(|entry| entry.delivered.at);
        match (lane, overtaking) {
            (Some(lane), Some(overtaking)) => Some(lane.min(overtaking)),
            (due, None) | (None, due) => due,
        }
    }

    /// The next packet that arrives by `now`.
    pub(super) fn pop(&mut self, now: Time) -> Option<Delivered<P>> {
        let overtaking = match (self.lane.front(), self.overtaking.peek()) {
            (Some(lane), Some(overtaking)) => overtaking.due() < lane.due(),
            (None, Some(_)) => true,
            (_, None) => false,
        };
        if overtaking {
            self.overtaking.peek().filter(|entry| entry.delivered.at <= now)?;
            self.overtaking.pop().map(|entry| entry.delivered)
        } else {
            self.lane.front().filter(|entry| entry.delivered.at <= now)?;
            self.lane.pop_front().map(|entry| entry.delivered)
        }
    }

    pub(super) fn len(&self) -> usize {
        self.lane.len() + self.overtaking.len()
    }
}

impl<P> Entry<P> {
    fn due(&self) -> (Time, u64) {
        (self.delivered.at, self.sequence)
    }
}

/// Reversed, because `BinaryHeap` pops the greatest.
impl<P> Ord for Entry<P> {
    fn cmp(&self, other: &Self) -> Ordering {
        other.due().cmp(&self.due())
    }
}

impl<P> PartialOrd for Entry<P> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<P> PartialEq for Entry<P> {
    fn eq(&self, other: &Self) -> bool {
        self.due() == other.due()
    }
}

impl<P> Eq for Entry<P> {}
