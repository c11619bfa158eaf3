//! Sessions: connections of every transport, in four shapes.

use std::{fmt, net::SocketAddr, sync::Arc};

use super::{
    ClientLimits, ConnectError, Transport,
    arq::{ArqConnection, ArqSettings},
    kernel_trace,
    quic::{QuicSession, QuicSettings},
    security::{ClientTls, ServerTls},
    udp_hmac::SharedKey,
};
use crate::{
    capture::Recording,
    path::{BoxFuture, Connected, Datagrams, Host, Side},
    tap::{StreamTap, Tap},
    trace::TcpTracer,
};

/// One end of a connection. Code that sends messages over it knows its shape, but not its transport.
#[derive(Debug)]
pub enum Session {
    /// Unreliable datagrams.
    Datagrams(DatagramSession),
    /// A reliable byte stream.
    Stream(StreamSession),
    /// A QUIC connection.
    Quic(Box<QuicSession>),
    /// An ARQ connection.
    Arq(ArqConnection),
}

impl Session {
    /// The same session. What is asked of the kernel about its TCP connection is traced.
    fn traced(self, host: &Arc<dyn Host>, side: Side, tracer: Option<&Arc<dyn TcpTracer>>) -> Self {
        match self {
            Self::Stream(session) => {
                let connected = kernel_trace::traced(session.connected, host, side, tracer);
                Self::Stream(StreamSession { connected, ..session })
            }
            other => other,
        }
    }
}

/// A socket for datagrams.
#[derive(Debug)]
pub struct DatagramSession {
    /// The socket.
    pub socket: Arc<dyn Datagrams>,
    /// The other end. `None`: the sender of the last datagram.
    pub peer: Option<SocketAddr>,
}

/// A byte stream.
#[derive(Debug)]
pub struct StreamSession {
    /// The stream, and the kernel's TCP below it.
    pub connected: Connected,
    /// Follows the bytes of the stream on the link.
    pub tap: Option<StreamTap>,
    /// How many bytes of TCP a message of this length takes.
    pub wire_bytes: fn(length: usize) -> u64,
}

/// A server's socket for datagrams: one session with all clients.
#[derive(Debug)]
pub(super) struct DatagramListening {
    local: SocketAddr,
    /// Until it is accepted.
    session: Option<DatagramSession>,
}

impl DatagramListening {
    pub(super) fn new(socket: Arc<dyn Datagrams>) -> Self {
        let local = socket.local_addr();
        Self { local, session: Some(DatagramSession { socket, peer: None }) }
    }
}

impl Listening for DatagramListening {
    fn local_addr(&self) -> SocketAddr {
        self.local
    }

    fn accept(&mut self) -> Establishing<'_> {
        let session = self.session.take().map(Session::Datagrams);
        Box::pin(std::future::ready(session.ok_or_else(|| ConnectError::closed(self.local))))
    }
}

/// A session that is being established.
pub type Establishing<'a> = BoxFuture<'a, Result<Session, ConnectError>>;

/// A server that waits for sessions, or why it cannot listen.
pub type ListenResult = Result<Box<dyn Listening>, ConnectError>;

/// Follows the bytes of a TCP connection on the link, if there is a tap.
pub(super) fn tap_stream(tap: Option<&Tap>, connected: Connected) -> (Connected, Option<StreamTap>) {
    match tap {
        Some(tap) => {
            let (connected, tap) = tap.stream(connected);
            (connected, Some(tap))
        }
        None => (connected, None),
    }
}

/// The settings of both ends.
#[derive(Debug, Clone)]
pub struct SessionSettings {
    /// For QUIC.
    pub quic: QuicSettings,
    /// For ARQ.
    pub arq: ArqSettings,
    /// For clients of TLS and QUIC.
    pub client_tls: ClientTls,
    /// For servers of TLS and QUIC.
    pub server_tls: Option<ServerTls>,
    /// For transports whose two ends know one key.
    pub shared_key: Option<SharedKey>,
    /// Traces what the kernel reports of TCP.
    pub tcp_tracer: Option<Arc<dyn TcpTracer>>,
}

impl SessionSettings {
    /// Makes both ends log their secrets and trace their connections.
    pub(crate) fn record(&mut self, recording: &Recording) {
        if let Some(key_log) = recording.key_log() {
            self.server_tls.iter_mut().for_each(|tls| tls.key_log = Some(key_log.clone()));
            self.client_tls.key_log = Some(key_log);
        }
        self.quic.tracers = recording.quic_tracers();
        self.arq.tracer = recording.arq_tracer();
        self.tcp_tracer = recording.tcp_tracer();
    }

    /// Draws the client's random numbers from `seed`, unless they come from the system. Two clients need different seeds:
    /// with the same one they have the same connection IDs, and the server cannot tell them apart.
    pub(crate) fn set_client_seed(&mut self, seed: u64) {
        for own in [&mut self.quic.seed, &mut self.arq.seed] {
            *own = own.map(|_| seed);
        }
    }

    /// The settings of the client's end.
    pub fn dial(&self) -> DialSettings<'_> {
        DialSettings {
            quic: &self.quic,
            arq: &self.arq,
            tls: &self.client_tls,
            shared_key: self.shared_key.as_ref(),
            tcp_tracer: self.tcp_tracer.as_ref(),
            seed: self.quic.seed,
            tap: None,
        }
    }

    /// The settings of the server's end.
    pub fn listen(&self) -> ListenSettings<'_> {
        ListenSettings {
            quic: &self.quic,
            arq: &self.arq,
            tls: self.server_tls.as_ref(),
            shared_key: self.shared_key.as_ref(),
            tcp_tracer: self.tcp_tracer.as_ref(),
            clients: None,
            tap: None,
        }
    }
}

/// The settings of a client's end.
#[derive(Debug, Clone)]
pub struct DialSettings<'a> {
    /// For QUIC.
    pub quic: &'a QuicSettings,
    /// For ARQ.
    pub arq: &'a ArqSettings,
    /// For TLS and QUIC.
    pub tls: &'a ClientTls,
    /// For transports whose two ends know one key.
    pub shared_key: Option<&'a SharedKey>,
    /// Traces what the kernel reports of TCP.
    pub tcp_tracer: Option<&'a Arc<dyn TcpTracer>>,
    /// Seed for random numbers of the connection, in place of the system's randomness.
    pub seed: Option<u64>,
    /// Records what the packets of the connection carry. A tap records one connection at a time.
    pub tap: Option<Tap>,
}

/// The settings of a server's end.
#[derive(Debug, Clone)]
pub struct ListenSettings<'a> {
    /// For QUIC.
    pub quic: &'a QuicSettings,
    /// For ARQ.
    pub arq: &'a ArqSettings,
    /// For TLS and QUIC.
    pub tls: Option<&'a ServerTls>,
    /// For transports whose two ends know one key.
    pub shared_key: Option<&'a SharedKey>,
    /// Traces what the kernel reports of TCP.
    pub tcp_tracer: Option<&'a Arc<dyn TcpTracer>>,
    /// For transports that keep a state for each client of one socket. `None`: without limits.
    pub(crate) clients: Option<ClientLimits>,
    /// Records what the packets of the connections carry. A tap records one connection at a time.
    pub tap: Option<Tap>,
}

impl<'a> ListenSettings<'a> {
    /// The server's side of TLS, which `what` on `local` needs.
    pub(super) fn need_tls(
        &self,
        what: &'static str,
        local: SocketAddr,
    ) -> Result<&'a ServerTls, ConnectError> {
        self.tls.ok_or(ConnectError::NoCertificate { what, local })
    }
}

/// Makes the sessions of one transport.
pub(crate) trait Protocol: fmt::Debug + Sync {
    /// Connects to `peer`. See [`dial`].
    fn dial<'a>(
        &'a self,
        host: &'a Arc<dyn Host>,
        peer: SocketAddr,
        settings: DialSettings<'a>,
    ) -> Establishing<'a>;

    /// Listens on `local`. See [`listen`].
    fn listen(&self, host: &Arc<dyn Host>, local: SocketAddr, settings: ListenSettings<'_>) -> ListenResult;

    /// Why this build cannot run it, if it cannot.
    fn unavailable(&self) -> Option<&'static str> {
        None
    }
}

/// A server's end that waits for clients.
pub trait Listening: Send {
    /// The address it listens on.
    fn local_addr(&self) -> SocketAddr;

    /// The session with the next client. A transport without handshakes has one session for all clients.
    fn accept(&mut self) -> Establishing<'_>;
}

/// Connects to `peer`. Returns an error if the handshake failed.
pub async fn dial(
    host: &Arc<dyn Host>,
    transport: Transport,
    peer: SocketAddr,
    settings: DialSettings<'_>,
) -> Result<Session, ConnectError> {
    let tracer = settings.tcp_tracer;
    let session = available(transport, peer)?.dial(host, peer, settings).await?;
    Ok(session.traced(host, Side::Client, tracer))
}

/// Listens on `local`, on a free port if its port is 0.
///
/// Returns an error if the socket cannot be bound, or the certificate cannot be used.
pub fn listen(
    host: &Arc<dyn Host>,
    transport: Transport,
    local: SocketAddr,
    settings: ListenSettings<'_>,
) -> ListenResult {
    let tracer = settings.tcp_tracer.cloned();
    let listening = available(transport, local)?.listen(host, local, settings)?;
    Ok(match tracer {
        Some(tracer) => Box::new(TracedListening { listening, host: host.clone(), tracer }),
        None => listening,
    })
}

/// A server whose TCP connections are traced.
struct TracedListening {
    listening: Box<dyn Listening>,
    host: Arc<dyn Host>,
    tracer: Arc<dyn TcpTracer>,
}

impl Listening for TracedListening {
    fn local_addr(&self) -> SocketAddr {
        self.listening.local_addr()
    }

    fn accept(&mut self) -> Establishing<'_> {
        Box::pin(async move {
            let session = self.listening.accept().await?;
            Ok(session.traced(&self.host, Side::Server, Some(&self.tracer)))
        })
    }
}

/// The protocol of `transport`, or an error if this build cannot run it at `address`.
fn available(transport: Transport, address: SocketAddr) -> Result<&'static dyn Protocol, ConnectError> {
    let protocol = transport.spec().protocol;
    match protocol.unavailable() {
        None => Ok(protocol),
        Some(reason) => Err(ConnectError::unavailable(transport.name(), address, reason)),
    }
}
