//! One end of a connection: it is handed datagrams and timeouts, and asked for what to send.

mod face;

use std::{collections::VecDeque, time::Duration};

use super::{
    Config, ConnectionError, ConnectionId, Mode, Received, Receiver, Sender, config::payload_bytes,
    greet::Greet, variant::Rules,
};
use crate::{
    unit::Time,
    wire::segment::{Acknowledgement, Body, Greeting, HEADER_BYTES, MAX_RANGES, RANGE_BYTES, Segment},
};

pub use self::face::{Event, Kind, Transmit};

/// One end of a connection, without a clock, a socket or a task.
///
/// Drive it so, as often as anything happens:
///
/// 1. [`handle_segment`](Self::handle_segment) each datagram that came for it, and
///    [`handle_timeout`](Self::handle_timeout) when [`poll_timeout`](Self::poll_timeout) is due;
/// 2. [`poll_event`](Self::poll_event) and [`recv`](Self::recv) until there is no more, and
///    [`send`](Self::send) what the application answers;
/// 3. [`poll_transmit`](Self::poll_transmit) until there is no more: after each datagram, because each may need an
///    acknowledgement of its own, and after the application's answer to it, so that the acknowledgement travels with it;
/// 4. wait for a datagram, the application, or [`poll_timeout`](Self::poll_timeout), whichever is first.
#[derive(Debug)]
pub struct Connection {
    config: Config,
    id: ConnectionId,
    peer: Option<ConnectionId>,
    state: State,
    /// The client's handshake, until the server has shown that it knows of the connection.
    greet: Option<Greet>,
    sender: Sender,
    receiver: Receiver,
    /// The largest datagram that both ends take.
    largest: u16,
    closing: bool,
    events: VecDeque<Event>,
    finish_told: bool,
    ping: bool,
    /// The sequence number of a reset that is to be sent.
    reset: Option<u64>,
    last_heard: Time,
    /// When the peer was last heard of or asked.
    last_asked: Time,
    duplicates: u64,
    dropped: u64,
    discarded: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The client has not heard of the server.
    Greeting,
    Open,
    /// Both ends have said all. What still comes is acknowledged again.
    Finished {
        until: Time,
    },
    /// It was given up here. What still comes is answered with a reset.
    Reset {
        until: Time,
    },
    Drained,
}

/// How long the end is remembered, in timeouts (RFC 9000 section 10.2).
const LINGER_TIMEOUTS: u32 = 3;
/// No longer than this: nobody sees whether it was enough.
const LONGEST_LINGER: Duration = Duration::from_secs(10);

impl Connection {
    fn new(config: Config, id: ConnectionId, now: Time, state: State) -> Self {
        let rules = Rules::of(config.mode);
        let largest = config.largest();
        Self {
            id,
            peer: None,
            state,
            greet: None,
            sender: Sender::new(&config, rules, largest, 0),
            receiver: Receiver::new(rules, config.receive_window, payload_bytes(largest), config.ack_delay),
            largest,
            closing: false,
            events: VecDeque::new(),
            finish_told: false,
            ping: false,
            reset: None,
            last_heard: now,
            last_asked: now,
            duplicates: 0,
            dropped: 0,
            discarded: 0,
            config,
        }
    }

    /// A server's end: the client has shown where it is. Its mode and the smaller of both datagrams hold.
    pub(super) fn accepted(
        config: &Config,
        id: ConnectionId,
        hello: &Segment<'_>,
        greeting: Greeting,
        now: Time,
    ) -> Self {
        let config = Config { mode: greeting.mode, ..config.clone() };
        let mut connection = Self::new(config, id, now, State::Open);
        connection.meet(&greeting, hello.acknowledgement.window);
        // The client learns that it was heard.
        connection.receiver.owe(now);
        connection
    }

    /// What the peer says of itself holds.
    fn meet(&mut self, greeting: &Greeting, window: u32) {
        self.peer = Some(greeting.from);
        self.largest = self.config.largest().min(greeting.largest.max(Config::SMALLEST_DATAGRAM));
        let rules = Rules::of(self.config.mode);
        self.sender = Sender::new(&self.config, rules, self.largest, window);
        self.events.push_back(Event::Connected);
    }

    /// Returns whether it brought content that is new.
    fn on_segment(&mut self, now: Time, segment: &Segment<'_>) -> bool {
        match (self.state, &segment.body) {
            (_, Body::Challenge(greeting)) => {
                self.on_challenge(now, greeting, segment.acknowledgement.window)
            }
            (_, Body::Reset { sequence }) => self.on_reset(now, *sequence),
            (State::Reset { .. }, _) => self.reset = Some(segment.acknowledgement.next),
            (State::Open | State::Finished { .. }, _) => return self.on_established(now, segment),
            _ => self.discarded += 1,
        }
        false
    }

    fn on_challenge(&mut self, now: Time, greeting: &Greeting, window: u32) {
        let Some(greet) = &mut self.greet else { return };
        let sample = greet.on_challenge(now, greeting.from, greeting.cookie);
        self.last_heard = now;
        if self.state == State::Greeting {
            self.state = State::Open;
            self.meet(greeting, window);
        }
        if let Some(rtt) = sample {
            self.sender.sample(rtt);
        }
    }

    /// RFC 5961 section 3: only who knows what is expected next is obeyed; an honest peer learns it by the answer.
    fn on_reset(&mut self, now: Time, sequence: u64) {
        match self.state {
            State::Greeting => self.end(ConnectionError::Refused),
            State::Open if sequence == self.receiver.next() => {
                self.end(if self.greet.is_some() {
                    ConnectionError::Refused
                } else {
                    ConnectionError::ResetByPeer
                });
            }
            State::Open if self.receiver.is_within(sequence) => self.receiver.owe(now),
            _ => {}
        }
    }

    fn on_established(&mut self, now: Time, segment: &Segment<'_>) -> bool {
        if let Body::Hello(_) = segment.body {
            // Our answer to it was lost.
            self.receiver.owe(now);
            return false;
        }
        if !self.sender.accepts(&segment.acknowledgement) {
            self.discarded += 1;
            return false;
        }
        self.greet = None;
        (self.last_heard, self.last_asked) = (now, now);
        self.sender.on_answer();
        self.sender.on_acknowledgement(now, &segment.acknowledgement);
        let received = match segment.body {
            Body::Data { sequence, fragment, payload } => {
                self.receiver.on_data(now, (sequence, fragment, payload))
            }
            Body::Fin { sequence } => self.receiver.on_fin(now, sequence),
            Body::Ping => {
                self.receiver.owe(now);
                Received::New
            }
            _ => Received::New,
        };
        self.duplicates += u64::from(received == Received::Duplicate);
        self.dropped += u64::from(received == Received::Dropped);
        if self.sender.has_room_again() {
            self.events.push_back(Event::Writable);
        }
        self.note_end(now);
        matches!(segment.body, Body::Data { .. } | Body::Fin { .. }) && received == Received::New
    }

    /// Whether one direction is over, or both.
    fn note_end(&mut self, now: Time) {
        if self.receiver.is_finished() && !self.finish_told {
            self.finish_told = true;
            self.events.push_back(Event::Finished);
        }
        if !self.receiver.is_finished() || !self.sender.is_finished() {
            return;
        }
        if self.state == State::Open {
            self.events.push_back(Event::Closed(None));
        }
        self.state = State::Finished { until: now + self.linger() };
    }

    fn linger(&self) -> Duration {
        (self.sender.timeout() * LINGER_TIMEOUTS).min(LONGEST_LINGER)
    }

    /// It is over, and nothing is left to do.
    fn end(&mut self, error: ConnectionError) {
        self.state = State::Drained;
        self.greet = None;
        self.events.push_back(Event::Closed(Some(error)));
    }

    fn on_greeting_timeout(&mut self, now: Time) {
        if let Some(hellos) =
            self.greet.as_ref().and_then(|greet| greet.gives_up(now, self.config.max_timeouts))
        {
            self.end(ConnectionError::NoAnswer { hellos });
        }
    }

    fn on_open_timeout(&mut self, now: Time) {
        if now >= self.last_heard + self.config.idle_timeout {
            self.end(ConnectionError::Idle(self.config.idle_timeout));
            return;
        }
        self.ping |= self.sender.on_timeout(now);
        let timeouts = self.sender.timeouts();
        if timeouts > self.config.max_timeouts {
            self.end(ConnectionError::PeerGone { timeouts });
            return;
        }
        if self.keep_alive_at().is_some_and(|at| at <= now) {
            self.last_asked = now;
            self.ping = true;
        }
    }

    fn keep_alive_at(&self) -> Option<Time> {
        self.config.keep_alive.map(|silence| self.last_asked + silence)
    }

    /// The next thing to send: a handshake, what was lost, what is new, a question, or an answer alone.
    fn next_transmit(&mut self, now: Time) -> Option<Transmit> {
        if self.state == State::Drained {
            return None;
        }
        if let Some(sequence) = self.reset.take() {
            return self.seal(Body::Reset { sequence }, Kind::Control);
        }
        if let Some((to, hello)) = self.greet.as_mut().and_then(|greet| greet.poll(now, &self.config)) {
            let window = self.config.receive_window;
            let acknowledgement = Acknowledgement { window, ..Acknowledgement::default() };
            let datagram = Segment { to, acknowledgement, body: hello }.encode();
            return Some(Transmit { datagram, kind: Kind::Control });
        }
        match self.state {
            State::Open => self.transmit_open(now),
            State::Finished { .. } => self.transmit_answer(now),
            _ => None,
        }
    }

    fn transmit_open(&mut self, now: Time) -> Option<Transmit> {
        if let Some(outgoing) = self.sender.poll(now) {
            return self.seal_content(&outgoing);
        }
        if std::mem::take(&mut self.ping) {
            return self.seal(Body::Ping, Kind::Control);
        }
        self.transmit_answer(now)
    }

    fn transmit_answer(&mut self, now: Time) -> Option<Transmit> {
        let due = self.receiver.answer_due().is_some_and(|due| due <= now);
        if due { self.seal(Body::Ack, Kind::Acknowledgement) } else { None }
    }

    fn seal_content(&mut self, outgoing: &super::sender::Outgoing) -> Option<Transmit> {
        let &super::sender::Outgoing { sequence, ref content, copies_before } = outgoing;
        let kind = Kind::Content { sequence, copies_before };
        match content {
            super::queue::Content::Fragment(fragment, payload) => {
                self.seal(Body::Data { sequence, fragment: *fragment, payload }, kind)
            }
            super::queue::Content::Fin => self.seal(Body::Fin { sequence }, kind),
        }
    }

    /// A segment to the peer, with an acknowledgement as detailed as there is room for.
    fn seal(&mut self, body: Body<'_>, kind: Kind) -> Option<Transmit> {
        let payload = match body {
            Body::Data { payload, .. } => payload.len(),
            _ => 0,
        };
        let room = usize::from(self.largest).saturating_sub(HEADER_BYTES + payload) / RANGE_BYTES;
        let acknowledgement = self.receiver.acknowledge(room.min(MAX_RANGES));
        let datagram = Segment { to: self.peer?, acknowledgement, body }.encode();
        Some(Transmit { datagram, kind })
    }

    /// How it recovers and in which order it delivers.
    pub fn mode(&self) -> Mode {
        self.config.mode
    }
}
