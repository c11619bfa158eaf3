//! Sends messages to a server, and waits for the reply to each.

mod arq;
mod datagram;
mod dialer;
mod error;
mod quic;
mod stream;

use std::{collections::VecDeque, net::SocketAddr, num::NonZeroU32, sync::Arc, time::Duration};

pub use self::error::SendError;
use self::{
    arq::ArqClient, datagram::DatagramClient, dialer::Dialer, error::Peer, quic::QuicStreams,
    stream::LineClient,
};
use crate::{
    path::{Host, timeout},
    transport::{Credentials, Mapping, Session, SharedKey, Transport, race, tls::ClientTls},
};

/// The options of a client.
#[derive(Debug, Clone)]
pub struct Options {
    /// Time limit for the connection, and for each reply.
    pub timeout: Duration,
    /// How often a datagram without a reply is sent again.
    pub retries: u32,
    /// The client's side of TLS and QUIC.
    pub tls: ClientTls,
    /// For transports whose two ends know one key.
    pub shared_key: Option<SharedKey>,
    /// Seed for connection ids and keys, in place of the system's randomness.
    pub seed: Option<u64>,
}

/// A reply to a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The reply, without the newline that ended it on a byte stream.
    pub bytes: Vec<u8>,
    /// Time from first sending the message to receiving the reply.
    pub took: Duration,
    /// Number of times that the message was sent.
    pub tries: NonZeroU32,
}

/// Sends messages one after the other.
#[derive(Debug)]
pub struct Client {
    dialer: Dialer,
    exchange: Exchange,
    /// Further addresses of a server without a handshake, until one has answered.
    untried: VecDeque<SocketAddr>,
}

/// How messages travel.
#[derive(Debug)]
enum Exchange {
    Datagrams(DatagramClient),
    Lines(LineClient),
    QuicStreams(QuicStreams),
    Arq(ArqClient),
}

impl Client {
    /// Connects to the server at `address`.
    ///
    /// Returns an error if the connection fails or times out.
    pub async fn connect(
        host: &Arc<dyn Host>,
        transport: Transport,
        address: SocketAddr,
        options: &Options,
    ) -> Result<Self, SendError> {
        let scheme = transport.scheme();
        let shares_key = scheme.credentials == Credentials::SharedKey;
        let peer = Peer { address, url: scheme.url(address), shares_key };
        let dialer = Dialer { host: host.clone(), transport, peer, options: options.clone() };
        let session = dialer.dial().await?;
        let exchange = dialer.in_time(Exchange::on(session, &dialer.peer)).await??;
        Ok(Self { dialer, exchange, untried: VecDeque::new() })
    }

    /// Connects to the server that has these addresses, in order of preference. Handshakes [race](race()); without a
    /// handshake, the first message goes to one address after the other until there is a reply.
    ///
    /// Returns the error of the preferred address; `None` without addresses.
    pub async fn connect_any(
        host: &Arc<dyn Host>,
        transport: Transport,
        addresses: &[SocketAddr],
        options: &Options,
    ) -> Result<Self, Option<SendError>> {
        let connect = |address| Self::connect(host, transport, address, options);
        let (connected, client) = race(&**host, addresses, connect).await?;
        let mut untried = VecDeque::new();
        if !transport.spec().has_handshake {
            untried.extend(addresses.iter().skip_while(|address| **address != connected).skip(1));
        }
        Ok(Self { untried, ..client })
    }

    /// Sends `message` and waits for the reply.
    ///
    /// Returns an error if there is no reply. After [`SendError::NoReply`] to a datagram the client can be used again.
    pub async fn exchange(&mut self, message: &[u8]) -> Result<Reply, SendError> {
        let reply = self.exchange_with_one(message).await;
        while let Err(SendError::NoReply { .. } | SendError::Datagram(_)) = &reply
            && let Some(address) = self.untried.pop_front()
        {
            let Dialer { host, transport, options, .. } = &self.dialer;
            let next = Self::connect(host, *transport, address, options).await;
            let Ok(mut next) = next else { continue };
            if let Ok(answered) = next.exchange_with_one(message).await {
                *self = next;
                return Ok(answered);
            }
        }
        if reply.is_ok() {
            self.untried.clear();
        }
        reply
    }

    async fn exchange_with_one(&mut self, message: &[u8]) -> Result<Reply, SendError> {
        let Dialer { host, peer, options, .. } = &self.dialer;
        let (start, limit) = (host.now(), options.timeout);
        let no_reply = |_| peer.no_reply(message, limit, 1);
        let (bytes, tries) = match &mut self.exchange {
            Exchange::Datagrams(client) => client.exchange(&self.dialer, message).await?,
            Exchange::Lines(client) => {
                (client.exchange(&**host, peer, message, limit).await?, NonZeroU32::MIN)
            }
            Exchange::QuicStreams(client) => {
                let reply = timeout(&**host, limit, client.exchange(peer, message)).await;
                (reply.map_err(no_reply)??, NonZeroU32::MIN)
            }
            Exchange::Arq(client) => {
                let reply = timeout(&**host, limit, client.exchange(peer, message)).await;
                (reply.map_err(no_reply)??, NonZeroU32::MIN)
            }
        };
        Ok(Reply { bytes, took: host.now() - start, tries })
    }

    /// Whether messages are datagrams: one can be lost, and the next still be answered.
    pub fn is_datagram(&self) -> bool {
        matches!(self.exchange, Exchange::Datagrams(_))
    }

    /// Closes the connection, and waits until that has been sent.
    pub async fn close(self) {
        let closing = async {
            match self.exchange {
                Exchange::Datagrams(client) => client.close().await,
                Exchange::Lines(client) => client.close().await,
                Exchange::QuicStreams(client) => client.close().await,
                Exchange::Arq(client) => client.close().await,
            }
        };
        // On a timeout, the server notices the end by its own idle timeout.
        let _ = timeout(&*self.dialer.host, self.dialer.options.timeout, closing).await;
    }
}

impl Exchange {
    async fn on(session: Session, peer: &Peer) -> Result<Self, SendError> {
        Ok(match session {
            Session::Datagrams(session) => Self::Datagrams(DatagramClient::on_socket(session)),
            Session::Stream(session) => Self::Lines(LineClient::new(session.connected.stream)),
            Session::Quic(session) => match session.mapping {
                // All messages belong to one flow.
                Mapping::One | Mapping::Flow => Self::Lines(LineClient::on_quic(*session, peer).await?),
                Mapping::Message => Self::QuicStreams(QuicStreams(*session)),
                Mapping::Datagram => Self::Datagrams(DatagramClient::on_quic(*session)),
            },
            Session::Arq(connection) => Self::Arq(ArqClient(connection)),
        })
    }
}
