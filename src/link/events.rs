//! What happens to packets on the link, ordered by (time, sequence).

use std::{
    cmp::Ordering,
    collections::{BinaryHeap, VecDeque},
};

use super::{Delivered, Dropped, Event};
use crate::unit::Time;

/// A FIFO lane for events in the order of their packets, and a heap for those that come before the event of an earlier
/// packet. Without loss and overtaking nothing is sorted.
#[derive(Debug)]
pub(super) struct Events<P> {
    lane: VecDeque<Entry<P>>,
    early: BinaryHeap<Entry<P>>,
    sequence: u64,
}

#[derive(Debug)]
struct Entry<P> {
    sequence: u64,
    event: Event<P>,
}

impl<P> Events<P> {
    pub(super) fn new() -> Self {
        Self { lane: VecDeque::new(), early: BinaryHeap::new(), sequence: 0 }
    }

    pub(super) fn push(&mut self, event: Event<P>) {
        let is_early = self.lane.back().is_some_and(|last| event.at() < last.event.at());
        let entry = Entry { sequence: self.sequence, event };
        self.sequence += 1;
        if is_early {
            self.early.push(entry);
        } else {
            self.lane.push_back(entry);
        }
    }

    /// When the next event is due.
    pub(super) fn next_due(&self) -> Option<Time> {
        let lane = self.lane.front().map(|entry| entry.event.at());
        let early = self.early.peek().map(|entry| entry.event.at());
        match (lane, early) {
            (Some(lane), Some(early)) => Some(lane.min(early)),
            (due, None) | (None, due) => due,
        }
    }

    /// The next event that is due by `now`.
    pub(super) fn pop(&mut self, now: Time) -> Option<Event<P>> {
        let early = match (self.lane.front(), self.early.peek()) {
            (Some(lane), Some(early)) => early.due() < lane.due(),
            (None, Some(_)) => true,
            (_, None) => false,
        };
        if early {
            self.early.peek().filter(|entry| entry.event.at() <= now)?;
            self.early.pop().map(|entry| entry.event)
        } else {
            self.lane.front().filter(|entry| entry.event.at() <= now)?;
            self.lane.pop_front().map(|entry| entry.event)
        }
    }
}

impl<P> Event<P> {
    fn at(&self) -> Time {
        match self {
            Self::Delivered(Delivered { at, .. }) | Self::Dropped(Dropped { at, .. }) => *at,
        }
    }
}

impl<P> Entry<P> {
    fn due(&self) -> (Time, u64) {
        (self.event.at(), self.sequence)
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
