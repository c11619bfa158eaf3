//! Sends messages to a server, and waits for the reply to each.

mod arq;
mod datagram;
mod stream;

use std::{io, net::SocketAddr, num::NonZeroU32, sync::Arc, time::Duration};

use self::{
    arq::ArqClient,
    datagram::DatagramClient,
    stream::{LineClient, StreamPerMessage},
};
use crate::{
    path::{DatagramError, Elapsed, Host, timeout},
    service::DEFAULT_MAX_MESSAGE,
    transport::{
        self, Congestion, ConnectError, Mapping, Shape, Transport,
        arq::{ArqLimits, ArqSettings, SAFE_DATAGRAM},
        quic::{QuicClient, QuicLimits, QuicSettings, TOO_LONG},
        tls::ClientTls,
        tls_connect,
    },
};

/// How a client goes about it.
#[derive(Debug, Clone)]
pub struct Options {
    /// How long to wait for a connection, and for each reply.
    pub timeout: Duration,
    /// How often to send a datagram again that got no reply.
    pub retries: u32,
    /// Whom to trust, for TLS and QUIC.
    pub tls: ClientTls,
    /// Draw QUIC's connection ids and keys from this seed, in place of the system's randomness.
    pub seed: Option<u64>,
}

/// A reply, and what it took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The reply, without the newline that ended it on a byte stream.
    pub bytes: Vec<u8>,
    /// From handing over the request, for the first time, to having the reply.
    pub took: Duration,
    /// How often the request was sent.
    pub tries: NonZeroU32,
}

/// A message got no reply.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// There is no connection to send it on.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The datagram could not be sent, or its receiver said that nobody is there.
    #[error(transparent)]
    Datagram(#[from] DatagramError),
    /// Nothing came back in time. The next message may fare better.
    #[error(
        "no reply to {message:?} from {peer} within {} ({tries} {})",
        humantime::format_duration(*.after), if *.tries == 1 { "try" } else { "tries" }
    )]
    NoReply {
        /// The beginning of the message.
        message: String,
        /// The server.
        peer: String,
        /// How long each try was given.
        after: Duration,
        /// How often it was sent.
        tries: u32,
    },
    /// On a byte stream a newline ends a message.
    #[error("cannot send {message:?} to {peer}: on this transport a newline ends a message; send two")]
    Newline {
        /// The beginning of the message.
        message: String,
        /// The server.
        peer: String,
    },
    /// A QUIC datagram must fit into a packet.
    #[error("cannot send to {peer}: {len} bytes are too large for one datagram, which holds {max}")]
    TooLarge {
        /// Bytes of the message.
        len: usize,
        /// Bytes that fit.
        max: usize,
        /// The server.
        peer: String,
    },
    /// A server of TLS was spoken to without it.
    #[error("{peer} answers in TLS; is it a tls:// port?")]
    SpeaksTls {
        /// The server.
        peer: String,
    },
    /// The connection ended before the reply came.
    #[error("the connection with {peer} ended before the reply: {reason}")]
    Ended {
        /// The server.
        peer: String,
        /// Why.
        reason: String,
    },
    /// The server has said that it takes no message of this length.
    #[error("{peer} refused a message of {len} bytes: it is too long for it (wirelab serve --max-message)")]
    TooLong {
        /// Bytes of the message.
        len: usize,
        /// The server.
        peer: String,
    },
    /// The reply is longer than a client puts up with.
    #[error("the reply from {peer} is longer than {max} bytes")]
    ReplyTooLong {
        /// The server.
        peer: String,
        /// The limit.
        max: usize,
    },
}

/// A reply may have this many bytes.
pub const MAX_REPLY: usize = 16 << 20;

/// What a server may make us hold for it.
const BUFFER_BYTES: u64 = 1 << 20;

/// The same for reliability by hand; but a reply has to fit.
const ARQ_LIMITS: ArqLimits =
    ArqLimits { receive_window: 16 << 10, send_buffer: BUFFER_BYTES as usize, idle: Duration::from_secs(60) };

/// Sends messages one after the other.
#[derive(Debug)]
pub struct Client {
    host: Arc<dyn Host>,
    peer: Peer,
    timeout: Duration,
    kind: Kind,
}

/// Who is spoken to, in messages for people.
#[derive(Debug, Clone)]
struct Peer {
    address: SocketAddr,
    url: String,
}

#[derive(Debug)]
enum Kind {
    Datagrams(DatagramClient),
    Arq(ArqClient),
    Lines(LineClient),
    StreamPerMessage(StreamPerMessage),
}

impl Client {
    /// A client of the server on `address`, after the handshakes of `transport`.
    ///
    /// # Errors
    ///
    /// What the connection failed of.
    pub async fn connect(
        host: &Arc<dyn Host>,
        transport: Transport,
        address: SocketAddr,
        options: &Options,
    ) -> Result<Self, SendError> {
        let scheme = transport.scheme().name;
        let peer = Peer { address, url: format!("{scheme}://{address}") };
        let connecting = open(host, transport, &peer, options);
        let what = match transport.shape() {
            Shape::Stream if transport == Transport::TCP => "connecting over TCP",
            Shape::Stream => "TLS handshake",
            Shape::Arq(_) => "ARQ handshake",
            _ => "QUIC handshake",
        };
        let kind = timeout(&**host, options.timeout, connecting)
            .await
            .map_err(|Elapsed(after)| ConnectError::TimedOut { what, peer: address, after })??;
        Ok(Self { host: host.clone(), peer, timeout: options.timeout, kind })
    }

    /// Sends `message` and waits for the reply to it.
    ///
    /// # Errors
    ///
    /// Why there is none. After [`SendError::NoReply`] to a datagram the client may go on.
    pub async fn exchange(&mut self, message: &[u8]) -> Result<Reply, SendError> {
        let start = self.host.now();
        let (bytes, tries) = match &mut self.kind {
            Kind::Datagrams(client) => {
                client.exchange(&*self.host, &self.peer, message, self.timeout).await?
            }
            Kind::Arq(client) => {
                let exchange = client.exchange(&self.peer, message);
                let reply = timeout(&*self.host, self.timeout, exchange).await;
                (reply.map_err(|_| no_reply(&self.peer, message, self.timeout, 1))??, NonZeroU32::MIN)
            }
            Kind::Lines(client) => {
                (client.exchange(&*self.host, &self.peer, message, self.timeout).await?, NonZeroU32::MIN)
            }
            Kind::StreamPerMessage(client) => {
                let exchange = client.exchange(&self.peer, message);
                let reply = timeout(&*self.host, self.timeout, exchange).await;
                (reply.map_err(|_| no_reply(&self.peer, message, self.timeout, 1))??, NonZeroU32::MIN)
            }
        };
        Ok(Reply { bytes, took: self.host.now() - start, tries })
    }

    /// Whether a message can be lost without a word, and the next one still be answered.
    pub fn is_datagram(&self) -> bool {
        matches!(self.kind, Kind::Datagrams(_))
    }

    /// Says goodbye, and waits a little for that to be on its way.
    pub async fn close(self) {
        let goodbye = async {
            match self.kind {
                Kind::Datagrams(client) => client.close().await,
                Kind::Arq(client) => client.close().await,
                Kind::Lines(client) => client.close().await,
                Kind::StreamPerMessage(client) => client.close().await,
            }
        };
        // The server finds out by itself if this is not enough.
        let _ = timeout(&*self.host, self.timeout, goodbye).await;
    }
}

async fn open(
    host: &Arc<dyn Host>,
    transport: Transport,
    peer: &Peer,
    options: &Options,
) -> Result<Kind, SendError> {
    let address = peer.address;
    Ok(match transport.shape() {
        Shape::Datagrams => Kind::Datagrams(DatagramClient::udp(host, address, options.retries)?),
        Shape::Arq(mode) => {
            let settings = ArqSettings {
                congestion: Congestion::Cubic,
                seed: options.seed,
                max_datagram: SAFE_DATAGRAM,
                limits: ARQ_LIMITS,
            };
            let to = (address, mode);
            Kind::Arq(ArqClient::new(transport::arq::connect(host, to, &settings).await?))
        }
        Shape::Stream if transport == Transport::TCP => {
            let connected = host.tcp_connect(address).await.map_err(ConnectError::from)?;
            Kind::Lines(LineClient::new(connected.stream, None))
        }
        Shape::Stream => {
            let connected = host.tcp_connect(address).await.map_err(ConnectError::from)?;
            let connected = tls_connect(host, connected, &options.tls).await?;
            Kind::Lines(LineClient::new(connected.stream, None))
        }
        Shape::Quic(Mapping::Datagram) => {
            let (client, connection) = quic(host, address, options).await?;
            Kind::Datagrams(DatagramClient::quic(client, connection, options.retries))
        }
        Shape::Quic(Mapping::Message) => {
            let (client, connection) = quic(host, address, options).await?;
            Kind::StreamPerMessage(StreamPerMessage::new(client, connection))
        }
        // All that is sent here is one flow.
        Shape::Quic(Mapping::One | Mapping::Flow) => {
            let (client, connection) = quic(host, address, options).await?;
            let (send, receive) = connection.open_bi().await.map_err(|e| ended(peer, &e))?;
            let stream = tokio::io::join(receive, send);
            Kind::Lines(LineClient::new(Box::new(stream), Some((client, connection))))
        }
    })
}

async fn quic(
    host: &Arc<dyn Host>,
    peer: SocketAddr,
    options: &Options,
) -> Result<(QuicClient, quinn::Connection), SendError> {
    let settings = QuicSettings {
        congestion: Congestion::Cubic,
        seed: options.seed,
        limits: QuicLimits {
            streams: 0,
            unidirectional: 0,
            receive_window: BUFFER_BYTES,
            send_buffer: BUFFER_BYTES,
            idle: Some(Duration::from_secs(60)),
        },
    };
    let client = QuicClient::new(host, peer, &options.tls, &settings)?;
    let connection = client.connect(peer).await?;
    Ok((client, connection))
}

/// Closes a connection, and waits until the server has been told.
async fn close_quic(client: &QuicClient, connection: &quinn::Connection) {
    connection.close(0u32.into(), b"done");
    client.finish().await;
}

fn ended(peer: &Peer, reason: &dyn std::fmt::Display) -> SendError {
    SendError::Ended { peer: peer.url.clone(), reason: reason.to_string() }
}

/// What it means that a byte stream failed before the reply to a message of `len` bytes.
fn broken(peer: &Peer, len: usize, error: &io::Error) -> SendError {
    use quinn::{ReadError, WriteError};
    let cause = error.get_ref();
    let reset = cause.and_then(|cause| cause.downcast_ref()).map(|e| matches!(e, ReadError::Reset(TOO_LONG)));
    let stopped =
        cause.and_then(|cause| cause.downcast_ref()).map(|e| matches!(e, WriteError::Stopped(TOO_LONG)));
    if reset == Some(true) || stopped == Some(true) {
        return SendError::TooLong { len, peer: peer.url.clone() };
    }
    match error.kind() {
        // These come from the kernel and from TLS, and say no more than this.
        io::ErrorKind::UnexpectedEof | io::ErrorKind::BrokenPipe => closed(peer, len),
        io::ErrorKind::ConnectionReset if cause.is_none() => closed(peer, len),
        _ => ended(peer, error),
    }
}

/// The server closed the connection instead of answering a message of `len` bytes.
fn closed(peer: &Peer, len: usize) -> SendError {
    if len > DEFAULT_MAX_MESSAGE {
        let reason = format!("the server closed it; {len} bytes may be more than it takes");
        return ended(peer, &format_args!("{reason} (wirelab serve --max-message)"));
    }
    ended(peer, &"the server closed it")
}

fn no_reply(peer: &Peer, message: &[u8], after: Duration, tries: u32) -> SendError {
    SendError::NoReply { message: beginning(message), peer: peer.url.clone(), after, tries }
}

/// Enough of a message for a person to know which one it was.
fn beginning(message: &[u8]) -> String {
    const CHARS: usize = 40;
    let text = String::from_utf8_lossy(&message[..message.len().min(4 * CHARS)]);
    let mut short: String = text.chars().take(CHARS).collect();
    if short.len() < message.len() {
        short.push('…');
    }
    short
}
