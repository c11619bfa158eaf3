//! The receiving half: duplicate detection, flow control and acknowledgements.

use std::{collections::VecDeque, time::Duration};

use bytes::Bytes;

use super::{
    Message,
    ranges::RangeSet,
    reassembly::{Piece, Reassembly},
    variant::Rules,
};
use crate::{
    unit::Time,
    wire::segment::{Acknowledgement, Fragment, MAX_RANGES, Ranges},
};

#[derive(Debug)]
pub(super) struct Receiver {
    rules: Rules,
    /// The receive window in segments.
    capacity: u64,
    /// The largest payload of a segment.
    max_payload: usize,
    /// The next expected sequence number: every segment before it has been received.
    next: u64,
    /// Segments received beyond a gap.
    out_of_order: RangeSet,
    reassembly: Reassembly,
    /// Released messages that the application has not taken.
    inbox: VecDeque<Message>,
    /// Segments whose place in the window is free again: of messages taken by the application, and the FIN.
    taken: u64,
    fin: Option<u64>,
    /// The most recently received new segment.
    latest: u64,
    /// Where the next acknowledgement resumes the list of ranges.
    next_range: u64,
    pending: PendingAck,
    /// The right edge of the window that was last advertised.
    advertised_edge: u64,
}

/// The acknowledgement to be sent.
#[derive(Debug, Default)]
struct PendingAck {
    due: Option<Time>,
    gap: bool,
    delay: Duration,
}

/// The outcome of receiving a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Received {
    New,
    Duplicate,
    /// Beyond a gap although the variant keeps nothing there, beyond the window, or inconsistent with earlier segments.
    Dropped,
}

impl Receiver {
    /// Creates a receiver with room for `capacity` segments of `max_payload` bytes.
    pub(super) fn new(rules: Rules, capacity: u32, max_payload: usize, ack_delay: Duration) -> Self {
        Self {
            rules,
            capacity: capacity.into(),
            max_payload,
            next: 0,
            out_of_order: RangeSet::default(),
            reassembly: Reassembly::default(),
            inbox: VecDeque::new(),
            taken: 0,
            fin: None,
            latest: 0,
            next_range: 0,
            pending: PendingAck { delay: ack_delay, ..PendingAck::default() },
            advertised_edge: capacity.into(),
        }
    }

    /// The receive window in segments.
    pub(super) fn window(&self) -> u64 {
        self.capacity
    }

    /// Raises the receive window, and advertises it.
    pub(super) fn grow_window(&mut self, now: Time, segments: u64) {
        if segments > self.capacity {
            self.capacity = segments;
            self.acknowledge_at_once(now);
        }
    }

    /// Receives a fragment of a message.
    pub(super) fn on_data(
        &mut self,
        now: Time,
        sequence: u64,
        fragment: Fragment,
        payload: &[u8],
    ) -> Received {
        let end = (sequence - u64::from(fragment.index)).saturating_add(fragment.count.into());
        let consistent = payload.len() <= self.max_payload
            && u64::from(fragment.count) <= self.capacity
            && self.fin.is_none_or(|fin| end <= fin)
            && (sequence < self.next || self.reassembly.agrees(sequence, fragment));
        let received = if consistent { self.accept(now, sequence) } else { Received::Dropped };
        if received == Received::New {
            let Self { reassembly, inbox, rules, .. } = self;
            let piece = Piece { sequence, fragment, payload: Bytes::copy_from_slice(payload) };
            reassembly.insert(now, piece, rules.ordered, |message| inbox.push_back(message));
        }
        received
    }

    /// Receives the FIN.
    pub(super) fn on_fin(&mut self, now: Time, sequence: u64) -> Received {
        let received = self.accept(now, sequence);
        if received == Received::New {
            self.fin = Some(sequence);
            self.taken += 1;
        }
        received
    }

    /// Schedules an acknowledgement without delay.
    pub(super) fn acknowledge_at_once(&mut self, now: Time) {
        self.pending.due = Some(now);
    }

    /// Whether every segment up to and including the FIN has been received.
    pub(super) fn is_finished(&self) -> bool {
        self.fin.is_some_and(|fin| self.next > fin)
    }

    /// The next expected sequence number.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    /// Whether a sequence number lies within the receive window.
    pub(super) fn is_within(&self, sequence: u64) -> bool {
        (self.next..self.edge()).contains(&sequence)
    }

    /// The next message for the application.
    pub(super) fn take(&mut self, now: Time) -> Option<Message> {
        let message = self.inbox.pop_front()?;
        self.taken += u64::from(message.segments);
        // Avoids silly window syndrome (RFC 9293 section 3.8.6.2.2).
        if self.edge() - self.advertised_edge >= (self.capacity / 2).max(1) {
            self.acknowledge_at_once(now);
        }
        Some(message)
    }

    /// When the pending acknowledgement is due.
    pub(super) fn acknowledgement_due(&self) -> Option<Time> {
        self.pending.due
    }

    /// Builds an acknowledgement with up to `max_ranges` ranges, which settles the pending one.
    pub(super) fn acknowledge(&mut self, max_ranges: usize) -> Acknowledgement {
        let edge = self.edge();
        self.advertised_edge = edge;
        self.pending.due = None;
        Acknowledgement {
            next: self.next,
            window: u32::try_from(edge - self.next).unwrap_or(u32::MAX),
            gap: std::mem::take(&mut self.pending.gap),
            ranges: self.ranges(max_ranges.min(MAX_RANGES)),
        }
    }

    /// The range of the latest segment first (RFC 2018 section 4), then the others in rotation. Every range is repeated
    /// in turn, however many there are, so that a lost acknowledgement does no harm.
    fn ranges(&mut self, max: usize) -> Ranges {
        let mut ranges = Ranges::default();
        let latest = self.out_of_order.containing(self.latest);
        if max == 0 || self.out_of_order.is_empty() {
            return ranges;
        }
        let others = max - usize::from(latest.is_some());
        let rotated =
            self.out_of_order.rotated(self.next_range).filter(|range| Some(range) != latest.as_ref());
        latest.iter().for_each(|range| ranges.push(range.clone()));
        for range in rotated.take(others) {
            self.next_range = range.end;
            ranges.push(range);
        }
        ranges
    }

    /// The right edge of the window: the first sequence number without room. It never moves left. A message that the
    /// application took out of order frees its place only when all segments before it have been received.
    fn edge(&self) -> u64 {
        self.taken.min(self.next) + self.capacity
    }

    /// Records a sequence number and schedules its acknowledgement.
    fn accept(&mut self, now: Time, sequence: u64) -> Received {
        let received = if sequence < self.next || self.out_of_order.contains(sequence) {
            Received::Duplicate
        } else if sequence == self.next && self.is_within(sequence) {
            Received::New
        } else if !self.is_within(sequence) || !self.rules.keeps_out_of_order {
            self.pending.gap |= sequence > self.next;
            Received::Dropped
        } else {
            self.pending.gap = true;
            Received::New
        };
        let had_gap = !self.out_of_order.is_empty();
        if received == Received::New {
            self.latest = sequence;
            self.advance(sequence);
        }
        // RFC 5681 section 4.2: at once if there is or was a gap, and for every second segment.
        let at_once = received != Received::New
            || had_gap
            || !self.out_of_order.is_empty()
            || self.pending.due.is_some();
        self.pending.due = Some(if at_once { now } else { now + self.pending.delay });
        received
    }

    fn advance(&mut self, sequence: u64) {
        if sequence > self.next {
            self.out_of_order.insert(sequence..sequence + 1, |_| {});
            return;
        }
        self.next = self.out_of_order.take_from(sequence + 1).unwrap_or(sequence + 1);
    }
}
