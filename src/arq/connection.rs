//! One end of a connection.

mod incoming;
mod outgoing;

use std::{collections::VecDeque, ops::Range, time::Duration};

use bytes::Bytes;

use super::{
    Config, ConnectionError, ConnectionId, DeclaredLoss, Event, Message, RecoveryState, SendError, Stats,
    Transmit, config::payload_bytes, handshake::ClientHandshake, receiver::Receiver, sender::Sender,
    variant::rules,
};
use crate::{
    unit::Time,
    wire::segment::{Greeting, Segment},
};

/// One end of a connection: a state machine without a clock, a socket or a task.
///
/// To drive it, repeat:
///
/// 1. Call [`handle_segment`](Self::handle_segment) with each datagram received for this connection, and
///    [`handle_timeout`](Self::handle_timeout) when [`poll_timeout`](Self::poll_timeout) is due.
/// 2. Call [`poll_event`](Self::poll_event) and [`recv`](Self::recv) until they return `None`, and
///    [`send`](Self::send) the application's answers.
/// 3. Call [`poll_transmit`](Self::poll_transmit) until it returns `None`. Do this after each datagram, because each
///    may need an acknowledgement, but after the application's answer, which can carry that acknowledgement.
/// 4. Wait for a datagram, the application, or [`poll_timeout`](Self::poll_timeout), whichever is first.
#[derive(Debug)]
pub struct Connection {
    config: Config,
    id: ConnectionId,
    peer: Option<ConnectionId>,
    state: State,
    /// The client's handshake, until the server has acknowledged the connection.
    handshake: Option<ClientHandshake>,
    sender: Sender,
    receiver: Receiver,
    /// The largest datagram that both ends accept.
    max_datagram: u16,
    /// [`Self::close`] was called.
    closing: bool,
    events: VecDeque<Event>,
    finish_reported: bool,
    ping: bool,
    /// The sequence number of a reset to send.
    reset: Option<u64>,
    last_received: Time,
    /// When the peer last sent a segment or was last pinged.
    last_activity: Time,
    received_bytes: u64,
    duplicates: u64,
    dropped: u64,
    discarded: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The client awaits the server's first answer.
    Connecting,
    Open,
    /// Both directions have finished. Late segments are acknowledged again.
    Finished {
        until: Time,
    },
    /// This end has reset the connection. Late segments are answered with a reset.
    Reset {
        until: Time,
    },
    Drained,
}

/// How long a finished connection keeps answering, in retransmission timeouts (RFC 9000 section 10.2).
const LINGER_TIMEOUTS: u32 = 3;
/// Upper bound on that time.
const MAX_LINGER: Duration = Duration::from_secs(10);

impl Connection {
    /// Creates a client, which starts the handshake. `id` must be random: whoever guesses it can forge segments.
    pub fn client(config: Config, id: ConnectionId, now: Time) -> Self {
        let mut connection = Self::new(config, id, now, State::Connecting);
        connection.handshake = Some(ClientHandshake::new(now, id));
        connection
    }

    /// Creates the server's end for a client whose address is validated. The client's mode applies.
    pub(super) fn accepted(
        config: &Config,
        id: ConnectionId,
        hello: &Segment<'_>,
        greeting: Greeting,
        now: Time,
    ) -> Self {
        let config = Config { mode: greeting.mode, ..config.clone() };
        let mut connection = Self::new(config, id, now, State::Open);
        connection.on_greeting(&greeting, hello.acknowledgement.window);
        // Completes the client's handshake.
        connection.receiver.acknowledge_at_once(now);
        connection
    }

    fn new(config: Config, id: ConnectionId, now: Time, state: State) -> Self {
        let rules = rules(config.mode);
        let max_datagram = config.max_datagram();
        let payload = payload_bytes(max_datagram);
        Self {
            id,
            peer: None,
            state,
            handshake: None,
            sender: Sender::new(&config, rules, max_datagram, 0),
            receiver: Receiver::new(rules, config.receive_window, payload, config.ack_delay),
            max_datagram,
            closing: false,
            events: VecDeque::new(),
            finish_reported: false,
            ping: false,
            reset: None,
            last_received: now,
            last_activity: now,
            received_bytes: 0,
            duplicates: 0,
            dropped: 0,
            discarded: 0,
            config,
        }
    }

    /// Handles a received datagram. Anything but an intact segment of this connection is counted and ignored. Returns
    /// whether the segment held new content that was kept.
    pub fn handle_segment(&mut self, now: Time, datagram: &[u8]) -> bool {
        match Segment::parse(datagram) {
            Ok(segment) if segment.to == self.id => self.on_segment(now, &segment),
            _ => {
                self.discarded += 1;
                false
            }
        }
    }

    /// Handles the timeouts that are due at `now`.
    pub fn handle_timeout(&mut self, now: Time) {
        match self.state {
            State::Connecting => self.on_handshake_timeout(now),
            State::Open => {
                self.on_handshake_timeout(now);
                self.on_open_timeout(now);
            }
            State::Finished { until } | State::Reset { until } if until <= now => self.state = State::Drained,
            _ => {}
        }
    }

    /// The next datagram to send, if there is one.
    pub fn poll_transmit(&mut self, now: Time) -> Option<Transmit> {
        self.next_transmit(now)
    }

    /// When to call [`Self::handle_timeout`] and [`Self::poll_transmit`], if nothing else happens before.
    pub fn poll_timeout(&self) -> Option<Time> {
        let handshake = self.handshake.as_ref().map(ClientHandshake::due);
        match self.state {
            State::Connecting => handshake,
            State::Open => {
                let idle = self.last_received + self.config.idle_timeout;
                let due = [
                    handshake,
                    self.sender.next_timeout(),
                    self.receiver.acknowledgement_due(),
                    self.keep_alive_at(),
                ];
                due.into_iter().flatten().chain([idle]).min()
            }
            State::Finished { until } | State::Reset { until } => {
                Some(self.receiver.acknowledgement_due().map_or(until, |due| due.min(until)))
            }
            State::Drained => None,
        }
    }

    /// The next event, if there is one.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// The next declared loss. Always `None` unless [`Config::reports_losses`] is set.
    pub(crate) fn poll_loss(&mut self) -> Option<DeclaredLoss> {
        self.sender.poll_loss()
    }

    /// The number of the earliest transmission in flight. All before it are acknowledged or were declared lost.
    pub(crate) fn first_in_flight(&self) -> u64 {
        self.sender.first_in_flight()
    }

    /// Queues a message and returns the sequence numbers of its segments, which are the same at both ends.
    ///
    /// Returns [`SendError`] if the message was not accepted.
    pub fn send(&mut self, message: Bytes) -> Result<Range<u64>, SendError> {
        match self.state {
            State::Connecting => Err(SendError::NotConnected),
            State::Open if !self.closing => self.sender.send(message),
            _ => Err(SendError::Closed),
        }
    }

    /// The next received message, in order if the mode is ordered. Frees its place in the receive window.
    pub fn recv(&mut self, now: Time) -> Option<Message> {
        self.receiver.take(now)
    }

    /// The receive window in segments.
    pub(crate) fn receive_window(&self) -> u64 {
        self.receiver.window()
    }

    /// Raises the receive window, and advertises it. A smaller window than before has no effect, because an advertised
    /// window cannot be taken back.
    pub(crate) fn grow_receive_window(&mut self, now: Time, segments: u64) {
        self.receiver.grow_window(now, segments);
    }

    /// Upper bound on payload bytes that are queued or unacknowledged.
    pub(crate) fn send_buffer(&self) -> usize {
        self.sender.buffer_limit
    }

    /// Changes the upper bound on payload bytes that are queued or unacknowledged.
    pub(crate) fn set_send_buffer(&mut self, bytes: usize) {
        // The peer's greeting replaces the sender by one made from these settings.
        self.config.send_buffer = bytes;
        self.sender.buffer_limit = bytes;
        if self.sender.has_room_again() {
            self.events.push_back(Event::Writable);
        }
    }

    /// Closes this end's direction after the messages already queued. The peer may continue to send. Both ends see
    /// [`Event::Closed`] once both directions have finished. During the handshake this resets the connection.
    pub fn close(&mut self, now: Time) {
        if self.state == State::Connecting {
            self.reset(now);
        } else if !std::mem::replace(&mut self.closing, true) {
            self.sender.finish();
        }
    }

    /// Aborts the connection: discards unacknowledged data and sends a reset.
    pub fn reset(&mut self, now: Time) {
        match self.state {
            State::Connecting => self.fail(ConnectionError::Reset),
            State::Open => {
                self.fail(ConnectionError::Reset);
                self.reset = Some(self.sender.first_unacknowledged());
                self.state = State::Reset { until: now + self.linger() };
            }
            _ => {}
        }
    }

    /// Whether the connection can be dropped: it is closed and answers no more segments.
    pub fn is_drained(&self) -> bool {
        self.state == State::Drained
    }

    /// This end's connection id, which the peer's datagrams carry.
    pub fn id(&self) -> ConnectionId {
        self.id
    }

    /// The peer's connection id, once it is known.
    pub fn peer_id(&self) -> Option<ConnectionId> {
        self.peer
    }

    /// The settings.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The next expected sequence number: every segment before it has been received.
    pub(crate) fn expected(&self) -> u64 {
        self.receiver.next()
    }

    /// The first sequence number that the peer has not acknowledged.
    pub(crate) fn unacknowledged(&self) -> u64 {
        self.sender.first_unacknowledged()
    }

    /// The smoothed RTT, if there is a sample.
    pub fn rtt(&self) -> Option<Duration> {
        self.sender.rtt()
    }

    /// The connection's counters.
    pub fn stats(&self) -> Stats {
        Stats {
            received_bytes: self.received_bytes,
            duplicates: self.duplicates,
            dropped: self.dropped,
            discarded: self.discarded,
            ..self.sender.stats()
        }
    }

    /// The state of loss recovery and congestion control.
    pub(crate) fn recovery_state(&self) -> RecoveryState {
        self.sender.recovery_state()
    }

    /// The counters, with the time limited by credit or buffer up to `now`. In [`Self::stats`] that time ends at the
    /// last event.
    pub fn stats_at(&self, now: Time) -> Stats {
        let mut stats = self.stats();
        self.sender.limits.count_starved(now, &mut stats);
        stats
    }

    fn on_handshake_timeout(&mut self, now: Time) {
        let max = self.config.max_timeouts;
        if let Some(hellos) = self.handshake.as_ref().and_then(|handshake| handshake.gives_up(now, max)) {
            self.fail(ConnectionError::NoAnswer { hellos });
        }
    }

    fn on_open_timeout(&mut self, now: Time) {
        if now >= self.last_received + self.config.idle_timeout {
            self.fail(ConnectionError::Idle(self.config.idle_timeout));
            return;
        }
        self.ping |= self.sender.on_timeout(now);
        let timeouts = self.sender.timeouts();
        if timeouts > self.config.max_timeouts {
            self.fail(ConnectionError::PeerGone { timeouts });
            return;
        }
        if self.keep_alive_at().is_some_and(|at| at <= now) {
            self.last_activity = now;
            self.ping = true;
        }
    }

    fn keep_alive_at(&self) -> Option<Time> {
        self.config.keep_alive.map(|silence| self.last_activity + silence)
    }

    fn linger(&self) -> Duration {
        (self.sender.timeout() * LINGER_TIMEOUTS).min(MAX_LINGER)
    }

    /// Closes the connection with an error, without lingering.
    fn fail(&mut self, error: ConnectionError) {
        self.state = State::Drained;
        self.handshake = None;
        self.events.push_back(Event::Closed(Some(error)));
    }
}
