//! The sending half: what goes next, what an acknowledgement means, and when to stop waiting for one.

use std::{ops::Range, time::Duration};

use bytes::Bytes;

use super::{
    Config, SendError, Stats,
    config::payload_bytes,
    congestion::{Acked, Controller},
    queue::{Content, Queue},
    rtt::Rtt,
    scoreboard::{Losses, PACKET_THRESHOLD, Scoreboard},
    variant::Rules,
};
use crate::{
    unit::Time,
    wire::segment::{Acknowledgement, HEADER_BYTES},
};

#[derive(Debug)]
pub(super) struct Sender {
    rules: Rules,
    fast_retransmit: bool,
    limit: usize,
    /// Payload that is queued or was not acknowledged.
    buffered: usize,
    /// The application was told that there is no room.
    refused: bool,
    queue: Queue,
    board: Scoreboard,
    rtt: Rtt,
    controller: Box<dyn Controller>,
    /// When the last congestion event was noticed: losses of what was sent before are part of it.
    recovery: Option<Time>,
    /// A loss was just found: one segment goes again whatever the window says (RFC 6675 section 5, step 4.3).
    urgent: bool,
    /// Since when a full congestion window has kept something from being sent.
    limited_since: Option<Time>,
    /// The first segment that the peer has no room for, and how many it ever has at a time.
    edge: u64,
    capacity: u64,
    duplicates: Duplicates,
    /// When the retransmission timer was started.
    timer: Option<Time>,
    /// When what lies between two acknowledged segments is lost.
    loss_at: Option<Time>,
    /// Since when the peer has had no room, with nothing under way that would be answered.
    stalled: Option<Time>,
    /// Timeouts since anything was acknowledged.
    timeouts: u32,
    stats: Stats,
    fin: Option<u64>,
}

/// Acknowledgements in a row that ask for the same segment (RFC 5681 section 3.2), for go-back-N.
#[derive(Debug, Default)]
struct Duplicates {
    count: u64,
    /// Where it went back last: what was under way then still asks for the same.
    went_back: Option<u64>,
}

/// A segment that leaves.
#[derive(Debug)]
pub(super) struct Outgoing {
    pub(super) sequence: u64,
    pub(super) content: Content,
    /// How often it was sent before.
    pub(super) copies_before: u32,
}

impl Sender {
    /// Towards a peer that takes datagrams of up to `largest` bytes and has room for `capacity` segments.
    pub(super) fn new(config: &Config, rules: Rules, largest: u16, capacity: u32) -> Self {
        Self {
            rules,
            fast_retransmit: config.fast_retransmit,
            limit: config.send_buffer,
            buffered: 0,
            refused: false,
            queue: Queue::new(payload_bytes(largest)),
            board: Scoreboard::default(),
            rtt: Rtt::new(config.timer),
            controller: config.congestion.build(largest.into()),
            recovery: None,
            urgent: false,
            limited_since: None,
            edge: capacity.into(),
            capacity: capacity.into(),
            duplicates: Duplicates::default(),
            timer: None,
            loss_at: None,
            stalled: None,
            timeouts: 0,
            stats: Stats::default(),
            fin: None,
        }
    }

    /// Queues a message and says which segments it will be.
    pub(super) fn send(&mut self, message: Bytes) -> Result<Range<u64>, SendError> {
        let most = self.capacity.min(u16::MAX.into()) as usize;
        if self.queue.segments(message.len()) > most {
            return Err(SendError::TooLarge { bytes: message.len(), segments: most });
        }
        // A buffer that is empty takes whatever fits the peer.
        if self.buffered > 0 && self.buffered + message.len() > self.limit {
            self.refused = true;
            return Err(SendError::Full);
        }
        self.buffered += message.len();
        Ok(self.queue.push(message))
    }

    /// Nothing will be sent behind what is queued.
    pub(super) fn finish(&mut self) {
        self.queue.finish();
    }

    /// Whether the peer has all, and knows that it is all.
    pub(super) fn is_finished(&self) -> bool {
        self.fin.is_some_and(|fin| self.board.first() > fin)
    }

    /// What the peer expects next, as far as is known here.
    pub(super) fn first_unacknowledged(&self) -> u64 {
        self.board.first()
    }

    /// Whether there is room again for a message that was refused. Says so once.
    pub(super) fn has_room_again(&mut self) -> bool {
        let room = self.refused && self.buffered <= self.limit / 2;
        self.refused &= !room;
        room
    }

    /// Whether an acknowledgement can be of something that was sent (RFC 5961 section 5).
    pub(super) fn accepts(&self, acknowledgement: &Acknowledgement) -> bool {
        let sent = self.board.next();
        acknowledgement.next <= sent
            && acknowledgement.ranges.as_slice().iter().all(|range| range.end <= sent)
    }

    /// The next segment to send. An acknowledgement travels with it.
    pub(super) fn poll(&mut self, now: Time) -> Option<Outgoing> {
        let outgoing = match self.board.next_lost() {
            Some((sequence, bytes)) => self.resend(now, sequence, bytes)?,
            None => self.send_new(now)?,
        };
        self.timer.get_or_insert(now);
        Some(outgoing)
    }

    /// A sample of the round trip that came with the handshake.
    pub(super) fn sample(&mut self, rtt: Duration) {
        self.rtt.sample(rtt);
    }

    /// Takes in what the peer has received. It was accepted before.
    pub(super) fn on_acknowledgement(&mut self, now: Time, acknowledgement: &Acknowledgement) {
        let edge = acknowledgement.next + u64::from(acknowledgement.window);
        if edge > self.edge {
            self.edge = edge;
            self.stalled = None;
        }
        let gap_at_first = acknowledgement.gap && acknowledgement.next == self.board.first();
        let ranges = acknowledgement.ranges.as_slice();
        let last = (self.recovery, self.rtt.min());
        let in_flight = self.board.in_flight();
        let progress = self.board.acknowledge(now, (acknowledgement.next, ranges), last);
        if progress.count > 0 {
            self.buffered -= progress.payload;
            self.timeouts = 0;
            self.duplicates.count = 0;
            if let Some((sent, true)) = progress.newest {
                self.rtt.sample(now.since(sent));
            }
            if self.limited_since.is_some() && progress.growing > 0 {
                let rtt = self.rtt.smoothed().unwrap_or_default();
                self.controller.on_ack(Acked { now, bytes: progress.growing, rtt });
            }
            // RFC 6298, 5.2 and 5.3.
            self.timer = (self.board.in_flight() > 0).then_some(now);
        }
        if self.fast_retransmit {
            if self.rules.goes_back() {
                self.count_duplicate(now, gap_at_first);
            } else {
                self.detect(now);
            }
        }
        if self.board.in_flight() < in_flight {
            self.note_limit(now);
        }
    }

    /// When [`Self::on_timeout`] has something to do.
    pub(super) fn next_timeout(&self) -> Option<Time> {
        let stalled = self.stalled.map(|since| since + self.rtt.timeout());
        [self.retransmission_at(), self.loss_at, stalled].into_iter().flatten().min()
    }

    /// Does what is due. Returns whether the peer is to be asked for its window (RFC 9293 section 3.8.6.1).
    pub(super) fn on_timeout(&mut self, now: Time) -> bool {
        if self.loss_at.is_some_and(|at| at <= now) {
            self.detect(now);
        }
        if self.retransmission_at().is_some_and(|at| at <= now) {
            self.expire(now);
        }
        let stalled = self.stalled.is_some_and(|since| since + self.rtt.timeout() <= now);
        if stalled {
            self.timeouts += 1;
            self.rtt.back_off();
            self.stalled = Some(now);
        }
        stalled
    }

    /// The peer has answered, though it may have no room.
    pub(super) fn on_answer(&mut self) {
        if self.stalled.is_some() {
            self.timeouts = 0;
        }
    }

    /// Timeouts since anything was acknowledged.
    pub(super) fn timeouts(&self) -> u32 {
        self.timeouts
    }

    /// How long to wait for an answer.
    pub(super) fn timeout(&self) -> Duration {
        self.rtt.timeout()
    }

    /// The smoothed round trip.
    pub(super) fn rtt(&self) -> Option<Duration> {
        self.rtt.smoothed()
    }

    pub(super) fn stats(&self) -> Stats {
        Stats {
            window_bytes: self.controller.window(),
            in_flight_bytes: self.board.in_flight(),
            ..self.stats
        }
    }

    fn resend(&mut self, now: Time, sequence: u64, bytes: u64) -> Option<Outgoing> {
        if !std::mem::take(&mut self.urgent) && !self.fits(bytes) {
            self.limited_since.get_or_insert(now);
            return None;
        }
        self.board.resend(now, sequence);
        let (content, copies_before) = self.board.content(sequence)?;
        self.stats.retransmissions += 1;
        Some(Outgoing { sequence, content: content.clone(), copies_before })
    }

    fn send_new(&mut self, now: Time) -> Option<Outgoing> {
        let Some(bytes) = self.sendable(now) else {
            // Whatever is in the way, it is not the congestion window.
            self.note_limit(now);
            self.limited_since = None;
            return None;
        };
        if !self.fits(bytes) {
            self.limited_since.get_or_insert(now);
            return None;
        }
        let content = self.queue.pop()?;
        let sequence = self.board.send(now, content.clone(), bytes);
        if matches!(content, Content::Fin) {
            self.fin = Some(sequence);
        }
        self.stats.segments += 1;
        Some(Outgoing { sequence, content, copies_before: 0 })
    }

    /// Bytes of the next new segment, if there is one and both the variant and the peer have room for it.
    fn sendable(&mut self, now: Time) -> Option<u64> {
        let payload = self.queue.next_bytes()?;
        let (first, next) = (self.board.first(), self.board.next());
        if next >= self.edge && first == next {
            self.stalled.get_or_insert(now);
        }
        let room = next < self.edge && next - first < self.rules.most_outstanding;
        room.then_some((HEADER_BYTES + payload) as u64)
    }

    fn fits(&self, bytes: u64) -> bool {
        let in_flight = self.board.in_flight();
        in_flight == 0 || in_flight + bytes <= self.controller.window()
    }

    /// Adds up how long the window has been in the way.
    fn note_limit(&mut self, now: Time) {
        if let Some(since) = self.limited_since {
            self.stats.window_limited += now.since(since);
            self.limited_since = Some(now);
        }
    }

    fn detect(&mut self, now: Time) {
        let Losses { latest, next } = self.board.detect(now, self.rtt.reordering());
        self.loss_at = next;
        if let Some(sent) = latest {
            self.stats.fast_retransmits += 1;
            self.on_loss(now, sent);
        }
    }

    /// Go-back-N: the peer dropped a segment because it misses the one before it.
    fn count_duplicate(&mut self, now: Time, gap_at_first: bool) {
        let first = self.board.first();
        if !gap_at_first || self.duplicates.went_back == Some(first) {
            return;
        }
        self.duplicates.count += 1;
        if self.duplicates.count == PACKET_THRESHOLD
            && let Some(sent) = self.go_back()
        {
            self.stats.fast_retransmits += 1;
            self.on_loss(now, sent);
        }
    }

    fn go_back(&mut self) -> Option<Time> {
        self.duplicates = Duplicates { count: 0, went_back: Some(self.board.first()) };
        self.board.go_back()
    }

    /// A segment that was sent at `sent` is lost.
    fn on_loss(&mut self, now: Time, sent: Time) {
        if self.recovery.is_none_or(|recovery| sent > recovery) {
            self.recovery = Some(now);
            self.urgent = true;
            let before = self.controller.window();
            self.controller.on_loss();
            self.note_congestion(before);
        }
    }

    /// When the retransmission timer expires.
    fn retransmission_at(&self) -> Option<Time> {
        let earliest = self.board.earliest()?;
        match self.rtt.fixed() {
            Some(timeout) => Some(earliest + timeout),
            None => self.timer.map(|started| started + self.rtt.timeout()),
        }
    }

    /// What is under way is taken for lost: all of it that had the time to be answered, and in any case the earliest.
    fn expire(&mut self, now: Time) {
        let (in_flight, fixed) = (self.board.in_flight(), self.rtt.fixed());
        self.timeouts += 1;
        self.stats.timeouts += 1;
        if self.rules.goes_back() {
            self.go_back();
        } else if let Some(timeout) = fixed {
            self.board.expire(now, timeout);
        } else {
            self.board.lose_front();
            self.board.expire(now, self.rtt.reordering());
        }
        if fixed.is_none() {
            self.rtt.back_off();
        }
        self.timer = Some(now);
        self.recovery = Some(now);
        // Not for what was sent again by this timer already (RFC 5681 section 3.1).
        if self.timeouts == 1 {
            let before = self.controller.window();
            self.controller.on_timeout(in_flight);
            self.note_congestion(before);
        }
    }

    /// The controller was told of a loss; one that reduces nothing does not count it.
    fn note_congestion(&mut self, before: u64) {
        let window = self.controller.window();
        if window >= before {
            return;
        }
        self.stats.congestion_events += 1;
        self.stats.min_window_bytes = Some(self.stats.min_window_bytes.map_or(window, |min| min.min(window)));
    }
}
