//! The server's door: it keeps nothing of who asks until they have shown where they are.

use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

use ring::hmac;

use super::{Config, Connection, ConnectionId};
use crate::{
    unit::{Time, nanos},
    wire::segment::{Acknowledgement, Body, Cookie, Greeting, Segment},
};

/// How long a cookie is good for, at least.
const COOKIE_LIFE: Duration = Duration::from_secs(30);

/// Who is connected, and the key that saves remembering who merely asked.
///
/// A client's first hello is answered with a challenge: a connection id and a cookie, both made from the client's
/// address, its id and the time with a key that only the server knows, so that nothing has to be kept (as SCTP's
/// cookie, RFC 9260 section 5.1.3, and TCP's SYN cookies). Only who receives at that address can send the cookie
/// back, and only then is there a connection. The answer is smaller than the hello, so a forged address earns its
/// victim less traffic than its forger has to send.
#[derive(Debug)]
pub struct Listener {
    config: Config,
    key: hmac::Key,
    most: usize,
    connections: BTreeMap<ConnectionId, SocketAddr>,
}

/// What a datagram turned out to be.
#[derive(Debug)]
pub enum Routed {
    /// Nothing to do.
    Ignored,
    /// Send this back to where it came from.
    Reply(Vec<u8>),
    /// A client has shown where it is: drive this connection from now on, beginning with what it has to send.
    Accepted(Box<Connection>),
    /// It is for this connection.
    Connection(ConnectionId),
}

impl Listener {
    /// For `most` connections at a time. Whoever knows the `key` can make cookies for any address.
    pub fn new(config: Config, key: [u8; 32], most: usize) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
        Self { config, key, most, connections: BTreeMap::new() }
    }

    /// Connections that are accepted from now on have room for so many segments.
    pub fn set_receive_window(&mut self, segments: u32) {
        self.config.receive_window = segments;
    }

    /// Decides for whom a datagram from `from` is.
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

    /// A connection is drained: its place is free.
    pub fn forget(&mut self, id: ConnectionId) {
        self.connections.remove(&id);
    }

    /// Connections that have a place.
    pub fn len(&self) -> usize {
        self.connections.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.connections.is_empty()
    }

    fn on_hello(&mut self, now: Time, from: SocketAddr, hello: &Segment<'_>, greeting: Greeting) -> Routed {
        let period = now.as_nanos() / nanos(COOKIE_LIFE);
        let proven = [Some(period), period.checked_sub(1)]
            .into_iter()
            .flatten()
            .any(|period| self.challenge(from, greeting.from, period) == (hello.to, greeting.cookie));
        let body = if !proven {
            let (id, cookie) = self.challenge(from, greeting.from, period);
            Body::Challenge(Greeting {
                from: id,
                cookie,
                largest: self.config.largest(),
                mode: greeting.mode,
            })
        } else if self.connections.len() >= self.most {
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

    /// The connection id and the cookie for a client. The id is the same whenever it is asked for, so that a client that
    /// asks twice gets one connection; the cookie is good for a period of [`COOKIE_LIFE`] and the next.
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
