//! What drivers and applications call.

use std::{ops::Range, time::Duration};

use bytes::Bytes;

use super::{
    super::{Config, ConnectionError, ConnectionId, Message, SendError, Stats, greet::Greet},
    Connection, State,
};
use crate::{unit::Time, wire::segment::Segment};

/// What has happened to a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Messages can be sent.
    Connected,
    /// There is room again, after [`SendError::Full`].
    Writable,
    /// The peer has said all: what is received now is the last.
    Finished,
    /// It is over: both ends have all and know it, or an error cut it short.
    Closed(Option<ConnectionError>),
}

/// A datagram to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transmit {
    /// Its bytes.
    pub datagram: Vec<u8>,
    /// What it is, for who looks on.
    pub kind: Kind,
}

/// What a datagram is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A segment of a message, or the end behind the last. It keeps its number when it is sent again.
    Content {
        /// That number.
        sequence: u64,
        /// How often it was sent before: above 0 for a retransmission.
        copies_before: u32,
    },
    /// An acknowledgement alone.
    Acknowledgement,
    /// Part of the handshake, a ping, or a reset.
    Control,
}

impl Connection {
    /// A client's end, which begins to ask for a connection. `id` must be random: whoever guesses it can forge
    /// segments.
    pub fn client(config: Config, id: ConnectionId, now: Time) -> Self {
        let mut connection = Self::new(config, id, now, State::Greeting);
        connection.greet = Some(Greet::new(now, id));
        connection
    }

    /// A datagram came. What is not an intact segment of this connection changes nothing. Returns whether it brought
    /// content that was not there before and is kept.
    pub fn handle_segment(&mut self, now: Time, datagram: &[u8]) -> bool {
        match Segment::parse(datagram) {
            Ok(segment) if segment.to == self.id => self.on_segment(now, &segment),
            _ => {
                self.discarded += 1;
                false
            }
        }
    }

    /// Time has gone by: does what was due at [`Self::poll_timeout`].
    pub fn handle_timeout(&mut self, now: Time) {
        match self.state {
            State::Greeting => self.on_greeting_timeout(now),
            State::Open => {
                self.on_greeting_timeout(now);
                self.on_open_timeout(now);
            }
            State::Finished { until } | State::Reset { until } if until <= now => self.state = State::Drained,
            _ => {}
        }
    }

    /// The next datagram to send, until there is none.
    pub fn poll_transmit(&mut self, now: Time) -> Option<Transmit> {
        self.next_transmit(now)
    }

    /// When to call [`Self::handle_timeout`] and [`Self::poll_transmit`], if nothing else happens before.
    pub fn poll_timeout(&self) -> Option<Time> {
        let greet = self.greet.as_ref().map(Greet::due);
        match self.state {
            State::Greeting => greet,
            State::Open => {
                let idle = self.last_heard + self.config.idle_timeout;
                let due =
                    [greet, self.sender.next_timeout(), self.receiver.answer_due(), self.keep_alive_at()];
                due.into_iter().flatten().chain([idle]).min()
            }
            State::Finished { until } | State::Reset { until } => {
                Some(self.receiver.answer_due().map_or(until, |due| due.min(until)))
            }
            State::Drained => None,
        }
    }

    /// What has happened, until there is nothing more.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Sends a message, and says which segments it will be: their numbers at both ends.
    ///
    /// # Errors
    ///
    /// [`SendError`]; the message was not taken.
    pub fn send(&mut self, message: Bytes) -> Result<Range<u64>, SendError> {
        match self.state {
            State::Greeting => Err(SendError::NotConnected),
            State::Open if !self.closing => self.sender.send(message),
            _ => Err(SendError::Closed),
        }
    }

    /// The next message, in order where the mode has one. Frees its place in the receive window.
    pub fn recv(&mut self, now: Time) -> Option<Message> {
        self.receiver.take(now)
    }

    /// Nothing more will be sent. What was is delivered first, and the peer may go on sending; both learn when it is
    /// over by [`Event::Closed`]. Before the handshake is done there is nothing to end in order: it is reset.
    pub fn close(&mut self, now: Time) {
        if self.state == State::Greeting {
            self.reset(now);
        } else if !std::mem::replace(&mut self.closing, true) {
            self.sender.finish();
        }
    }

    /// Gives it up: what is under way is lost, and the peer is told.
    pub fn reset(&mut self, now: Time) {
        match self.state {
            State::Greeting => self.end(ConnectionError::Reset),
            State::Open => {
                self.end(ConnectionError::Reset);
                self.reset = Some(self.sender.first_unacknowledged());
                self.state = State::Reset { until: now + self.linger() };
            }
            _ => {}
        }
    }

    /// Whether it may be forgotten: it is over, and nothing that still comes needs an answer.
    pub fn is_drained(&self) -> bool {
        self.state == State::Drained
    }

    /// This end's id: that of the datagrams that are for it.
    pub fn id(&self) -> ConnectionId {
        self.id
    }

    /// The first segment that has not come: all before it were released.
    pub fn expected(&self) -> u64 {
        self.receiver.next()
    }

    /// The first segment that the peer is not known to have.
    pub fn unacknowledged(&self) -> u64 {
        self.sender.first_unacknowledged()
    }

    /// The smoothed round trip, once there is one.
    pub fn rtt(&self) -> Option<Duration> {
        self.sender.rtt()
    }

    /// What has been counted.
    pub fn stats(&self) -> Stats {
        Stats {
            duplicates: self.duplicates,
            dropped: self.dropped,
            discarded: self.discarded,
            ..self.sender.stats()
        }
    }
}
