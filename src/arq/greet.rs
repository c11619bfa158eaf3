//! The client's part of the handshake: asking, showing where it is, and asking again until it is heard.
//!
//! ```text
//! client                                 server
//!    | Hello (512 bytes)            ------> |  nothing is kept
//!    | <------           Challenge (cookie) |
//!    | Hello (cookie), then data    ------> |  the cookie is right: a connection
//!    | <------                          Ack |
//! ```

use std::time::Duration;

use super::{Config, ConnectionId};
use crate::{
    unit::Time,
    wire::segment::{Body, Cookie, Greeting},
};

#[derive(Debug)]
pub(super) struct Greet {
    id: ConnectionId,
    /// Who answered, and the proof that it wants.
    challenge: Option<(ConnectionId, Cookie)>,
    due: Time,
    /// When the first hello was sent.
    first: Option<Time>,
    hellos: u32,
    /// Hellos since the last answer.
    unanswered: u32,
    timeout: Duration,
}

/// Before anything is known of the round trip (RFC 6298 section 2.1).
const FIRST_TIMEOUT: Duration = Duration::from_secs(1);
/// However often nobody answered (section 2.5).
const LONGEST_TIMEOUT: Duration = Duration::from_secs(60);

impl Greet {
    pub(super) fn new(now: Time, id: ConnectionId) -> Self {
        Self { id, challenge: None, due: now, first: None, hellos: 0, unanswered: 0, timeout: FIRST_TIMEOUT }
    }

    /// A hello, if one is due.
    pub(super) fn poll(&mut self, now: Time, config: &Config) -> Option<(ConnectionId, Body<'static>)> {
        if self.due > now {
            return None;
        }
        self.first.get_or_insert(now);
        self.due = now + self.timeout.saturating_mul(1 << self.unanswered.min(16)).min(LONGEST_TIMEOUT);
        self.hellos += 1;
        self.unanswered += 1;
        let (to, cookie) = self.challenge.unwrap_or_default();
        let greeting = Greeting { from: self.id, cookie, largest: config.largest(), mode: config.mode };
        Some((to, Body::Hello(greeting)))
    }

    /// The server asks for proof. Returns the round trip, where only one hello can have been answered (Karn's rule).
    pub(super) fn on_challenge(
        &mut self,
        now: Time,
        server: ConnectionId,
        cookie: Cookie,
    ) -> Option<Duration> {
        let sample = self.first.filter(|_| self.hellos == 1 && self.challenge.is_none());
        let sample = sample.map(|first| now.since(first));
        self.challenge = Some((server, cookie));
        self.unanswered = 0;
        self.timeout =
            sample.map_or(self.timeout, |rtt| (3 * rtt).clamp(Duration::from_millis(10), FIRST_TIMEOUT));
        self.due = now;
        sample
    }

    /// When the next hello is due.
    pub(super) fn due(&self) -> Time {
        self.due
    }

    /// How many hellos in a row had no answer, if it is no use to send another.
    pub(super) fn gives_up(&self, now: Time, most: u32) -> Option<u32> {
        (self.due <= now && self.unanswered > most).then_some(self.unanswered)
    }
}
