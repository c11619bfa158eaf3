//! The receiving half: what is new, what there is room for, and what to say of it.

use std::{collections::VecDeque, time::Duration};

use bytes::Bytes;

use super::{Message, ranges::RangeSet, reassembly::Reassembly, variant::Rules};
use crate::{
    unit::Time,
    wire::segment::{Acknowledgement, Fragment, MAX_RANGES, Ranges},
};

#[derive(Debug)]
pub(super) struct Receiver {
    rules: Rules,
    /// Segments that it has room for, and bytes of payload that one may have.
    capacity: u64,
    payload: usize,
    /// Every segment before this one came.
    next: u64,
    /// What came beyond.
    ahead: RangeSet,
    reassembly: Reassembly,
    /// Released, and not taken by the application.
    inbox: VecDeque<Message>,
    /// Segments that the application has taken, or that were nothing to take.
    taken: u64,
    fin: Option<u64>,
    /// The segment that came last, and from where on ranges were not told the last time.
    latest: u64,
    untold: u64,
    answer: Answer,
    /// The edge that was last told.
    told_edge: u64,
}

/// The acknowledgement that is owed.
#[derive(Debug, Default)]
struct Answer {
    due: Option<Time>,
    gap: bool,
    delay: Duration,
}

/// What became of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Received {
    New,
    Duplicate,
    /// Beyond a gap where nothing beyond is kept, beyond the window, or at odds with what came before.
    Dropped,
}

impl Receiver {
    /// With room for `capacity` segments of `payload` bytes.
    pub(super) fn new(rules: Rules, capacity: u32, payload: usize, ack_delay: Duration) -> Self {
        Self {
            rules,
            capacity: capacity.into(),
            payload,
            next: 0,
            ahead: RangeSet::default(),
            reassembly: Reassembly::default(),
            inbox: VecDeque::new(),
            taken: 0,
            fin: None,
            latest: 0,
            untold: 0,
            answer: Answer { delay: ack_delay, ..Answer::default() },
            told_edge: capacity.into(),
        }
    }

    /// A part of a message came.
    pub(super) fn on_data(
        &mut self,
        now: Time,
        (sequence, fragment, payload): (u64, Fragment, &[u8]),
    ) -> Received {
        let (after, fits) = (sequence >= self.next, payload.len() <= self.payload);
        let end = (sequence - u64::from(fragment.index)).saturating_add(fragment.count.into());
        let sound = fits
            && u64::from(fragment.count) <= self.capacity
            && self.fin.is_none_or(|fin| end <= fin)
            && (!after || self.reassembly.agrees(sequence, fragment));
        let received = if sound { self.place(now, sequence) } else { Received::Dropped };
        if received == Received::New {
            let Self { reassembly, inbox, rules, .. } = self;
            let piece = (sequence, fragment, Bytes::copy_from_slice(payload));
            reassembly.insert(now, piece, rules.ordered, |message| inbox.push_back(message));
        }
        received
    }

    /// The end came.
    pub(super) fn on_fin(&mut self, now: Time, sequence: u64) -> Received {
        let received = self.place(now, sequence);
        if received == Received::New {
            self.fin = Some(sequence);
            self.taken += 1;
        }
        received
    }

    /// The peer asked for an acknowledgement, or must be shown where we are.
    pub(super) fn owe(&mut self, now: Time) {
        self.answer.due = Some(now);
    }

    /// Whether all came, and the end behind it.
    pub(super) fn is_finished(&self) -> bool {
        self.fin.is_some_and(|fin| self.next > fin)
    }

    /// The segment that is expected next.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    /// Whether a segment lies within the window.
    pub(super) fn is_within(&self, sequence: u64) -> bool {
        (self.next..self.edge()).contains(&sequence)
    }

    /// The next message for the application.
    pub(super) fn take(&mut self, now: Time) -> Option<Message> {
        let message = self.inbox.pop_front()?;
        self.taken += u64::from(message.segments);
        // Not for every single segment, which the peer would then send alone (RFC 9293 section 3.8.6.2.2).
        if self.edge() - self.told_edge >= (self.capacity / 2).max(1) {
            self.owe(now);
        }
        Some(message)
    }

    /// When the acknowledgement that is owed is due.
    pub(super) fn answer_due(&self) -> Option<Time> {
        self.answer.due
    }

    /// What has been received, with up to `ranges` ranges. With that, nothing is owed any more.
    pub(super) fn acknowledge(&mut self, ranges: usize) -> Acknowledgement {
        let edge = self.edge();
        self.told_edge = edge;
        self.answer.due = None;
        Acknowledgement {
            next: self.next,
            window: u32::try_from(edge - self.next).unwrap_or(u32::MAX),
            gap: std::mem::take(&mut self.answer.gap),
            ranges: self.ranges(ranges.min(MAX_RANGES)),
        }
    }

    /// The range of what came last first (RFC 2018 section 4), then those that were not told for longest: so that
    /// every range is told again, however many there are, and a lost acknowledgement does no harm.
    fn ranges(&mut self, most: usize) -> Ranges {
        let mut ranges = Ranges::default();
        let latest = self.ahead.containing(self.latest);
        if most == 0 || self.ahead.is_empty() {
            return ranges;
        }
        let others = most - usize::from(latest.is_some());
        let told = self.ahead.rotated(self.untold).filter(|range| Some(range) != latest.as_ref());
        latest.iter().for_each(|range| ranges.push(range.clone()));
        for range in told.take(others) {
            self.untold = range.end;
            ranges.push(range);
        }
        ranges
    }

    /// The first segment that there is no room for. Never moves back: what is released early and taken early leaves
    /// its place only when all before it came.
    fn edge(&self) -> u64 {
        self.taken.min(self.next) + self.capacity
    }

    /// Decides what becomes of a segment, and when to answer it.
    fn place(&mut self, now: Time, sequence: u64) -> Received {
        let received = if sequence < self.next || self.ahead.contains(sequence) {
            Received::Duplicate
        } else if sequence == self.next && self.is_within(sequence) {
            Received::New
        } else if !self.is_within(sequence) || !self.rules.keeps_ahead {
            self.answer.gap |= sequence > self.next;
            Received::Dropped
        } else {
            self.answer.gap = true;
            Received::New
        };
        let filled = !self.ahead.is_empty();
        if received == Received::New {
            self.latest = sequence;
            self.advance(sequence);
        }
        // RFC 5681 section 4.2: at once where there is or was a gap, and for every second segment.
        let at_once =
            received != Received::New || filled || !self.ahead.is_empty() || self.answer.due.is_some();
        self.answer.due = Some(if at_once { now } else { now + self.answer.delay });
        received
    }

    fn advance(&mut self, sequence: u64) {
        if sequence > self.next {
            self.ahead.insert(sequence..sequence + 1, |_| {});
            return;
        }
        self.next = self.ahead.take_from(sequence + 1).unwrap_or(sequence + 1);
    }
}
