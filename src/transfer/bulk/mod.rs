//! Bulk data over a session: messages in both directions, as fast as the session accepts them.
//!
//! One implementation of [`Outgoing`] and [`Incoming`] per shape of [`Session`]. Unlike those of a
//! [`Channel`](crate::channel::Channel), sends wait until the session takes the message.

mod arq;
mod datagrams;
mod moved;
pub(crate) mod quic;
mod stream;

use std::{fmt, net::SocketAddr, sync::Arc};

use bytes::Bytes;

pub(crate) use self::moved::Moved;
pub(crate) use self::stream::Messages;
#[cfg(feature = "sockets")]
pub(crate) use self::stream::{StreamIncoming, StreamOutgoing, moved};
use crate::{
    path::{BoxFuture, Host},
    tap::Tap,
    transport::{
        self, ChannelError, ConnectError, DialSettings, ListenSettings, Listening, Mapping, Recovery,
        Session, SessionSettings, Transport, WindowMemory, quic::Windows,
    },
    unit::{PerDirection, Rate},
    wire::transfer::{PIECE_BYTES, Piece, TransferMessage},
};

/// Sends messages.
pub trait Outgoing: Send {
    /// Sends one message, and waits until the transport has accepted it.
    fn send(&mut self, message: Bytes) -> BoxFuture<'_, Result<(), ChannelError>>;

    /// Sends one piece of content; see [`Outgoing::send`].
    fn send_piece(&mut self, piece: Piece) -> BoxFuture<'_, Result<(), ChannelError>> {
        self.send(TransferMessage::Piece(piece).encode())
    }

    /// Ends the sending. Waits until the peer has everything, if the transport can know.
    fn finish(&mut self) -> BoxFuture<'_, ()>;
}

/// Receives messages.
pub trait Incoming: Send {
    /// The next message, in the transport's order. It is not cancel safe.
    fn recv(&mut self) -> BoxFuture<'_, Result<Bytes, ChannelError>>;
}

/// Reads the counters of loss recovery.
pub(crate) type ReadRecovery = dyn Fn() -> Recovery + Send + Sync;

/// One end of a session, for bulk data.
pub struct Bulk {
    /// Sends.
    pub outgoing: Box<dyn Outgoing>,
    /// Receives.
    pub incoming: Box<dyn Incoming>,
    /// Its properties.
    pub(crate) nature: Nature,
    /// Bytes moved so far.
    pub(crate) moved: Moved,
    /// Reads what this end has done so far to recover from loss.
    pub recovery: Arc<ReadRecovery>,
}

impl Bulk {
    /// Its parts, borrowed separately.
    pub(crate) fn ends(&mut self) -> Ends<'_> {
        let Self { outgoing, incoming, nature, moved, .. } = self;
        Ends { outgoing: &mut **outgoing, incoming: &mut **incoming, nature: *nature, moved }
    }
}

/// The parts of one end of a session.
pub(crate) struct Ends<'a> {
    /// Sends.
    pub outgoing: &'a mut dyn Outgoing,
    /// Receives.
    pub incoming: &'a mut dyn Incoming,
    /// Its properties.
    pub nature: Nature,
    /// Bytes moved so far.
    pub moved: &'a Moved,
}

impl Ends<'_> {
    /// Reborrows the parts.
    pub(crate) fn again(&mut self) -> Ends<'_> {
        let Ends { outgoing, incoming, nature, moved } = self;
        Ends { outgoing: &mut **outgoing, incoming: &mut **incoming, nature: *nature, moved }
    }
}

/// The properties of a session that matter to a transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Nature {
    /// Every message arrives, or the connection breaks.
    pub reliable: bool,
    /// The largest message.
    pub message_bytes: usize,
}

impl Nature {
    /// Reliable, with messages of any size.
    pub(crate) const RELIABLE: Self =
        Self { reliable: true, message_bytes: PIECE_BYTES + crate::wire::transfer::TRANSFER_HEADER_BYTES };

    /// Unreliable, with messages of at most `message_bytes`.
    pub(crate) const fn datagrams(message_bytes: usize) -> Self {
        Self { reliable: false, message_bytes }
    }
}

/// Settings of both ends of a transfer.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Number of streams of `quic-flow`.
    pub flows: u32,
    /// Send rate of datagrams without congestion control.
    pub pace: Rate,
    /// The largest payload of a datagram.
    pub datagram_bytes: usize,
    /// How sessions are made.
    pub session: SessionSettings,
    /// Record what became of the packets of one connection, each tap by the direction in which it sends.
    pub taps: Option<PerDirection<Tap>>,
}

impl Settings {
    fn bulk(&self, host: &Arc<dyn Host>, session: Session) -> Bulk {
        match session {
            Session::Datagrams(session) => datagrams::bulk(host, session, self.pace, self.datagram_bytes),
            Session::Stream(session) => stream::bulk(session),
            Session::Quic(session) => {
                // Datagrams have no window.
                if session.mapping != Mapping::Datagram {
                    let limits = &self.session.quic.limits;
                    let windows = Windows::new(&session.connection, limits, &WindowMemory::default());
                    let growing = host.clone();
                    host.spawn("the windows", Box::pin(async move { windows.grow(&*growing, || 0).await }));
                }
                quic::bulk(host, *session, self.flows, None)
            }
            Session::Arq(connection) => arq::bulk(connection),
        }
    }
}

/// Connects to `peer`.
///
/// Returns an error if the handshake failed.
pub async fn connect(
    host: &Arc<dyn Host>,
    transport: Transport,
    peer: SocketAddr,
    settings: &Settings,
) -> Result<Bulk, ConnectError> {
    let tap = settings.taps.as_ref().map(|taps| taps.to_server.clone());
    let dial = DialSettings { tap, ..settings.session.dial() };
    let session = transport::dial(host, transport, peer, dial).await?;
    Ok(settings.bulk(host, session))
}

/// Listens on `local`, on a free port if its port is 0.
///
/// Returns an error if the socket cannot be bound.
pub fn listen(
    host: &Arc<dyn Host>,
    transport: Transport,
    local: SocketAddr,
    settings: &Settings,
) -> Result<BulkAcceptor, ConnectError> {
    let tap = settings.taps.as_ref().map(|taps| taps.to_client.clone());
    let listen = ListenSettings { tap, ..settings.session.listen() };
    let listening = transport::listen(host, transport, local, listen)?;
    Ok(BulkAcceptor { host: host.clone(), listening, settings: settings.clone() })
}

/// A listening server.
pub struct BulkAcceptor {
    host: Arc<dyn Host>,
    listening: Box<dyn Listening>,
    settings: Settings,
}

impl BulkAcceptor {
    /// The address it listens on.
    pub fn local_addr(&self) -> SocketAddr {
        self.listening.local_addr()
    }

    /// Accepts the next client.
    ///
    /// Returns an error if the handshake failed, or if the listener has closed.
    pub async fn accept(&mut self) -> Result<Bulk, ConnectError> {
        let session = self.listening.accept().await?;
        Ok(self.settings.bulk(&self.host, session))
    }
}

impl fmt::Debug for Bulk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bulk").field("nature", &self.nature).finish_non_exhaustive()
    }
}
