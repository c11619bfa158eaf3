//! The sending half: choice of the next segment, acknowledgements, loss recovery and timers.

use std::{ops::Range, time::Duration};

use bytes::Bytes;

use super::{
    Config, DeclaredLoss, LossCause, RecoveryState, SendError, Stats,
    config::payload_bytes,
    congestion::{Acked, CongestionControl},
    duplicates::Duplicates,
    limits::{Limits, Starved},
    probing::Probing,
    queue::{Content, Queue},
    rtt::Rtt,
    scoreboard::{AckContext, Losses, Scoreboard},
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
    packet_threshold: u64,
    time_threshold: f32,
    /// Upper bound on `buffered`. An empty buffer takes any message.
    pub(super) buffer_limit: usize,
    /// Payload bytes that are queued or unacknowledged.
    buffered: usize,
    /// A message was refused because the buffer was full.
    refused: bool,
    queue: Queue,
    board: Scoreboard,
    rtt: Rtt,
    congestion: CongestionControl,
    pub(super) limits: Limits,
    /// The right edge of the peer's receive window.
    edge: u64,
    /// The size of that window at the handshake.
    capacity: u64,
    duplicates: Duplicates,
    /// When the retransmission timer was last started.
    timer: Option<Time>,
    /// When the next segment passes the time threshold for loss.
    loss_at: Option<Time>,
    probing: Probing,
    /// Consecutive timeouts without a new acknowledgement.
    timeouts: u32,
    stats: Stats,
    fin: Option<u64>,
}

/// A segment to send.
#[derive(Debug)]
pub(super) struct Outgoing {
    pub(super) sequence: u64,
    pub(super) content: Content,
    /// Earlier transmissions of this segment.
    pub(super) copies_before: u32,
    /// The number of this transmission.
    pub(super) transmission: u64,
}

impl Sender {
    /// Creates a sender for a peer that accepts datagrams of up to `max_datagram` bytes and has a window of `capacity`
    /// segments.
    pub(super) fn new(config: &Config, rules: Rules, max_datagram: u16, capacity: u32) -> Self {
        Self {
            rules,
            fast_retransmit: config.fast_retransmit,
            packet_threshold: config.packet_threshold.into(),
            time_threshold: config.time_threshold,
            buffer_limit: config.send_buffer,
            buffered: 0,
            refused: false,
            queue: Queue::new(payload_bytes(max_datagram)),
            board: Scoreboard::new(config.packet_threshold, config.reports_losses),
            rtt: Rtt::new(config.timer),
            congestion: CongestionControl::new(config.congestion, max_datagram.into()),
            limits: Limits::default(),
            edge: capacity.into(),
            capacity: capacity.into(),
            duplicates: Duplicates::default(),
            timer: None,
            loss_at: None,
            probing: Probing::default(),
            timeouts: 0,
            stats: Stats::default(),
            fin: None,
        }
    }

    /// Queues a message and returns the sequence numbers of its segments.
    pub(super) fn send(&mut self, message: Bytes) -> Result<Range<u64>, SendError> {
        let max = self.capacity.min(u16::MAX.into()) as usize;
        if self.queue.segments(message.len()) > max {
            return Err(SendError::TooLarge { bytes: message.len(), segments: max });
        }
        // An empty buffer accepts any message that fits the peer's window.
        if self.buffered > 0 && self.buffered + message.len() > self.buffer_limit {
            self.refused = true;
            return Err(SendError::Full);
        }
        self.buffered += message.len();
        Ok(self.queue.push(message))
    }

    /// Queues the FIN.
    pub(super) fn finish(&mut self) {
        self.queue.finish();
    }

    /// Whether the peer has acknowledged everything, including the FIN.
    pub(super) fn is_finished(&self) -> bool {
        self.fin.is_some_and(|fin| self.board.first() > fin)
    }

    /// The first unacknowledged sequence number.
    pub(super) fn first_unacknowledged(&self) -> u64 {
        self.board.first()
    }

    /// Whether there is room again after a message was refused. Returns `true` once.
    pub(super) fn has_room_again(&mut self) -> bool {
        let room = self.refused && self.buffered <= self.buffer_limit / 2;
        self.refused &= !room;
        room
    }

    /// Whether an acknowledgement covers only segments that were sent (RFC 5961 section 5).
    pub(super) fn accepts(&self, acknowledgement: &Acknowledgement) -> bool {
        let sent = self.board.next();
        acknowledgement.next <= sent
            && acknowledgement.ranges.as_slice().iter().all(|range| range.end <= sent)
    }

    pub(super) fn poll_loss(&mut self) -> Option<DeclaredLoss> {
        self.board.poll_loss()
    }

    pub(super) fn first_in_flight(&self) -> u64 {
        self.board.first_in_flight()
    }

    /// The next segment to send: retransmissions first.
    pub(super) fn poll(&mut self, now: Time) -> Option<Outgoing> {
        let outgoing = match self.board.next_lost() {
            Some((sequence, bytes)) => self.resend(now, sequence, bytes)?,
            None => self.send_new(now)?,
        };
        self.timer.get_or_insert(now);
        Some(outgoing)
    }

    /// Takes an RTT sample from the handshake.
    pub(super) fn sample(&mut self, rtt: Duration) {
        self.rtt.sample(rtt);
    }

    /// Handles an acknowledgement that [`Self::accepts`] has accepted.
    pub(super) fn on_acknowledgement(&mut self, now: Time, acknowledgement: &Acknowledgement) {
        let edge = acknowledgement.next + u64::from(acknowledgement.window);
        if edge > self.edge {
            self.edge = edge;
            self.probing.end();
        }
        let gap_at_first = acknowledgement.gap && acknowledgement.next == self.board.first();
        let ranges = acknowledgement.ranges.as_slice();
        let in_flight = self.board.in_flight();
        let context = AckContext { now, recovery: self.congestion.recovery(), min_rtt: self.rtt.min() };
        let progress = self.board.acknowledge(acknowledgement.next, ranges, context);
        if progress.count > 0 {
            self.buffered -= progress.payload;
            self.stats.acknowledged_bytes += progress.payload as u64;
            self.timeouts = 0;
            self.duplicates.reset();
            if let Some((sent, true)) = progress.newest {
                self.rtt.sample(now.since(sent));
            }
            if self.limits.is_window_full() && progress.growing > 0 {
                let rtt = self.rtt.smoothed().unwrap_or_default();
                self.congestion.on_ack(Acked { now, bytes: progress.growing, rtt });
            }
            // RFC 6298 sections 5.2 and 5.3.
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
            self.limits.count_window(now, &mut self.stats);
        }
    }

    /// When [`Self::on_timeout`] is due.
    pub(super) fn next_timeout(&self) -> Option<Time> {
        [self.retransmission_at(), self.loss_at, self.probing.due(&self.rtt)].into_iter().flatten().min()
    }

    /// Handles due timers. Returns whether to probe the peer's closed window (RFC 9293 section 3.8.6.1).
    pub(super) fn on_timeout(&mut self, now: Time) -> bool {
        if self.loss_at.is_some_and(|at| at <= now) {
            self.detect(now);
        }
        if self.retransmission_at().is_some_and(|at| at <= now) {
            self.expire(now);
        }
        let must_probe = self.probing.probe(now, &self.rtt);
        self.timeouts += u32::from(must_probe);
        must_probe
    }

    /// Notes that the peer answered, so that probes of its closed window do not count as unanswered.
    pub(super) fn on_answer(&mut self) {
        if self.probing.is_active() {
            self.timeouts = 0;
        }
    }

    /// Consecutive timeouts without a new acknowledgement.
    pub(super) fn timeouts(&self) -> u32 {
        self.timeouts
    }

    /// The retransmission timeout.
    pub(super) fn timeout(&self) -> Duration {
        self.rtt.timeout()
    }

    /// The smoothed RTT.
    pub(super) fn rtt(&self) -> Option<Duration> {
        self.rtt.smoothed()
    }

    pub(super) fn stats(&self) -> Stats {
        Stats {
            window_bytes: self.congestion.window(),
            min_window_bytes: self.congestion.min_window(),
            congestion_events: self.congestion.events(),
            in_flight_bytes: self.board.in_flight(),
            ..self.stats
        }
    }

    pub(super) fn recovery_state(&self) -> RecoveryState {
        RecoveryState {
            rtt: self.rtt.state(),
            timeouts: self.timeouts,
            window_bytes: self.congestion.window(),
            in_flight_bytes: self.board.in_flight(),
            in_flight_segments: self.board.segments_in_flight(),
        }
    }

    fn resend(&mut self, now: Time, sequence: u64, bytes: u64) -> Option<Outgoing> {
        if !self.congestion.take_urgent() && !self.fits(bytes) {
            self.limits.hit_window(now);
            return None;
        }
        let transmission = self.board.resend(now, sequence);
        let (content, copies_before) = self.board.content(sequence)?;
        self.stats.retransmissions += 1;
        Some(Outgoing { sequence, content: content.clone(), copies_before, transmission })
    }

    fn send_new(&mut self, now: Time) -> Option<Outgoing> {
        let sendable = self.sendable(now);
        let starved = self.starved().filter(|_| sendable.is_none());
        self.limits.starve(now, starved, &mut self.stats);
        let Some(bytes) = sendable else {
            // Not limited by the congestion window.
            self.limits.leave_window(now, &mut self.stats);
            return None;
        };
        if !self.fits(bytes) {
            self.limits.hit_window(now);
            return None;
        }
        let content = self.queue.pop()?;
        let transmission = self.board.transmissions();
        let sequence = self.board.send(now, content.clone(), bytes);
        if matches!(content, Content::Fin) {
            self.fin = Some(sequence);
        }
        self.stats.segments += 1;
        Some(Outgoing { sequence, content, copies_before: 0, transmission })
    }

    /// Length of the next new segment, if there is one and both the variant and the peer's window permit it.
    fn sendable(&mut self, now: Time) -> Option<u64> {
        let payload = self.queue.next_bytes()?;
        let (first, next) = (self.board.first(), self.board.next());
        if next >= self.edge && first == next {
            self.probing.begin(now);
        }
        let room = next < self.edge && next - first < self.rules.max_outstanding;
        room.then_some((HEADER_BYTES + payload) as u64)
    }

    fn fits(&self, bytes: u64) -> bool {
        let in_flight = self.board.in_flight();
        in_flight == 0 || in_flight + bytes <= self.congestion.window()
    }

    /// What limits the sender, if not the congestion window.
    fn starved(&self) -> Option<Starved> {
        match self.queue.next_bytes() {
            Some(_) if self.board.next() >= self.edge => Some(Starved::ByCredit),
            None if self.refused => Some(Starved::ByBuffer),
            _ => None,
        }
    }

    fn detect(&mut self, now: Time) {
        let Losses { latest, next } = self.board.detect(now, self.rtt.time_threshold(self.time_threshold));
        self.loss_at = next;
        if let Some(sent) = latest {
            self.stats.fast_retransmits += 1;
            self.congestion.on_loss(now, sent);
        }
    }

    /// Counts a duplicate acknowledgement for go-back-N, and goes back at the packet threshold.
    fn count_duplicate(&mut self, now: Time, gap_at_first: bool) {
        if gap_at_first
            && self.duplicates.count(self.board.first(), self.packet_threshold)
            && let Some(sent) = self.go_back(LossCause::DuplicateAcks)
        {
            self.stats.fast_retransmits += 1;
            self.congestion.on_loss(now, sent);
        }
    }

    fn go_back(&mut self, cause: LossCause) -> Option<Time> {
        self.duplicates.go_back(self.board.first());
        self.board.lose_all(cause)
    }

    /// When the retransmission timer expires, if it runs.
    fn retransmission_at(&self) -> Option<Time> {
        let earliest = self.board.earliest()?;
        match self.rtt.fixed() {
            Some(timeout) => Some(earliest + timeout),
            None => self.timer.map(|started| started + self.rtt.timeout()),
        }
    }

    /// Handles an expiry of the retransmission timer: declares the earliest segment lost, and all others that were sent
    /// longer ago than the time threshold.
    fn expire(&mut self, now: Time) {
        let (in_flight, fixed) = (self.board.in_flight(), self.rtt.fixed());
        self.timeouts += 1;
        self.stats.timeouts += 1;
        if self.rules.goes_back() {
            self.go_back(LossCause::Timeout);
        } else if let Some(timeout) = fixed {
            self.board.expire(now, timeout);
        } else {
            self.board.lose_front(LossCause::Timeout);
            self.board.expire(now, self.rtt.time_threshold(self.time_threshold));
        }
        if fixed.is_none() {
            self.rtt.back_off();
        }
        self.timer = Some(now);
        self.congestion.on_timeout(now, in_flight, self.timeouts == 1);
    }
}
