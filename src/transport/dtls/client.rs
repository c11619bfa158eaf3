//! A client's socket, which has one DTLS connection.

use std::{
    future::poll_fn,
    io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::{Arc, MutexGuard},
    task::{Context, Poll},
    time::Duration,
};

use dimpl::Error;

use super::{
    config::Setup,
    connection::{Connection, Event},
    crypto::{Tally, logged_to},
    inbox::Inbox,
    record::{self, Random},
    trace::Trace,
};
use crate::{
    path::{BoxFuture, DatagramError, Datagrams, Host, PathError, Received, Rejected, Rejection, Sleep},
    tap::Tap,
    transport::{ConnectError, security::ClientTls},
    unit::{Mutex, Room, Time},
};

/// How long a handshake may take before a new one begins: time for four losses in a row, as the timer doubles from 1 s
/// (RFC 9147 section 5.8.2).
pub(super) const HANDSHAKE_LIMIT: Duration = Duration::from_secs(20);
/// After this many datagrams that cannot be opened, and none that can, a new handshake begins. If the link changes a
/// handshake message, the two ends can have different keys, and neither gets an error.
const UNOPENED: u32 = 3;
/// How often a new handshake begins because of unopened datagrams. Anybody can forge them. A forger delays a handshake
/// by as many round trips, but does not prevent it.
const DOUBTS: u32 = 3;
/// How often a handshake is begun again after an error. The peer may have seen a changed message.
const RESTARTS: u64 = 3;

/// What fails, in errors.
const HANDSHAKE: &str = "DTLS handshake";
const CONNECTION: &str = "DTLS connection";

/// A client's end.
#[derive(Debug)]
pub(super) struct ClientSocket {
    host: Arc<dyn Host>,
    peer: SocketAddr,
    tls: ClientTls,
    setup: Setup,
    trace: Trace,
    state: Mutex<State>,
}

#[derive(Debug)]
pub(super) struct State {
    /// New for each handshake: a server rejects a hello from the address of an unfinished handshake as a forgery.
    socket: Arc<dyn Datagrams>,
    connection: Connection,
    /// The random of the latest ClientHello. It identifies the connection in a key log.
    random: Random,
    sleep: Sleep,
    is_connected: bool,
    /// Whether the server's certificate was found good.
    is_trusted: bool,
    /// Why the connection is over.
    over: Option<ConnectError>,
    /// Handshakes begun so far.
    pub(super) handshakes: u64,
    /// Handshakes that ended with an error.
    errors: u64,
    /// How many datagrams of this handshake could not be decrypted. `None` once one could: then both ends have the same
    /// keys.
    unopened: Option<u32>,
    /// Handshakes begun because of such datagrams.
    doubts: u32,
    inbox: Inbox,
    rejected: Rejected,
}

impl ClientSocket {
    pub(super) fn new(
        host: &Arc<dyn Host>,
        peer: SocketAddr,
        setup: Setup,
        tls: &ClientTls,
        tap: Option<Tap>,
    ) -> Result<Self, ConnectError> {
        let connection = Connection::client(setup.config(&**host, peer)?, setup.versions, &**host);
        let state = State {
            socket: host.udp_connect(peer)?,
            connection,
            random: Random::default(),
            sleep: host.sleep_until(Time::ZERO),
            is_connected: false,
            is_trusted: false,
            over: None,
            handshakes: 1,
            errors: 0,
            unopened: Some(0),
            doubts: 0,
            inbox: Inbox::default(),
            rejected: Rejected::default(),
        };
        Ok(Self {
            host: host.clone(),
            peer,
            tls: tls.clone(),
            setup,
            trace: Trace::new(tap),
            state: Mutex::new(state),
        })
    }

    /// Completes when messages can be sent.
    pub(super) async fn connected(&self) -> Result<(), ConnectError> {
        // A new socket may not know yet that it has room, and would lose the first datagram.
        self.socket().writable().await.map_err(|error| self.unreachable(error))?;
        poll_fn(|cx| self.poll_connected(cx, &mut Room::of(usize::from(u16::MAX)))).await
    }

    fn poll_connected(&self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<Result<(), ConnectError>> {
        let mut state = self.state();
        if !state.is_connected {
            self.drain(&mut state, None);
        }
        loop {
            if let Some(error) = state.over.take() {
                return Poll::Ready(Err(error));
            }
            if state.is_connected {
                return Poll::Ready(Ok(()));
            }
            match state.socket.poll_recv(cx, buffer) {
                Poll::Ready(Ok(received)) => self.receive(&mut state, received, &buffer[..received.len]),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(self.unreachable(error))),
                Poll::Pending if self.wait(&mut state, cx) => return Poll::Pending,
                Poll::Pending => {}
            }
        }
    }

    /// Runs the timers that are due. Returns `false` if there were any, and otherwise wakes `cx` at the next.
    fn wait(&self, state: &mut State, cx: &mut Context<'_>) -> bool {
        if self.run_timers(state) {
            return false;
        }
        state.sleep.reset(state.connection.due());
        Pin::new(&mut state.sleep).poll(cx).is_pending()
    }

    fn run_timers(&self, state: &mut State) -> bool {
        let now = self.host.now();
        let is_due = state.connection.due() <= now && state.over.is_none();
        if is_due {
            let done = state.connection.run_timers(now);
            self.finish(state, done, None);
        }
        is_due
    }

    pub(super) fn receive(&self, state: &mut State, received: Received, datagram: &[u8]) {
        // Until the server has answered, dimpl takes anything else for an error.
        let is_answer = !state.connection.is_undecided() || record::answers_client(datagram);
        if state.over.is_some() || !is_answer {
            state.rejected.count(Rejection::Forged);
            self.trace.arrived(datagram, &received, false);
            return;
        }
        let before = Tally::now();
        let State { connection, random, is_connected, .. } = state;
        let key_log = self.tls.key_log.as_deref().filter(|_| !*is_connected);
        let done = logged_to(key_log, random, || connection.receive(self.host.now(), datagram));
        let tally = Tally::since(before);
        self.finish(state, done, Some(received));
        self.trace.arrived(datagram, &received, tally.opened > 0);
        if !state.is_connected {
            self.doubt(state, tally);
        } else if let Some(rejection) = rejection(datagram, tally) {
            state.rejected.count(rejection);
        }
    }

    /// Begins another handshake if the two ends seem to have different keys. A session is never replaced.
    fn doubt(&self, state: &mut State, tally: Tally) {
        if tally.opened > 0 {
            state.unopened = None;
        } else if let Some(unopened) = state.unopened.as_mut().filter(|_| tally.forged > 0) {
            *unopened += 1;
            if *unopened >= UNOPENED && state.doubts < DOUBTS && state.over.is_none() {
                state.doubts += 1;
                self.begin_again(state);
            }
        }
    }

    /// Does what the connection wants done after it returned `done`.
    fn finish(&self, state: &mut State, done: Result<(), Error>, received: Option<Received>) {
        match done {
            Ok(()) => self.drain(state, received),
            Err(error) => self.failed(state, &error),
        }
    }

    fn drain(&self, state: &mut State, received: Option<Received>) {
        let State { socket, connection, random, is_connected, is_trusted, over, inbox, .. } = state;
        let resends = connection.resends();
        connection.drain(|event| match event {
            // Nothing more is sent to a server that is not trusted. A datagram that is not sent is lost like any other.
            Event::Packet(packet) if over.is_none() => {
                *random = record::client_hello(packet).unwrap_or(*random);
                self.trace.flies(packet, random, resends);
                drop(socket.try_send(packet, self.peer, None));
            }
            Event::Certificate(certificate) => match self.tls.verify(certificate, &*self.host) {
                Ok(()) => *is_trusted = true,
                Err(error) => *over = Some(ConnectError::untrusted(HANDSHAKE, self.peer, error)),
            },
            Event::Connected if *is_trusted => *is_connected = true,
            Event::Data(data) if *is_connected => {
                received.into_iter().for_each(|received| inbox.push(data, received));
            }
            Event::Closed => *over = Some(self.lost(*is_connected, "the server has closed it")),
            _ => {}
        });
    }

    /// A connection that has failed is over, and a handshake begins again if that may help.
    fn failed(&self, state: &mut State, error: &Error) {
        let timed_out = matches!(error, Error::Timeout(_));
        state.errors += u64::from(!timed_out);
        if state.is_connected || state.errors > RESTARTS {
            state.over = Some(self.lost(state.is_connected, &error.to_string()));
            return;
        }
        self.begin_again(state);
    }

    /// Begins another handshake.
    fn begin_again(&self, state: &mut State) {
        state.handshakes += 1;
        state.unopened = Some(0);
        // Another random value: to the server, a hello with the same one would be a copy.
        let seed = self.setup.seed.map(|seed| seed.wrapping_add(state.handshakes));
        let config = (Setup { seed, ..self.setup.clone() }).config(&*self.host, self.peer);
        match config.and_then(|config| Ok((config, self.host.udp_connect(self.peer)?))) {
            Ok((config, socket)) => {
                state.socket = socket;
                state.connection = Connection::client(config, self.setup.versions, &*self.host);
                state.is_trusted = false;
                self.drain(state, None);
            }
            Err(error) => state.over = Some(error),
        }
    }

    fn lost(&self, is_connected: bool, reason: &str) -> ConnectError {
        let what = if is_connected { CONNECTION } else { HANDSHAKE };
        ConnectError::Failed { what, peer: self.peer, reason: reason.to_owned() }
    }

    fn unreachable(&self, error: DatagramError) -> ConnectError {
        match error {
            DatagramError::Refused { peer } => {
                PathError::Refused { operation: "connect DTLS to", address: peer }.into()
            }
            other => self.lost(false, &other.to_string()),
        }
    }

    fn is_over(&self, state: &State) -> Result<(), DatagramError> {
        let reason = match &state.over {
            None => return Ok(()),
            Some(ConnectError::Failed { reason, .. }) => reason.clone(),
            Some(other) => other.to_string(),
        };
        Err(DatagramError::Io {
            operation: "use the DTLS connection with",
            address: self.peer,
            source: io::Error::new(io::ErrorKind::NotConnected, reason),
        })
    }

    fn socket(&self) -> Arc<dyn Datagrams> {
        self.state().socket.clone()
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }
}

/// Why a datagram is rejected. `None` if it has an authentic record, or may only be late.
pub(super) fn rejection(datagram: &[u8], tally: Tally) -> Option<Rejection> {
    if tally.opened > 0 {
        None
    } else if record::names_another_version(datagram) {
        Some(Rejection::Forged)
    } else if tally.forged == 0 && record::is_protected(datagram) {
        Some(Rejection::Replayed)
    } else if tally.forged > 0 || !record::may_be_late(datagram) {
        Some(Rejection::Forged)
    } else {
        None
    }
}

impl Datagrams for ClientSocket {
    fn local_addr(&self) -> SocketAddr {
        self.socket().local_addr()
    }

    fn poll_recv(&self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<Result<Received, DatagramError>> {
        let mut state = self.state();
        loop {
            if let Some(received) = state.inbox.pop(buffer) {
                return Poll::Ready(Ok(received));
            }
            self.is_over(&state)?;
            match state.socket.poll_recv(cx, buffer) {
                Poll::Ready(received) => {
                    let received = received?;
                    self.receive(&mut state, received, &buffer[..received.len]);
                }
                Poll::Pending if self.wait(&mut state, cx) => return Poll::Pending,
                Poll::Pending => {}
            }
        }
    }

    fn try_send(&self, payload: &[u8], to: SocketAddr, _: Option<IpAddr>) -> Result<(), DatagramError> {
        if payload.len() > record::MAX_PLAINTEXT {
            return Err(DatagramError::TooLarge { len: payload.len(), peer: to });
        }
        let mut state = self.state();
        // Receiving runs the timers too, but a client may only send.
        self.run_timers(&mut state);
        self.is_over(&state)?;
        let State { socket, connection, over, .. } = &mut *state;
        if let Err(error) = connection.send(payload) {
            *over = Some(self.lost(true, &error.to_string()));
        }
        let mut sent = Ok(());
        connection.drain(|event| {
            if let Event::Packet(packet) = event {
                self.trace.sealed(payload, packet);
                sent = socket.try_send(packet, self.peer, None);
            }
        });
        self.is_over(&state)?;
        sent
    }

    fn rejected(&self) -> Option<Rejected> {
        Some(self.state().rejected)
    }

    fn writable(&self) -> BoxFuture<'_, Result<(), DatagramError>> {
        let socket = self.socket();
        Box::pin(async move { socket.writable().await })
    }
}

impl Drop for ClientSocket {
    /// Says goodbye, so that the server forgets the client at once.
    fn drop(&mut self) {
        let mut state = self.state();
        let State { socket, connection, is_connected: true, over: None, .. } = &mut *state else {
            return;
        };
        connection.close();
        connection.drain(|event| {
            if let Event::Packet(packet) = event {
                let _ = socket.try_send(packet, self.peer, None);
            }
        });
    }
}
