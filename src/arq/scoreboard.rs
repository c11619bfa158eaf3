//! Unacknowledged segments and loss detection (RFC 6675, RFC 8985, RFC 9002 section 6.1).
//!
//! Each transmission has a number of its own, as a QUIC packet does, so a retransmitted segment counts as new as its
//! last copy. A segment is lost once a transmission with a number higher by the packet threshold is acknowledged, or
//! once any later one is acknowledged and the time threshold has passed since the segment was sent. The cost of an
//! acknowledgement depends on the segments that it changes, not on the size of the window.

use std::{
    collections::{BTreeSet, VecDeque},
    ops::Range,
    time::Duration,
};

use super::{DeclaredLoss, LossCause, queue::Content, ranges::RangeSet};
use crate::unit::Time;

#[derive(Debug)]
pub(super) struct Scoreboard {
    packet_threshold: u64,
    /// The first unacknowledged sequence number: that of `segments[0]`.
    first: u64,
    segments: VecDeque<Sent>,
    /// Transmissions in order. An acknowledged or lost one stays until it reaches the front.
    flight: VecDeque<Transmission>,
    lost: BTreeSet<u64>,
    acked_out_of_order: RangeSet,
    in_flight: u64,
    segments_in_flight: u64,
    transmissions: u64,
    /// The highest acknowledged transmission number.
    newest_acked: Option<u64>,
    /// Declared losses to report. `None` if losses are not reported.
    declared: Option<VecDeque<DeclaredLoss>>,
}

#[derive(Debug)]
struct Sent {
    content: Content,
    status: Status,
}

#[derive(Debug, Clone, Copy)]
struct Status {
    /// Length of its datagram without acknowledgement ranges.
    bytes: u64,
    at: Time,
    /// The number of its last transmission.
    transmission: u64,
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
    number: u64,
    sequence: u64,
}

/// The effect of an acknowledgement.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// Payload bytes of the newly acknowledged segments.
    pub(super) payload: usize,
    /// Datagram bytes of those sent after the last congestion event, which may grow the window.
    pub(super) growing: u64,
    /// Number of newly acknowledged segments.
    pub(super) count: u64,
    /// When the latest of them was sent, and whether it was sent only once.
    pub(super) newest: Option<(Time, bool)>,
    newest_transmission: u64,
}

/// The result of loss detection.
#[derive(Debug, Default)]
pub(super) struct Losses {
    /// When the latest lost transmission was sent.
    pub(super) latest: Option<Time>,
    /// When the next transmission will be declared lost unless it is acknowledged.
    pub(super) next: Option<Time>,
}

/// The state of the sender when an acknowledgement arrives.
#[derive(Debug, Clone, Copy)]
pub(super) struct AckContext {
    pub(super) now: Time,
    /// The last congestion event. Segments sent before it do not grow the window.
    pub(super) recovery: Option<Time>,
    /// The smallest RTT. A copy acknowledged sooner than this is not the copy that arrived.
    pub(super) min_rtt: Duration,
}

impl Scoreboard {
    pub(super) fn new(packet_threshold: u32, reports_losses: bool) -> Self {
        Self {
            packet_threshold: packet_threshold.into(),
            first: 0,
            segments: VecDeque::new(),
            flight: VecDeque::new(),
            lost: BTreeSet::new(),
            acked_out_of_order: RangeSet::default(),
            in_flight: 0,
            segments_in_flight: 0,
            transmissions: 0,
            newest_acked: None,
            declared: reports_losses.then(VecDeque::new),
        }
    }

    /// The first unacknowledged sequence number.
    pub(super) fn first(&self) -> u64 {
        self.first
    }

    /// The sequence number of the next new segment.
    pub(super) fn next(&self) -> u64 {
        self.first + self.segments.len() as u64
    }

    /// Bytes in flight: sent, and neither acknowledged nor lost.
    pub(super) fn in_flight(&self) -> u64 {
        self.in_flight
    }

    /// Segments in flight.
    pub(super) fn segments_in_flight(&self) -> u64 {
        self.segments_in_flight
    }

    /// The next lost segment to retransmit, and its length.
    pub(super) fn next_lost(&self) -> Option<(u64, u64)> {
        let sequence = *self.lost.first()?;
        Some((sequence, self.get(sequence)?.status.bytes))
    }

    /// Transmissions so far.
    pub(super) fn transmissions(&self) -> u64 {
        self.transmissions
    }

    /// The number of the earliest transmission in flight.
    pub(super) fn first_in_flight(&self) -> u64 {
        self.flight.front().map_or(self.transmissions, |front| front.number)
    }

    /// The next declared loss to report.
    pub(super) fn poll_loss(&mut self) -> Option<DeclaredLoss> {
        self.declared.as_mut()?.pop_front()
    }

    /// When the earliest transmission in flight was sent.
    pub(super) fn earliest(&self) -> Option<Time> {
        let front = self.flight.front()?;
        self.get(front.sequence).map(|sent| sent.status.at)
    }

    /// Records the first transmission of a segment and returns its sequence number.
    pub(super) fn send(&mut self, now: Time, content: Content, bytes: u64) -> u64 {
        let sequence = self.next();
        let status = Status { bytes, at: now, transmission: 0, copies: 0, state: State::Lost };
        self.segments.push_back(Sent { content, status });
        self.transmit(now, sequence);
        sequence
    }

    /// Records the retransmission of a lost segment and returns the number of the transmission.
    pub(super) fn resend(&mut self, now: Time, sequence: u64) -> u64 {
        self.lost.remove(&sequence);
        let transmission = self.transmissions;
        self.transmit(now, sequence);
        transmission
    }

    /// A segment's content, and its transmissions before the last one.
    pub(super) fn content(&self, sequence: u64) -> Option<(&Content, u32)> {
        self.get(sequence).map(|sent| (&sent.content, sent.status.copies.saturating_sub(1)))
    }

    /// Marks all segments before `next` and those in `ranges` as acknowledged.
    pub(super) fn acknowledge(&mut self, next: u64, ranges: &[Range<u64>], context: AckContext) -> Progress {
        let mut progress = Progress::default();
        while self.first < next {
            let Some(Sent { content, status }) = self.segments.pop_front() else { break };
            if status.state != State::Acked {
                progress.payload += content.payload_bytes();
                self.settle(self.first, status, context, &mut progress);
            }
            self.first += 1;
        }
        self.acked_out_of_order.forget_before(self.first);
        let mut fresh = Vec::new();
        for range in ranges {
            let range = range.start.max(self.first)..range.end.min(self.next());
            self.acked_out_of_order.insert(range, |added| fresh.push(added));
        }
        for sequence in fresh.into_iter().flatten() {
            let Some(sent) = self.get_mut(sequence) else { continue };
            progress.payload += sent.content.payload_bytes();
            // Frees the payload.
            sent.content = Content::Fin;
            let status = sent.status;
            sent.status.state = State::Acked;
            self.settle(sequence, status, context, &mut progress);
        }
        self.trim();
        progress
    }

    /// Detects losses by the packet threshold and the time threshold.
    pub(super) fn detect(&mut self, now: Time, time_threshold: Duration) -> Losses {
        let mut losses = Losses::default();
        while let Some((at, transmission)) = self.front()
            && let Some(newest) = self.newest_acked.filter(|newest| transmission.number < *newest)
        {
            let due = at + time_threshold;
            let cause = match newest - transmission.number {
                later if later >= self.packet_threshold => LossCause::PacketThreshold,
                _ if due <= now => LossCause::TimeThreshold,
                _ => {
                    losses.next = Some(due);
                    break;
                }
            };
            losses.latest = Some(at);
            self.lose_front(cause);
        }
        losses
    }

    /// Declares all transmissions lost that were sent at least `age` ago, because the retransmission timer expired.
    pub(super) fn expire(&mut self, now: Time, age: Duration) {
        while self.front().is_some_and(|(at, _)| at + age <= now) {
            self.lose_front(LossCause::Timeout);
        }
    }

    /// Declares the earliest transmission in flight lost.
    pub(super) fn lose_front(&mut self, cause: LossCause) {
        if let Some(front) = self.flight.pop_front() {
            let lost = DeclaredLoss { transmission: front.number, sequence: front.sequence, cause };
            self.declared.iter_mut().for_each(|declared| declared.push_back(lost));
            self.lose(front.sequence);
            self.trim();
        }
    }

    /// Declares all transmissions in flight lost. Returns when the latest of them was sent.
    pub(super) fn lose_all(&mut self, cause: LossCause) -> Option<Time> {
        let mut latest = None;
        while let Some((at, _)) = self.front() {
            latest = Some(at);
            self.lose_front(cause);
        }
        latest
    }

    fn transmit(&mut self, now: Time, sequence: u64) {
        let number = self.transmissions;
        let Some(Sent { status, .. }) = self.get_mut(sequence) else { return };
        (status.at, status.transmission, status.state) = (now, number, State::InFlight);
        status.copies += 1;
        let bytes = status.bytes;
        self.in_flight += bytes;
        self.segments_in_flight += 1;
        self.transmissions += 1;
        self.flight.push_back(Transmission { number, sequence });
    }

    /// Accounts for a newly acknowledged segment.
    fn settle(&mut self, sequence: u64, sent: Status, context: AckContext, progress: &mut Progress) {
        if sent.state == State::Lost {
            self.lost.remove(&sequence);
        } else {
            self.in_flight -= sent.bytes;
            self.segments_in_flight -= 1;
        }
        progress.count += 1;
        if context.recovery.is_none_or(|recovery| sent.at > recovery) {
            progress.growing += sent.bytes;
        }
        // RFC 8985 section 6.2: too soon for the last copy, so an earlier copy arrived.
        if sent.copies > 1 && context.now.since(sent.at) < context.min_rtt {
            return;
        }
        if progress.newest.is_none() || sent.transmission > progress.newest_transmission {
            progress.newest = Some((sent.at, sent.copies == 1));
            progress.newest_transmission = sent.transmission;
        }
        self.newest_acked = self.newest_acked.max(Some(sent.transmission));
    }

    fn lose(&mut self, sequence: u64) {
        let Some(Sent { status, .. }) = self.get_mut(sequence) else { return };
        status.state = State::Lost;
        let bytes = status.bytes;
        self.in_flight -= bytes;
        self.segments_in_flight -= 1;
        self.lost.insert(sequence);
    }

    /// The earliest transmission in flight, and when it was sent.
    fn front(&self) -> Option<(Time, Transmission)> {
        let front = *self.flight.front()?;
        self.get(front.sequence).map(|sent| (sent.status.at, front))
    }

    /// Removes transmissions from the front until the front is in flight.
    fn trim(&mut self) {
        while let Some(front) = self.flight.front()
            && !self.is_in_flight(*front)
        {
            self.flight.pop_front();
        }
    }

    fn is_in_flight(&self, transmission: Transmission) -> bool {
        self.get(transmission.sequence).is_some_and(|sent| {
            (sent.status.transmission, sent.status.state) == (transmission.number, State::InFlight)
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
    const TIME_THRESHOLD: Duration = Duration::from_millis(90);

    fn at(ms: u64) -> Time {
        Time::ZERO + Duration::from_millis(ms)
    }

    /// `count` segments, sent a millisecond apart.
    fn sent(count: u64) -> Scoreboard {
        let mut board = Scoreboard::new(3, false);
        (0..count).for_each(|n| assert_eq!(board.send(at(n), Content::Fin, 100), n));
        board
    }

    fn acknowledge(board: &mut Scoreboard, now: u64, next: u64, ahead: Range<u64>) -> Progress {
        let context = AckContext { now: at(now), recovery: None, min_rtt: RTT };
        board.acknowledge(next, &[ahead], context)
    }

    #[test]
    fn the_third_later_transmission_acknowledged_reveals_a_loss() {
        let mut board = sent(5);
        acknowledge(&mut board, 83, 0, 1..3);
        let losses = board.detect(at(83), TIME_THRESHOLD);
        assert_eq!(
            (losses.latest, losses.next),
            (None, Some(at(90))),
            "two later ones; in time, it is lost too"
        );
        acknowledge(&mut board, 84, 0, 1..4);
        assert_eq!(board.detect(at(84), TIME_THRESHOLD).latest, Some(at(0)));
        assert_eq!((board.next_lost(), board.in_flight()), (Some((0, 100)), 100));
    }

    #[test]
    fn a_retransmitted_segment_is_as_new_as_its_last_copy() {
        let mut board = sent(8);
        acknowledge(&mut board, 83, 0, 1..4);
        board.detect(at(83), TIME_THRESHOLD);
        board.resend(at(83), 0);
        acknowledge(&mut board, 87, 0, 1..8);
        assert_eq!(
            board.detect(at(87), TIME_THRESHOLD).latest,
            None,
            "all of these were sent before the copy"
        );
        assert_eq!(board.content(0).map(|(_, copies_before)| copies_before), Some(1));
    }

    #[test]
    fn an_acknowledgement_sooner_than_the_rtt_is_for_an_earlier_copy() {
        let mut board = sent(1);
        board.lose_front(LossCause::Timeout);
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
