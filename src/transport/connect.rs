//! Making a channel: one line per transport.

use std::{net::SocketAddr, sync::Arc};

use rustls::pki_types::ServerName;
use tokio::sync::mpsc;

use super::{
    Channel, ConnectError, Mapping, Shape, Transport,
    arq::{self, ArqChannel, ArqConnection, ArqServer, ArqSettings, Heard},
    quic::{
        self, QuicClient, QuicServer, QuicSettings, Reading,
        channel::{Incoming, QuicChannel},
    },
    stream::{Framing, StreamChannel},
    tls::{ClientTls, ServerTls, accept_early},
    udp::UdpChannel,
};
use crate::{
    path::{Connected, Host, Listener},
    tap::{StreamTap, Tap},
    unit::PerDirection,
};

/// What the two ends of an experiment agree on.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Independent sequences of messages.
    pub flows: u32,
    /// Bytes of a request.
    pub request: usize,
    /// Bytes of a reply.
    pub reply: usize,
    /// How QUIC is set up.
    pub quic: QuicSettings,
    /// How reliability by hand is set up.
    pub arq: ArqSettings,
    /// How QUIC's streams are read.
    pub reading: Reading,
    /// The client's side of TLS.
    pub client_tls: ClientTls,
    /// The server's side of TLS.
    pub server_tls: ServerTls,
    /// What the order instrument knows of the link, for the client and for the server; `None` without an instrument.
    pub taps: Option<PerDirection<Tap>>,
}

/// Connects to `peer`.
///
/// # Errors
///
/// What the connection failed of.
pub async fn connect(
    host: &Arc<dyn Host>,
    transport: Transport,
    peer: SocketAddr,
    settings: &Settings,
) -> Result<Box<dyn Channel>, ConnectError> {
    let tap = settings.taps.as_ref().map(|taps| taps.to_server.clone());
    Ok(match transport.shape() {
        Shape::Datagrams => {
            let socket = host.udp_connect(peer)?;
            Box::new(UdpChannel::new(host.clone(), socket, Some(peer), tap))
        }
        Shape::Arq(mode) => {
            let to = (peer, mode);
            Box::new(ArqChannel::new(arq::connect_tapped(host, to, &settings.arq, tap).await?))
        }
        Shape::Stream if transport == Transport::TCP => {
            let (connected, tap) = tapped(tap.as_ref(), host.tcp_connect(peer).await?);
            Box::new(StreamChannel::new(host, connected, tap, settings.reply, Framing::Plain))
        }
        Shape::Stream => {
            let tls = &settings.client_tls;
            // Handshake records come between early messages: the offsets at which these end are not known.
            let tap = tap.as_ref().filter(|_| !tls.early_data);
            let (connected, tap) = tapped(tap, host.tcp_connect(peer).await?);
            let connected = tls_connect(host, connected, tls).await?;
            Box::new(StreamChannel::new(host, connected, tap, settings.reply, Framing::Tls))
        }
        Shape::Quic(mapping) => {
            let client = QuicClient::tapped(host, peer, (&settings.client_tls, &settings.quic), tap.clone())?;
            let connection = match settings.client_tls.early_data {
                true => client.connect_early(peer).await?.0,
                false => client.connect(peer).await?,
            };
            let incoming = Incoming { length: settings.reply, reading: settings.reading, tap };
            let plan = (mapping, settings.flows, incoming);
            let channel = QuicChannel::client(host.clone(), client, connection, plan).await;
            Box::new(channel.map_err(|e| ConnectError::Failed {
                what: "QUIC stream setup",
                peer,
                reason: e.to_string(),
            })?)
        }
    })
}

/// A TLS handshake over a TCP connection, as its client. With early data and a session to resume it is over at once,
/// and carried out as the first bytes are written.
///
/// # Errors
///
/// What the handshake failed of.
pub(crate) async fn tls_connect(
    host: &Arc<dyn Host>,
    connected: Connected,
    tls: &ClientTls,
) -> Result<Connected, ConnectError> {
    let Connected { stream, local, peer, kernel } = connected;
    let config = tls.config(host).map_err(|e| ConnectError::Failed {
        what: "TLS client setup",
        peer,
        reason: e.to_string(),
    })?;
    let name: ServerName<'static> = tls.server_name.clone();
    let stream = tokio_rustls::TlsConnector::from(Arc::new(config))
        .early_data(tls.early_data)
        .connect(name, stream)
        .await
        .map_err(|e| ConnectError::from_tls(peer, e))?;
    Ok(Connected { stream: Box::new(stream), local, peer, kernel })
}

/// Where an experiment's server waits for its client.
pub struct Acceptor {
    host: Arc<dyn Host>,
    incoming: Incoming,
    local: SocketAddr,
    /// Take what comes with a client's first flight.
    early_data: bool,
    kind: Kind,
}

enum Kind {
    Udp(Option<UdpChannel>),
    Arq(mpsc::UnboundedReceiver<ArqConnection>),
    Tcp(Box<dyn Listener>),
    Tls(Box<dyn Listener>, Arc<rustls::ServerConfig>),
    Quic(Box<QuicServer>, Mapping),
}

/// Listens on `local`, or on a free port where it names none.
///
/// # Errors
///
/// Where the socket is not to be had.
pub fn listen(
    host: &Arc<dyn Host>,
    transport: Transport,
    local: SocketAddr,
    settings: &Settings,
) -> Result<Acceptor, ConnectError> {
    let tap = settings.taps.as_ref().map(|taps| taps.to_client.clone());
    let (kind, local) = match transport.shape() {
        Shape::Datagrams => {
            let socket = host.udp_bind(local)?;
            let local = socket.local_addr();
            (Kind::Udp(Some(UdpChannel::new(host.clone(), socket, None, tap.clone()))), local)
        }
        Shape::Arq(_) => {
            let key = arq::cookie_key(settings.arq.seed);
            let server = ArqServer::tapped(host, local, &settings.arq, (key, MOST_CLIENTS, tap.clone()))?;
            let local = server.local_addr();
            (Kind::Arq(hear(host, server)), local)
        }
        Shape::Stream if transport == Transport::TCP => {
            let listener = host.tcp_listen(local)?;
            let local = listener.local_addr();
            (Kind::Tcp(listener), local)
        }
        Shape::Stream => {
            let listener = host.tcp_listen(local)?;
            let local = listener.local_addr();
            let config = settings.server_tls.config(host).map_err(|e| ConnectError::Failed {
                what: "TLS server setup",
                peer: local,
                reason: e.to_string(),
            })?;
            (Kind::Tls(listener, Arc::new(config)), local)
        }
        Shape::Quic(mapping) => {
            let server =
                quic::listen_tapped(host, local, (&settings.server_tls, &settings.quic), tap.clone())?;
            let local = server.endpoint.local_addr().unwrap_or(local);
            (Kind::Quic(Box::new(server), mapping), local)
        }
    };
    let incoming = Incoming { length: settings.request, reading: settings.reading, tap };
    let early_data = settings.server_tls.early_data;
    Ok(Acceptor { host: host.clone(), incoming, local, early_data, kind })
}

impl Acceptor {
    /// The address it listens on.
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// The next client. Raw UDP knows no connections: its one channel hears from all.
    ///
    /// # Errors
    ///
    /// What the handshake failed of, or that no more can come.
    pub async fn accept(&mut self) -> Result<Box<dyn Channel>, ConnectError> {
        let closed = || ConnectError::Failed {
            what: "accepting",
            peer: self.local,
            reason: "the endpoint is closed".to_owned(),
        };
        Ok(match &mut self.kind {
            Kind::Udp(channel) => Box::new(channel.take().ok_or_else(closed)?),
            Kind::Arq(clients) => {
                let connection = clients.recv().await.ok_or_else(closed)?;
                Box::new(ArqChannel::new(connection))
            }
            Kind::Tcp(listener) => {
                let (connected, tap) = tapped(self.incoming.tap.as_ref(), listener.accept().await?);
                Box::new(StreamChannel::new(&self.host, connected, tap, self.incoming.length, Framing::Plain))
            }
            Kind::Tls(listener, config) => {
                let tap = self.incoming.tap.as_ref().filter(|_| !self.early_data);
                let (connected, tap) = tapped(tap, listener.accept().await?);
                let connected = tls_accept(&self.host, connected, config).await?;
                Box::new(StreamChannel::new(&self.host, connected, tap, self.incoming.length, Framing::Tls))
            }
            Kind::Quic(server, mapping) => {
                // A first packet with a changed bit is an attempt that fails; its sender tries again.
                let connection = loop {
                    let incoming = server.endpoint.accept().await.ok_or_else(closed)?;
                    if let Ok(connection) = quic_accept(incoming, self.early_data).await {
                        break connection;
                    }
                };
                let plan = (*mapping, self.incoming.clone());
                Box::new(QuicChannel::server(self.host.clone(), server, connection, plan))
            }
        })
    }
}

/// A TLS handshake over a TCP connection, as its server.
async fn tls_accept(
    host: &Arc<dyn Host>,
    connected: Connected,
    config: &Arc<rustls::ServerConfig>,
) -> Result<Connected, ConnectError> {
    if config.max_early_data_size > 0 {
        return accept_early(host, connected, config);
    }
    let Connected { stream, local, peer, kernel } = connected;
    let accepting = tokio_rustls::TlsAcceptor::from(config.clone()).accept(stream);
    let stream = accepting.await.map_err(|e| ConnectError::from_tls(peer, e))?;
    Ok(Connected { stream: Box::new(stream), local, peer, kernel })
}

/// Follows the bytes of a TCP connection on the link, if there is a tap.
fn tapped(tap: Option<&Tap>, connected: Connected) -> (Connected, Option<StreamTap>) {
    match tap {
        Some(tap) => {
            let (connected, tap) = tap.stream(connected);
            (connected, Some(tap))
        }
        None => (connected, None),
    }
}

/// A QUIC handshake, as its server; one that takes early data is handed over before it is complete.
async fn quic_accept(
    incoming: quinn::Incoming,
    early_data: bool,
) -> Result<quinn::Connection, quinn::ConnectionError> {
    if !early_data {
        return incoming.await;
    }
    match incoming.accept()?.into_0rtt() {
        Ok((connection, _)) => Ok(connection),
        Err(connecting) => connecting.await,
    }
}

/// Clients at a time: an experiment has one, and what its attempts leave behind.
pub(super) const MOST_CLIENTS: usize = 1024;

/// A task that hears for all connections of `server`; the clients that come.
pub(super) fn hear(host: &Arc<dyn Host>, mut server: ArqServer) -> mpsc::UnboundedReceiver<ArqConnection> {
    let (tell, clients) = mpsc::unbounded_channel();
    host.spawn(
        "an ARQ server",
        Box::pin(async move {
            while let Ok(heard) = server.next(|_| true).await {
                // One that nobody accepts any more is reset.
                if let Heard::Client(connection) = heard {
                    let _ = tell.send(connection);
                }
            }
        }),
    );
    clients
}
