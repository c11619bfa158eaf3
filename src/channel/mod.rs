//! Messages of an experiment over a session: open loop, with the instants at which each arrived and was released.
//!
//! One implementation per shape of [`Session`].

mod arq;
mod datagrams;
mod delivery;
mod inbox;
pub mod order;
mod quic;
mod stream;

use std::{
    future::poll_fn,
    net::SocketAddr,
    sync::Arc,
    task::{Context, Poll},
};

#[cfg(feature = "sockets")]
pub(crate) use self::arq::Releasers;
use self::{
    arq::ArqChannel,
    datagrams::DatagramChannel,
    quic::{Incoming, QuicChannel},
    stream::StreamChannel,
};
pub use self::{
    delivery::{Cause, Delivery, Entered},
    quic::Reading,
};
use crate::{
    path::Host,
    tap::Tap,
    transport::{
        self, ChannelError, ConnectError, DialSettings, ListenSettings, Listening, Recovery, Session,
        SessionSettings, Transport,
    },
    unit::{PerDirection, Time},
    wire::{MessageId, Probe},
};

/// One end of a session, as an experiment sees it.
///
/// Sending never waits: an experiment's schedule is open-loop, and what the transport cannot take yet is
/// queued, so that the time it waits there is the transport's and is measured.
pub trait Channel: Send {
    /// Hands over a message of `length` bytes that begins with `probe`'s header.
    fn send(&mut self, probe: Probe, length: usize) -> Result<(), ChannelError>;

    /// Hands over the messages of a unit. A transport with a stream per message sends them on one stream.
    fn send_unit(&mut self, unit: &UnitToSend) -> Result<(), ChannelError> {
        unit.messages().try_for_each(|(probe, length)| self.send(probe, length))
    }

    /// The next message that order releases to this end.
    fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Result<Delivery, ChannelError>>;

    /// What the transport has done so far to recover from loss.
    fn recovery(&self) -> Recovery;

    /// Gives up a descriptor that only [`Channel::recovery`] needs, if there is one.
    fn close_counters(&mut self) {}
}

/// Messages that belong together, such as the packets of a video frame. They are consecutive messages of one flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnitToSend {
    /// The first.
    pub first: Probe,
    /// Their number.
    pub count: u32,
    /// Bytes of each but the last.
    pub length: usize,
    /// Bytes of the last, which may be shorter.
    pub last: usize,
    /// After this instant the unit is useless. Only a transport with a stream per message can stop sending it.
    pub useful_until: Option<Time>,
}

impl UnitToSend {
    /// A message on its own.
    pub(crate) fn single(first: Probe, length: usize) -> Self {
        Self { first, count: 1, length, last: length, useful_until: None }
    }

    /// Each message, and its bytes.
    fn messages(&self) -> impl Iterator<Item = (Probe, usize)> {
        let Self { first, count, length, last, .. } = *self;
        (0..count).map(move |place| {
            let seq = first.id.seq + u64::from(place);
            let own = if place + 1 == count { last } else { length };
            (Probe { id: MessageId { seq, ..first.id }, is_short: own < length, ..first }, own)
        })
    }
}

impl dyn Channel + '_ {
    /// The next message; see [`Channel::poll_recv`].
    pub async fn recv(&mut self) -> Result<Delivery, ChannelError> {
        poll_fn(|cx| self.poll_recv(cx)).await
    }
}

/// Which end sends what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Exchange {
    /// The server answers each message of the client.
    #[default]
    Answers,
    /// Only the client sends.
    OneWay,
    /// Each end sends on its own. The flows of the server are numbered after those of the client.
    BothWays,
}

/// What both ends of an experiment are set to.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Which end sends what.
    pub exchange: Exchange,
    /// Independent sequences of messages of the client.
    pub flows: u32,
    /// Bytes of a request.
    pub request: usize,
    /// Bytes of a reply, or of another message of the server; 0 if it sends none.
    pub reply: usize,
    /// How QUIC's streams are read.
    pub reading: Reading,
    /// How sessions are made.
    pub session: SessionSettings,
    /// What the order instrument knows of the link, for the client and for the server. `None` without an instrument.
    pub taps: Option<PerDirection<Tap>>,
}

/// Connects to `peer`. Returns an error if the handshake failed.
pub async fn connect(
    host: &Arc<dyn Host>,
    transport: Transport,
    peer: SocketAddr,
    settings: &Settings,
) -> Result<Box<dyn Channel>, ConnectError> {
    let tap = settings.taps.as_ref().map(|taps| taps.to_server.clone());
    let dial = DialSettings { tap: tap.clone(), ..settings.session.dial() };
    let exchange = settings.exchange;
    let incoming = Incoming { length: settings.reply, reading: settings.reading, tap, exchange };
    Ok(match transport::dial(host, transport, peer, dial).await? {
        Session::Datagrams(session) => Box::new(DatagramChannel::new(host.clone(), session, incoming.tap)),
        Session::Stream(session) => Box::new(StreamChannel::new(host, session, settings.reply)),
        Session::Quic(session) => {
            let channel = QuicChannel::client(host.clone(), *session, settings.flows, incoming).await;
            Box::new(channel.map_err(|e| ConnectError::Failed {
                what: "QUIC stream setup",
                peer,
                reason: e.to_string(),
            })?)
        }
        Session::Arq(connection) => Box::new(ArqChannel::new(connection)),
    })
}

/// Listens on `local`, on a free port if its port is 0. Returns an error if the socket cannot be bound.
pub fn listen(
    host: &Arc<dyn Host>,
    transport: Transport,
    local: SocketAddr,
    settings: &Settings,
) -> Result<Acceptor, ConnectError> {
    let tap = settings.taps.as_ref().map(|taps| taps.to_client.clone());
    let listen = ListenSettings { tap: tap.clone(), ..settings.session.listen() };
    let listening = transport::listen(host, transport, local, listen)?;
    let exchange = settings.exchange;
    let incoming = Incoming { length: settings.request, reading: settings.reading, tap, exchange };
    Ok(Acceptor { host: host.clone(), listening, incoming, flows: settings.flows })
}

/// The server's end of an experiment, where it waits for clients.
pub struct Acceptor {
    host: Arc<dyn Host>,
    listening: Box<dyn Listening>,
    incoming: Incoming,
    flows: u32,
}

impl Acceptor {
    /// The address it listens on.
    pub fn local_addr(&self) -> SocketAddr {
        self.listening.local_addr()
    }

    /// The channel to the next client. A transport without handshakes has one channel for all clients.
    ///
    /// Returns an error if the handshake failed, or if no more clients can come.
    pub async fn accept(&mut self) -> Result<Box<dyn Channel>, ConnectError> {
        let (host, incoming) = (&self.host, self.incoming.clone());
        Ok(match self.listening.accept().await? {
            Session::Datagrams(session) => {
                Box::new(DatagramChannel::new(host.clone(), session, incoming.tap))
            }
            Session::Stream(session) => Box::new(StreamChannel::new(host, session, incoming.length)),
            Session::Quic(session) => {
                Box::new(QuicChannel::server(host.clone(), *session, self.flows, incoming))
            }
            Session::Arq(connection) => Box::new(ArqChannel::new(connection)),
        })
    }
}
