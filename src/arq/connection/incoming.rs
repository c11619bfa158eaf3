//! Handling of received segments.

use super::{Connection, State};
use crate::{
    arq::{Config, ConnectionError, Event, receiver::Received, sender::Sender, variant::rules},
    unit::Time,
    wire::segment::{Body, Greeting, Segment},
};

impl Connection {
    /// Handles an intact segment. Returns whether it held new content that was kept.
    pub(super) fn on_segment(&mut self, now: Time, segment: &Segment<'_>) -> bool {
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

    /// Applies the peer's parameters and opens the connection.
    pub(super) fn on_greeting(&mut self, greeting: &Greeting, window: u32) {
        self.peer = Some(greeting.from);
        self.max_datagram =
            self.config.max_datagram().min(greeting.max_datagram.max(Config::SMALLEST_DATAGRAM));
        self.sender = Sender::new(&self.config, rules(self.config.mode), self.max_datagram, window);
        self.events.push_back(Event::Connected);
    }

    fn on_challenge(&mut self, now: Time, greeting: &Greeting, window: u32) {
        let Some(handshake) = &mut self.handshake else { return };
        let sample = handshake.on_challenge(now, greeting.from, greeting.cookie);
        self.last_received = now;
        if self.state == State::Connecting {
            self.state = State::Open;
            self.on_greeting(greeting, window);
        }
        if let Some(rtt) = sample {
            self.sender.sample(rtt);
        }
    }

    /// RFC 5961 section 3: accepts a reset only with the next expected sequence number. Any other within the window is
    /// answered with an acknowledgement, from which an honest peer learns that number.
    fn on_reset(&mut self, now: Time, sequence: u64) {
        match self.state {
            State::Connecting => self.fail(ConnectionError::Refused),
            State::Open if sequence == self.receiver.next() => {
                self.fail(if self.handshake.is_some() {
                    ConnectionError::Refused
                } else {
                    ConnectionError::ResetByPeer
                });
            }
            State::Open if self.receiver.is_within(sequence) => self.receiver.acknowledge_at_once(now),
            _ => {}
        }
    }

    fn on_established(&mut self, now: Time, segment: &Segment<'_>) -> bool {
        if let Body::Hello(_) = segment.body {
            // The acknowledgement of the first hello was lost.
            self.receiver.acknowledge_at_once(now);
            return false;
        }
        if !self.sender.accepts(&segment.acknowledgement) {
            self.discarded += 1;
            return false;
        }
        self.handshake = None;
        (self.last_received, self.last_activity) = (now, now);
        self.sender.on_answer();
        self.sender.on_acknowledgement(now, &segment.acknowledgement);
        let received = match segment.body {
            Body::Data { sequence, fragment, payload } => {
                self.receiver.on_data(now, sequence, fragment, payload)
            }
            Body::Fin { sequence } => self.receiver.on_fin(now, sequence),
            Body::Ping => {
                self.receiver.acknowledge_at_once(now);
                Received::New
            }
            _ => Received::New,
        };
        if let (Body::Data { payload, .. }, Received::New) = (&segment.body, received) {
            self.received_bytes += payload.len() as u64;
        }
        self.duplicates += u64::from(received == Received::Duplicate);
        self.dropped += u64::from(received == Received::Dropped);
        if self.sender.has_room_again() {
            self.events.push_back(Event::Writable);
        }
        self.check_finished(now);
        matches!(segment.body, Body::Data { .. } | Body::Fin { .. }) && received == Received::New
    }

    /// Reports the end of the peer's direction, and closes the connection once both directions have ended.
    fn check_finished(&mut self, now: Time) {
        if self.receiver.is_finished() && !self.finish_reported {
            self.finish_reported = true;
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
}
