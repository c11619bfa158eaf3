//! The clients of a server's socket.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc, time::Duration};

use dimpl::{Config, DtlsCertificate};
use rustls::KeyLog;

use super::{
    client::rejection,
    connection::{Connection, Event},
    crypto::{Tally, logged_to},
    deadlines::Deadlines,
    inbox::Inbox,
    peer::{Handler, Handshake, Live, Peer, Standing},
    record,
    record::Random,
    trace::Trace,
    unproven::Unproven,
};
use crate::{
    path::{DatagramError, Datagrams, Host, Received, Rejection, Rejections},
    transport::{ClientLimits, Departure},
    unit::Time,
};

/// How long a client has to return the cookie.
const COOKIE_LIMIT: Duration = Duration::from_secs(3);

/// The clients, and what all of them share.
#[derive(Debug)]
pub(super) struct Peers {
    pub(super) host: Arc<dyn Host>,
    pub(super) socket: Arc<dyn Datagrams>,
    pub(super) config: Arc<Config>,
    pub(super) certificate: DtlsCertificate,
    /// How long a handshake may take.
    pub(super) handshake_limit: Duration,
    pub(super) limits: Option<ClientLimits>,
    pub(super) trace: Trace,
    /// Where secrets are logged.
    pub(super) key_log: Option<Arc<dyn KeyLog>>,
    pub(super) peers: BTreeMap<SocketAddr, Peer>,
    pub(super) unproven: Unproven,
    /// Clients in a handshake that have proven their address.
    pub(super) proven: Vec<SocketAddr>,
    pub(super) deadlines: Deadlines,
    pub(super) inbox: Inbox,
    pub(super) rejected: Rejections,
}

/// The outcome of a step of a handshake.
#[derive(Debug, Default)]
struct Step {
    packets: Vec<Vec<u8>>,
    is_connected: bool,
}

impl Peers {
    /// Handles a datagram: it may add to the inbox.
    pub(super) fn receive(&mut self, received: Received, datagram: &[u8]) {
        let (now, client) = (self.host.now(), received.from);
        let known = self.peers.get(&client);
        let is_proven =
            known.and_then(|peer| peer.handshake.as_ref()).is_some_and(|handshake| !handshake.is_unproven());
        let handler = match known {
            Some(peer) => peer.handler(datagram),
            None => record::client_hello(datagram).map_or(Handler::Nobody, Handler::New),
        };
        let before = Tally::now();
        match handler {
            Handler::Session => self.receive_on_session(now, received, datagram),
            Handler::Handshake if is_proven => self.step(now, client, Some(datagram)),
            Handler::Handshake | Handler::New(_) if !self.may_answer(client) => {
                self.rejected.note(client.ip());
            }
            Handler::Handshake => self.step(now, client, Some(datagram)),
            Handler::New(random) => self.begin(now, received, random, datagram),
            Handler::Early => {}
            Handler::Copy => self.rejected.count(Rejection::Replayed, client.ip()),
            Handler::Nobody => self.rejected.count(Rejection::Stranger, client.ip()),
        }
        if !matches!(handler, Handler::Session) {
            let is_heard = matches!(handler, Handler::Handshake | Handler::New(_));
            self.trace.arrived(datagram, &received, is_heard && Tally::since(before).opened > 0);
        }
        self.set_alarm(client);
    }

    /// Does what is due. Returns whether anything was.
    pub(super) fn run_timers(&mut self) -> bool {
        let now = self.host.now();
        let mut any = false;
        while let Some(client) = self.deadlines.ringing(now) {
            any = true;
            self.ring(now, client);
        }
        any
    }

    /// The alarm of `client` rings.
    fn ring(&mut self, now: Time, client: SocketAddr) {
        let idle = self.idle();
        let Some(peer) = self.peers.get_mut(&client) else { return };
        self.deadlines.clear(client, &mut peer.alarm);
        if let Some(handshake) = &peer.handshake {
            if handshake.expires <= now || handshake.is_evicted() {
                self.end_handshake(client);
            } else if !handshake.is_unproven() && handshake.connection.due() <= now {
                self.step(now, client, None);
            }
        }
        let Some(peer) = self.peers.get_mut(&client) else { return };
        if let Some(session) = &mut peer.session {
            if session.ends(idle) <= now {
                session.connection.close();
                self.drain_session(client, None);
                self.end_session(client, Some(Departure::Idle));
            } else if session.connection.due() <= now {
                let done = session.connection.run_timers(now);
                self.drain_session(client, None);
                if done.is_err() {
                    self.end_session(client, None);
                }
            }
        }
        self.set_alarm(client);
    }

    /// Whether the rate limits permit an answer to a client whose address may be forged.
    fn may_answer(&self, client: SocketAddr) -> bool {
        self.limits.as_ref().is_none_or(|limits| limits.gate.hello(client))
    }

    /// Begins a handshake with a client whose address may be forged.
    fn begin(&mut self, now: Time, received: Received, random: Random, hello: &[u8]) {
        let client = received.from;
        if self.peers.get(&client).is_some_and(|peer| peer.handshake.is_some()) {
            self.end_handshake(client);
        }
        if let Some(evicted) = self.unproven.add(client) {
            self.end_handshake(evicted);
        }
        let local = self.socket.local_addr().ip();
        let from = received.to.filter(|to| local.is_unspecified() && !to.is_multicast());
        let connection = Connection::server(self.config.clone(), self.certificate.clone(), &*self.host);
        let expires = now + COOKIE_LIMIT.min(self.handshake_limit);
        let handshake = Handshake { connection, random, standing: Standing::Unproven, expires };
        self.peers.entry(client).or_insert_with(|| Peer::new(from)).handshake = Some(Box::new(handshake));
        self.step(now, client, Some(hello));
    }

    /// A handshake takes in a datagram, or runs its timers.
    fn step(&mut self, now: Time, client: SocketAddr, datagram: Option<&[u8]>) {
        let Some(handshake) = self.peers.get_mut(&client).and_then(|peer| peer.handshake.as_mut()) else {
            return;
        };
        let Handshake { connection, random, .. } = &mut **handshake;
        let mut step = Step::default();
        let done = logged_to(self.key_log.as_deref(), random, || {
            let done = match datagram {
                Some(datagram) => connection.receive(now, datagram),
                None => connection.run_timers(now),
            };
            connection.drain(|event| match event {
                Event::Packet(packet) => step.packets.push(packet.to_vec()),
                Event::Connected => step.is_connected = true,
                _ => {}
            });
            done
        });
        let (random, resends) = (*random, connection.resends());
        if done.is_err() && handshake.is_unproven() {
            handshake.standing = Standing::Refused;
            return;
        }
        let accepts = step.packets.iter().any(|packet| record::accepts_client(packet));
        let proves = accepts && handshake.is_unproven();
        if done.is_err() || proves && !self.prove(now, client) {
            return self.end_handshake(client);
        }
        for packet in &step.packets {
            self.trace.flies(packet, &random, resends);
            self.send(client, packet);
        }
        if step.is_connected {
            self.complete(now, client);
        }
    }

    /// The client has proven its address. Returns `false` if all places are taken.
    fn prove(&mut self, now: Time, client: SocketAddr) -> bool {
        self.unproven.remove(client);
        let place = match self.limits.as_ref().map(|limits| limits.gate.place(client.ip())) {
            None => None,
            Some(Some(place)) => Some(place),
            Some(None) => return false,
        };
        if let Some(handshake) = self.peers.get_mut(&client).and_then(|peer| peer.handshake.as_mut()) {
            handshake.standing = Standing::Proven(place);
            handshake.expires = now + self.handshake_limit;
            self.proven.push(client);
        }
        self.end_evicted();
        true
    }

    /// Ends the handshakes that had to make room.
    fn end_evicted(&mut self) {
        let is_evicted = |client: &&SocketAddr| {
            let handshake = self.peers.get(*client).and_then(|peer| peer.handshake.as_ref());
            handshake.is_some_and(|handshake| handshake.is_evicted())
        };
        let evicted: Vec<SocketAddr> = self.proven.iter().filter(is_evicted).copied().collect();
        evicted.into_iter().for_each(|client| self.end_handshake(client));
    }

    /// The handshake is complete. An earlier session of the same address ends (RFC 9147 section 5.11).
    fn complete(&mut self, now: Time, client: SocketAddr) {
        self.proven.retain(|other| *other != client);
        self.unproven.remove(client);
        let Some(peer) = self.peers.get_mut(&client) else { return };
        let Some(Handshake { connection, random, standing, .. }) = peer.handshake.take().map(|h| *h) else {
            return;
        };
        let place = match standing {
            Standing::Proven(place) => place,
            Standing::Unproven | Standing::Refused => None,
        };
        place.iter().for_each(|place| place.prove());
        peer.session = Some(Box::new(Live { connection, random, _place: place, heard: now }));
    }

    fn end_handshake(&mut self, client: SocketAddr) {
        self.unproven.remove(client);
        self.proven.retain(|other| *other != client);
        let Some(peer) = self.peers.get_mut(&client) else { return };
        if let Some(handshake) = peer.handshake.take()
            && !handshake.is_unproven()
        {
            let evicted = handshake.is_evicted();
            self.depart(if evicted { Departure::Evicted } else { Departure::Failed });
        }
        self.forget_unless_known(client);
    }

    fn end_session(&mut self, client: SocketAddr, departure: Option<Departure>) {
        if let Some(peer) = self.peers.get_mut(&client) {
            peer.session = None;
        }
        departure.into_iter().for_each(|departure| self.depart(departure));
        self.forget_unless_known(client);
    }

    fn forget_unless_known(&mut self, client: SocketAddr) {
        if let Some(peer) = self.peers.get_mut(&client)
            && peer.handshake.is_none()
            && peer.session.is_none()
        {
            self.deadlines.clear(client, &mut peer.alarm);
            self.peers.remove(&client);
        }
    }

    fn depart(&self, departure: Departure) {
        self.limits.iter().for_each(|limits| limits.gate.departed(departure));
    }

    fn receive_on_session(&mut self, now: Time, received: Received, datagram: &[u8]) {
        let Some(session) = self.peers.get_mut(&received.from).and_then(|peer| peer.session.as_mut()) else {
            return;
        };
        let before = Tally::now();
        let done = session.connection.receive(now, datagram);
        let tally = Tally::since(before);
        if tally.opened > 0 {
            session.heard = now;
        }
        let is_closed = self.drain_session(received.from, Some(received));
        self.trace.arrived(datagram, &received, tally.opened > 0);
        if let Some(rejection) = rejection(datagram, tally) {
            self.rejected.count(rejection, received.from.ip());
        }
        // An error is one of the client's own records: bad ones are none.
        if is_closed || done.is_err() {
            self.end_session(received.from, None);
        }
    }

    /// Does what a session wants done. Returns whether the client has closed it.
    fn drain_session(&mut self, client: SocketAddr, received: Option<Received>) -> bool {
        let Some(peer) = self.peers.get_mut(&client) else { return false };
        let Some(session) = peer.session.as_mut() else { return false };
        let (socket, trace, inbox, mut is_closed) = (&self.socket, &self.trace, &mut self.inbox, false);
        let (random, resends) = (session.random, session.connection.resends());
        session.connection.drain(|event| match event {
            Event::Packet(packet) => {
                trace.flies(packet, &random, resends);
                drop(socket.try_send(packet, client, peer.from));
            }
            Event::Data(data) => received.into_iter().for_each(|received| inbox.push(data, received)),
            Event::Closed => is_closed = true,
            Event::Certificate(_) | Event::Connected => {}
        });
        is_closed
    }

    /// A datagram that is not sent is lost like any other.
    fn send(&self, client: SocketAddr, packet: &[u8]) {
        let from = self.peers.get(&client).and_then(|peer| peer.from);
        let _ = self.socket.try_send(packet, client, from);
    }

    /// Encrypts and sends a message. `None` if there is no session with `client`.
    pub(super) fn send_message(
        &mut self,
        client: SocketAddr,
        message: &[u8],
    ) -> Option<Result<(), DatagramError>> {
        let peer = self.peers.get_mut(&client)?;
        let session = peer.session.as_mut()?;
        session.connection.send(message).ok()?;
        let (socket, trace, mut sent) = (&self.socket, &self.trace, Ok(()));
        session.connection.drain(|event| {
            if let Event::Packet(packet) = event {
                trace.sealed(message, packet);
                sent = socket.try_send(packet, client, peer.from);
            }
        });
        Some(sent)
    }

    /// Says goodbye to all clients.
    pub(super) fn close(&mut self) {
        let clients: Vec<SocketAddr> = self.peers.keys().copied().collect();
        for client in clients {
            if let Some(session) = self.peers.get_mut(&client).and_then(|peer| peer.session.as_mut()) {
                session.connection.close();
                self.drain_session(client, None);
            }
        }
    }

    fn idle(&self) -> Option<Duration> {
        self.limits.as_ref().map(|limits| limits.idle)
    }

    fn set_alarm(&mut self, client: SocketAddr) {
        let idle = self.idle();
        if let Some(peer) = self.peers.get_mut(&client) {
            let due = peer.due(idle);
            self.deadlines.set(client, &mut peer.alarm, due);
        }
    }
}
