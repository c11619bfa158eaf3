//! Sends messages to a server, and waits for the reply to each.

mod arq;
mod datagram;
mod error;
mod options;
mod quic;
mod stream;

use std::{net::SocketAddr, num::NonZeroU32, sync::Arc, time::Duration};

use self::{arq::ArqClient, datagram::DatagramClient, error::Peer, quic::QuicStreams, stream::LineClient};
pub use self::{
    error::{MAX_REPLY, SendError},
    options::Options,
};
use crate::{
    path::{Elapsed, Host, timeout},
    transport::{self, ConnectError, DialSettings, Mapping, Transport},
};

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
    host: Arc<dyn Host>,
    peer: Peer,
    timeout: Duration,
    session: Session,
}

/// How messages travel.
#[derive(Debug)]
enum Session {
    Datagrams(DatagramClient),
    Lines(LineClient),
    QuicStreams(QuicStreams),
    Arq(ArqClient),
}

impl Client {
    /// Connects to the server at `address`.
    ///
    /// # Errors
    ///
    /// Returns an error if the connection fails or times out.
    pub async fn connect(
        host: &Arc<dyn Host>,
        transport: Transport,
        address: SocketAddr,
        options: &Options,
    ) -> Result<Self, SendError> {
        let peer = Peer { address, url: format!("{}://{address}", transport.scheme().name) };
        let connecting = Session::open(host, transport, &peer, options);
        let what = transport.spec().handshake;
        let session = timeout(&**host, options.timeout, connecting)
            .await
            .map_err(|Elapsed(after)| ConnectError::TimedOut { what, peer: address, after })??;
        Ok(Self { host: host.clone(), peer, timeout: options.timeout, session })
    }

    /// Sends `message` and waits for the reply.
    ///
    /// # Errors
    ///
    /// Returns an error if there is no reply. After [`SendError::NoReply`] to a datagram the client can be used again.
    pub async fn exchange(&mut self, message: &[u8]) -> Result<Reply, SendError> {
        let start = self.host.now();
        let (host, peer, limit) = (&*self.host, &self.peer, self.timeout);
        let (bytes, tries) = match &mut self.session {
            Session::Datagrams(client) => client.exchange(host, peer, message, limit).await?,
            Session::Lines(client) => (client.exchange(host, peer, message, limit).await?, NonZeroU32::MIN),
            Session::QuicStreams(client) => {
                let reply = timeout(host, limit, client.exchange(peer, message)).await;
                (reply.map_err(|_| peer.no_reply(message, limit, 1))??, NonZeroU32::MIN)
            }
            Session::Arq(client) => {
                let reply = timeout(host, limit, client.exchange(peer, message)).await;
                (reply.map_err(|_| peer.no_reply(message, limit, 1))??, NonZeroU32::MIN)
            }
        };
        Ok(Reply { bytes, took: self.host.now() - start, tries })
    }

    /// Whether messages are datagrams: one can be lost, and the next still be answered.
    pub fn is_datagram(&self) -> bool {
        matches!(self.session, Session::Datagrams(_))
    }

    /// Closes the connection, and waits until that has been sent.
    pub async fn close(self) {
        let closing = async {
            match self.session {
                Session::Datagrams(client) => client.close().await,
                Session::Lines(client) => client.close().await,
                Session::QuicStreams(client) => client.close().await,
                Session::Arq(client) => client.close().await,
            }
        };
        // On a timeout, the server notices the end by its own idle timeout.
        let _ = timeout(&*self.host, self.timeout, closing).await;
    }
}

impl Session {
    async fn open(
        host: &Arc<dyn Host>,
        transport: Transport,
        peer: &Peer,
        options: &Options,
    ) -> Result<Self, SendError> {
        let (quic, arq) = (quic::settings(options), arq::settings(options));
        let settings = DialSettings { quic: &quic, arq: &arq, tls: &options.tls, tap: None };
        Ok(match transport::dial(host, transport, peer.address, settings).await? {
            transport::Session::Datagrams(session) => {
                Self::Datagrams(DatagramClient::on_socket(host, session, options.retries))
            }
            transport::Session::Stream(session) => Self::Lines(LineClient::new(session.connected.stream)),
            transport::Session::Quic(session) => match session.mapping {
                // All messages belong to one flow.
                Mapping::One | Mapping::Flow => Self::Lines(LineClient::on_quic(*session, peer).await?),
                Mapping::Message => Self::QuicStreams(QuicStreams(*session)),
                Mapping::Datagram => Self::Datagrams(DatagramClient::on_quic(*session, options.retries)),
            },
            transport::Session::Arq(connection) => Self::Arq(ArqClient(connection)),
        })
    }
}
