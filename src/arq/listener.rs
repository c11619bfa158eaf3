//! The server's listener, which keeps no state for a client until its address is validated.

use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

use ring::hmac;

use super::{Config, Connection, ConnectionId};
use crate::{
    unit::{Time, nanos},
    wire::segment::{Acknowledgement, Body, Cookie, Greeting, Segment},
};

/// Minimum lifetime of a cookie.
const COOKIE_LIFETIME: Duration = Duration::from_secs(30);

/// Validates clients' addresses and routes datagrams to connections.
///
/// A client's first hello is answered with a challenge: a connection id and a cookie, both derived from the client's
/// address, its connection id and the time with the server's secret key. The server keeps no state for it, as with
/// SCTP's state cookie (RFC 9260 section 5.1.3) and TCP's SYN cookies (RFC 4987 section 3.6). Only a client that
/// receives at its address can return the cookie, and only then is a connection created. The challenge is smaller than
/// the hello, so a forged source address amplifies no traffic.
#[derive(Debug)]
pub struct Listener {
    config: Config,
    key: hmac::Key,
    max_connections: usize,
    connections: BTreeMap<ConnectionId, SocketAddr>,
}

/// What to do with a datagram.
#[derive(Debug)]
pub enum Routed {
    /// Ignore it.
    Ignored,
    /// Send this to its source.
    Reply(Vec<u8>),
    /// A new connection: drive it from now on, starting with [`Connection::poll_transmit`].
    Accepted(Box<Connection>),
    /// Pass it to this connection.
    Connection(ConnectionId),
}

impl Listener {
    /// Accepts up to `max_connections` at a time. Whoever knows the `key` can forge cookies for any address.
    pub fn new(config: Config, key: [u8; 32], max_connections: usize) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
        Self { config, key, max_connections, connections: BTreeMap::new() }
    }

    /// Sets the receive window, in segments, of connections accepted from now on.
    pub(crate) fn set_receive_window(&mut self, segments: u32) {
        self.config.receive_window = segments;
    }

    /// Routes a datagram from `from`.
    pub fn handle_datagram(&mut self, now: Time, from: SocketAddr, datagram: &[u8]) -> Routed {
        let Ok(segment) = Segment::parse(datagram) else {
            return Routed::Ignored;
        };
        if self.connections.get(&segment.to) == Some(&from) {
            return Routed::Connection(segment.to);
        }
        match segment.body {
            Body::Hello(greeting) => self.on_hello(now, from, &segment, greeting),
            _ => Routed::Ignored,
        }
    }

    /// Removes a drained connection.
    pub fn forget(&mut self, id: ConnectionId) {
        self.connections.remove(&id);
    }

    /// Number of connections.
    pub fn len(&self) -> usize {
        self.connections.len()
    }

    /// Whether there are no connections.
    pub fn is_empty(&self) -> bool {
        self.connections.is_empty()
    }

    fn on_hello(&mut self, now: Time, from: SocketAddr, hello: &Segment<'_>, greeting: Greeting) -> Routed {
        let period = now.as_nanos() / nanos(COOKIE_LIFETIME);
        let validated = [Some(period), period.checked_sub(1)]
            .into_iter()
            .flatten()
            .any(|period| self.challenge(from, greeting.from, period) == (hello.to, greeting.cookie));
        let body = if !validated {
            let (id, cookie) = self.challenge(from, greeting.from, period);
            Body::Challenge(Greeting {
                from: id,
                cookie,
                max_datagram: self.config.max_datagram(),
                mode: greeting.mode,
            })
        } else if self.connections.len() >= self.max_connections {
            Body::Reset { sequence: 0 }
        } else {
            self.connections.insert(hello.to, from);
            let connection = Connection::accepted(&self.config, hello.to, hello, greeting, now);
            return Routed::Accepted(Box::new(connection));
        };
        let window = self.config.receive_window;
        let acknowledgement = Acknowledgement { window, ..Acknowledgement::default() };
        Routed::Reply(Segment { to: greeting.from, acknowledgement, body }.encode())
    }

    /// The connection id and the cookie for a client. The id does not depend on the time, so that two hellos of a
    /// client create one connection. The cookie is valid for one period of [`COOKIE_LIFETIME`] and the next.
    fn challenge(&self, from: SocketAddr, client: ConnectionId, period: u64) -> (ConnectionId, Cookie) {
        let (mut id, mut cookie) = ([0; 8], [0; 16]);
        id.copy_from_slice(&self.tag(b"id", from, client, 0).as_ref()[..8]);
        cookie.copy_from_slice(&self.tag(b"cookie", from, client, period).as_ref()[..16]);
        (ConnectionId(u64::from_le_bytes(id)), Cookie(cookie))
    }

    fn tag(&self, what: &[u8], from: SocketAddr, client: ConnectionId, period: u64) -> hmac::Tag {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(what);
        match from {
            SocketAddr::V4(from) => context.update(&from.ip().octets()),
            SocketAddr::V6(from) => context.update(&from.ip().octets()),
        }
        context.update(&from.port().to_le_bytes());
        context.update(&client.0.to_le_bytes());
        context.update(&period.to_le_bytes());
        context.sign()
    }
}
