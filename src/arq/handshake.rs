//! The client's side of the handshake.
//!
//! ```text
//! client                                 server
//!    | Hello (512 bytes)            ------> |  keeps no state
//!    | <------           Challenge (cookie) |
//!    | Hello (cookie), then data    ------> |  valid cookie: creates the connection
//!    | <------                          Ack |
//! ```

use std::time::Duration;

use super::{Config, ConnectionId};
use crate::{
    unit::Time,
    wire::segment::{Body, Cookie, Greeting},
};

#[derive(Debug)]
pub(super) struct ClientHandshake {
    id: ConnectionId,
    /// The server's connection id and cookie.
    challenge: Option<(ConnectionId, Cookie)>,
    due: Time,
    /// When the first hello was sent.
    first_sent: Option<Time>,
    hellos: u32,
    /// Hellos sent since the last answer.
    unanswered: u32,
    timeout: Duration,
}

/// The timeout before the first RTT sample (RFC 6298 section 2.1).
const INITIAL_TIMEOUT: Duration = Duration::from_secs(1);
/// Upper bound on the timeout after backoff (RFC 6298 section 2.5).
const MAX_TIMEOUT: Duration = Duration::from_secs(60);

impl ClientHandshake {
    pub(super) fn new(now: Time, id: ConnectionId) -> Self {
        Self {
            id,
            challenge: None,
            due: now,
            first_sent: None,
            hellos: 0,
            unanswered: 0,
            timeout: INITIAL_TIMEOUT,
        }
    }

    /// The next hello and its destination, if one is due.
    pub(super) fn poll(&mut self, now: Time, config: &Config) -> Option<(ConnectionId, Body<'static>)> {
        if self.due > now {
            return None;
        }
        self.first_sent.get_or_insert(now);
        self.due = now + self.timeout.saturating_mul(1 << self.unanswered.min(16)).min(MAX_TIMEOUT);
        self.hellos += 1;
        self.unanswered += 1;
        let (to, cookie) = self.challenge.unwrap_or_default();
        let max_datagram = config.max_datagram();
        Some((to, Body::Hello(Greeting { from: self.id, cookie, max_datagram, mode: config.mode })))
    }

    /// Handles the server's challenge. Returns an RTT sample if only one hello was sent (Karn's algorithm).
    pub(super) fn on_challenge(
        &mut self,
        now: Time,
        server: ConnectionId,
        cookie: Cookie,
    ) -> Option<Duration> {
        let sample = self.first_sent.filter(|_| self.hellos == 1 && self.challenge.is_none());
        let sample = sample.map(|first| now.since(first));
        self.challenge = Some((server, cookie));
        self.unanswered = 0;
        self.timeout =
            sample.map_or(self.timeout, |rtt| (3 * rtt).clamp(Duration::from_millis(10), INITIAL_TIMEOUT));
        self.due = now;
        sample
    }

    /// When the next hello is due.
    pub(super) fn due(&self) -> Time {
        self.due
    }

    /// The number of unanswered hellos, if the last of more than `max` has timed out.
    pub(super) fn gives_up(&self, now: Time, max: u32) -> Option<u32> {
        (self.due <= now && self.unanswered > max).then_some(self.unanswered)
    }
}
