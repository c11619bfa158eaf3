//! What has been sent and not yet acknowledged, and what of it is lost (RFC 6675, RFC 8985, RFC 9002 section 6.1).
//!
//! Each transmission has its place in an order of its own, as a QUIC packet has its number: a segment that was sent
//! again is as new as its last copy, whatever its sequence number. A segment is lost once a transmission that is
//! three later was acknowledged, or any later one and 9/8 of a round trip has gone by since it was sent. Every
//! acknowledgement looks only at what it changes, so a window of 100,000 segments costs each no more than one of ten.

use std::{
    collections::{BTreeSet, VecDeque},
    ops::Range,
    time::Duration,
};

use super::{queue::Content, ranges::RangeSet};
use crate::unit::Time;

/// How many later transmissions must have arrived (RFC 5681 section 3.2, RFC 9002 section 6.1.1).
pub(super) const PACKET_THRESHOLD: u64 = 3;

#[derive(Debug, Default)]
pub(super) struct Scoreboard {
    /// The first segment that was not acknowledged: the place of `segments[0]`.
    first: u64,
    segments: VecDeque<Sent>,
    /// Transmissions by their order. One that is over stays until it comes to the front.
    flight: VecDeque<Transmission>,
    lost: BTreeSet<u64>,
    acked_ahead: RangeSet,
    in_flight: u64,
    transmissions: u64,
    /// The latest transmission that was acknowledged.
    newest_acked: Option<u64>,
}

#[derive(Debug)]
struct Sent {
    content: Content,
    status: Status,
}

#[derive(Debug, Clone, Copy)]
struct Status {
    /// Bytes of its datagram, without acknowledgements.
    bytes: u64,
    at: Time,
    /// Its last transmission's place in the order.
    order: u64,
    copies: u32,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    InFlight,
    Lost,
    Acked,
}

#[derive(Debug, Clone, Copy)]
struct Transmission {
    order: u64,
    sequence: u64,
}

/// What an acknowledgement brought.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// Payload of all that was acknowledged for the first time.
    pub(super) payload: usize,
    /// Bytes of the segments among it that were sent after the last congestion event.
    pub(super) growing: u64,
    /// Segments.
    pub(super) count: u64,
    /// When the latest of them was sent, and whether that was its only copy.
    pub(super) newest: Option<(Time, bool)>,
    newest_order: u64,
}

/// What was found lost.
#[derive(Debug, Default)]
pub(super) struct Losses {
    /// When the latest of them was sent.
    pub(super) latest: Option<Time>,
    /// When the next will be, unless it is acknowledged.
    pub(super) next: Option<Time>,
}

impl Scoreboard {
    /// The first segment that was not acknowledged.
    pub(super) fn first(&self) -> u64 {
        self.first
    }

    /// The segment that has not been sent.
    pub(super) fn next(&self) -> u64 {
        self.first + self.segments.len() as u64
    }

    /// Bytes under way: sent, neither acknowledged nor lost.
    pub(super) fn in_flight(&self) -> u64 {
        self.in_flight
    }

    /// The next segment that is to be sent again, and its bytes.
    pub(super) fn next_lost(&self) -> Option<(u64, u64)> {
        let sequence = *self.lost.first()?;
        Some((sequence, self.get(sequence)?.status.bytes))
    }

    /// When the earliest transmission under way began.
    pub(super) fn earliest(&self) -> Option<Time> {
        let front = self.flight.front()?;
        self.get(front.sequence).map(|sent| sent.status.at)
    }

    /// A segment is sent for the first time.
    pub(super) fn send(&mut self, now: Time, content: Content, bytes: u64) -> u64 {
        let sequence = self.next();
        let status = Status { bytes, at: now, order: 0, copies: 0, state: State::Lost };
        self.segments.push_back(Sent { content, status });
        self.transmit(now, sequence);
        sequence
    }

    /// A lost segment is sent again: its content.
    pub(super) fn resend(&mut self, now: Time, sequence: u64) {
        self.lost.remove(&sequence);
        self.transmit(now, sequence);
    }

    /// What a segment holds, and how often it was sent before the last time.
    pub(super) fn content(&self, sequence: u64) -> Option<(&Content, u32)> {
        self.get(sequence).map(|sent| (&sent.content, sent.status.copies.saturating_sub(1)))
    }

    /// Takes in that all before `next` came, and `ranges` too. What was sent after `recovery` makes the window grow.
    /// `fastest` is the shortest round trip: a copy that is acknowledged sooner is not the one that came.
    pub(super) fn acknowledge(
        &mut self,
        now: Time,
        (next, ranges): (u64, &[Range<u64>]),
        (recovery, fastest): (Option<Time>, Duration),
    ) -> Progress {
        let mut progress = Progress::default();
        let last = (recovery, fastest);
        while self.first < next {
            let Some(Sent { content, status }) = self.segments.pop_front() else { break };
            if status.state != State::Acked {
                progress.payload += content.payload_bytes();
                self.settle(now, self.first, status, last, &mut progress);
            }
            self.first += 1;
        }
        self.acked_ahead.forget_before(self.first);
        let mut fresh = Vec::new();
        for range in ranges {
            let range = range.start.max(self.first)..range.end.min(self.next());
            self.acked_ahead.insert(range, |added| fresh.push(added));
        }
        for sequence in fresh.into_iter().flatten() {
            let Some(sent) = self.get_mut(sequence) else { continue };
            progress.payload += sent.content.payload_bytes();
            // Its payload is not needed any more, only its place.
            sent.content = Content::Fin;
            let status = sent.status;
            sent.status.state = State::Acked;
            self.settle(now, sequence, status, last, &mut progress);
        }
        self.trim();
        progress
    }

    /// Finds what is lost by what was acknowledged behind it.
    pub(super) fn detect(&mut self, now: Time, reordering: Duration) -> Losses {
        let mut losses = Losses::default();
        while let Some((at, transmission)) = self.front()
            && let Some(newest) = self.newest_acked.filter(|newest| transmission.order < *newest)
        {
            let due = at + reordering;
            if newest < transmission.order + PACKET_THRESHOLD && due > now {
                losses.next = Some(due);
                break;
            }
            losses.latest = Some(at);
            self.lose_front();
        }
        losses
    }

    /// All that was sent `age` ago or earlier is lost; when the latest of it was sent.
    pub(super) fn expire(&mut self, now: Time, age: Duration) -> Option<Time> {
        let mut latest = None;
        while let Some((at, _)) = self.front().filter(|(at, _)| *at + age <= now) {
            latest = Some(at);
            self.lose_front();
        }
        latest
    }

    /// The earliest transmission under way is lost.
    pub(super) fn lose_front(&mut self) {
        if let Some(front) = self.flight.pop_front() {
            self.lose(front.sequence);
            self.trim();
        }
    }

    /// All that is under way is lost; when the latest of it was sent.
    pub(super) fn go_back(&mut self) -> Option<Time> {
        let mut latest = None;
        while let Some((at, _)) = self.front() {
            latest = Some(at);
            self.lose_front();
        }
        latest
    }

    fn transmit(&mut self, now: Time, sequence: u64) {
        let order = self.transmissions;
        let Some(Sent { status, .. }) = self.get_mut(sequence) else { return };
        (status.at, status.order, status.state) = (now, order, State::InFlight);
        status.copies += 1;
        let bytes = status.bytes;
        self.in_flight += bytes;
        self.transmissions += 1;
        self.flight.push_back(Transmission { order, sequence });
    }

    /// A segment is acknowledged for the first time.
    fn settle(
        &mut self,
        now: Time,
        sequence: u64,
        sent: Status,
        (recovery, fastest): (Option<Time>, Duration),
        progress: &mut Progress,
    ) {
        if sent.state == State::Lost {
            self.lost.remove(&sequence);
        } else {
            self.in_flight -= sent.bytes;
        }
        progress.count += 1;
        if recovery.is_none_or(|recovery| sent.at > recovery) {
            progress.growing += sent.bytes;
        }
        // Section 6.2 of RFC 8985: too soon for the last copy, so an earlier one came.
        if sent.copies > 1 && now.since(sent.at) < fastest {
            return;
        }
        if progress.newest.is_none() || sent.order > progress.newest_order {
            progress.newest = Some((sent.at, sent.copies == 1));
            progress.newest_order = sent.order;
        }
        self.newest_acked = self.newest_acked.max(Some(sent.order));
    }

    fn lose(&mut self, sequence: u64) {
        let Some(Sent { status, .. }) = self.get_mut(sequence) else { return };
        status.state = State::Lost;
        let bytes = status.bytes;
        self.in_flight -= bytes;
        self.lost.insert(sequence);
    }

    /// The earliest transmission under way.
    fn front(&self) -> Option<(Time, Transmission)> {
        let front = *self.flight.front()?;
        self.get(front.sequence).map(|sent| (sent.status.at, front))
    }

    /// Takes out transmissions that are over, so that the front is under way.
    fn trim(&mut self) {
        while let Some(front) = self.flight.front()
            && !self.is_under_way(*front)
        {
            self.flight.pop_front();
        }
    }

    fn is_under_way(&self, transmission: Transmission) -> bool {
        self.get(transmission.sequence).is_some_and(|sent| {
            (sent.status.order, sent.status.state) == (transmission.order, State::InFlight)
        })
    }

    fn get(&self, sequence: u64) -> Option<&Sent> {
        self.segments.get(usize::try_from(sequence.checked_sub(self.first)?).ok()?)
    }

    fn get_mut(&mut self, sequence: u64) -> Option<&mut Sent> {
        self.segments.get_mut(usize::try_from(sequence.checked_sub(self.first)?).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RTT: Duration = Duration::from_millis(80);
    /// 9/8 of it.
    const REORDERING: Duration = Duration::from_millis(90);

    fn at(ms: u64) -> Time {
        Time::ZERO + Duration::from_millis(ms)
    }

    /// `count` segments, sent a millisecond apart.
    fn sent(count: u64) -> Scoreboard {
        let mut board = Scoreboard::default();
        (0..count).for_each(|n| assert_eq!(board.send(at(n), Content::Fin, 100), n));
        board
    }

    fn acknowledge(board: &mut Scoreboard, now: u64, next: u64, ahead: Range<u64>) -> Progress {
        board.acknowledge(at(now), (next, &[ahead]), (None, RTT))
    }

    #[test]
    fn the_third_later_transmission_that_arrives_tells_of_a_loss() {
        let mut board = sent(5);
        acknowledge(&mut board, 83, 0, 1..3);
        let losses = board.detect(at(83), REORDERING);
        assert_eq!(
            (losses.latest, losses.next),
            (None, Some(at(90))),
            "two later ones; in time, it is lost too"
        );
        acknowledge(&mut board, 84, 0, 1..4);
        assert_eq!(board.detect(at(84), REORDERING).latest, Some(at(0)));
        assert_eq!((board.next_lost(), board.in_flight()), (Some((0, 100)), 100));
    }

    #[test]
    fn what_was_sent_again_is_as_new_as_its_last_copy() {
        let mut board = sent(8);
        acknowledge(&mut board, 83, 0, 1..4);
        board.detect(at(83), REORDERING);
        board.resend(at(83), 0);
        acknowledge(&mut board, 87, 0, 1..8);
        assert_eq!(board.detect(at(87), REORDERING).latest, None, "all of these were sent before the copy");
        assert_eq!(board.content(0).map(|(_, copies_before)| copies_before), Some(1));
    }

    #[test]
    fn an_acknowledgement_that_comes_too_soon_is_of_an_earlier_copy() {
        let mut board = sent(1);
        board.lose_front();
        board.resend(at(85), 0);
        let progress = acknowledge(&mut board, 100, 1, 0..0);
        assert_eq!((progress.count, progress.newest), (1, None));
        assert_eq!((board.first(), board.in_flight(), board.earliest()), (1, 0, None));
    }

    #[test]
    fn what_is_acknowledged_twice_counts_once() {
        let mut board = sent(4);
        assert_eq!(acknowledge(&mut board, 83, 0, 2..4).count, 2);
        assert_eq!(acknowledge(&mut board, 84, 1, 2..4).count, 1);
        assert_eq!(acknowledge(&mut board, 85, 4, 0..0).count, 1);
        assert_eq!(acknowledge(&mut board, 86, 2, 3..4).count, 0, "late, and of no use");
    }
}
