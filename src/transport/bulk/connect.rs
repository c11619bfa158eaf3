//! Making an end for bulk data: one line per transport.

use std::{net::SocketAddr, sync::Arc};

use tokio::{io::split, sync::mpsc};

use super::{Bulk, FramedIncoming, FramedOutgoing, Nature, udp};
use crate::{
    path::{Connected, Host, Listener},
    transport::{
        ConnectError, Mapping, Shape, Transport,
        arq::{self, ArqConnection, ArqServer, ArqSettings},
        connect::{MOST_CLIENTS, hear, tls_connect},
        quic::{self, QuicClient, QuicServer, QuicSettings, bulk::QuicBulk},
        stream,
        tls::{ClientTls, ServerTls},
    },
    unit::Rate,
};

/// What the two ends of a transfer agree on.
#[derive(Debug, Clone)]
pub struct BulkSettings {
    /// Streams that content is spread over where it has a stream per flow.
    pub flows: u32,
    /// How fast datagrams are sent that no congestion control holds back.
    pub pace: Rate,
    /// The largest payload of a raw datagram.
    pub datagram_bytes: usize,
    /// How QUIC is set up.
    pub quic: QuicSettings,
    /// How reliability by hand is set up.
    pub arq: ArqSettings,
    /// The client's side of TLS.
    pub client_tls: ClientTls,
    /// The server's side of TLS.
    pub server_tls: ServerTls,
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
    settings: &BulkSettings,
) -> Result<Bulk, ConnectError> {
    Ok(match transport.shape() {
        Shape::Datagrams => {
            udp::bulk(host, host.udp_connect(peer)?, Some(peer), (settings.pace, settings.datagram_bytes))
        }
        Shape::Arq(mode) => {
            let to = (peer, mode);
            arq::bulk::bulk(arq::connect(host, to, &settings.arq).await?)
        }
        Shape::Stream if transport == Transport::TCP => byte_stream(host.tcp_connect(peer).await?),
        Shape::Stream => {
            byte_stream(tls_connect(host, host.tcp_connect(peer).await?, &settings.client_tls).await?)
        }
        Shape::Quic(mapping) => {
            let client = QuicClient::new(host, peer, &settings.client_tls, &settings.quic)?;
            let connection = client.connect(peer).await?;
            QuicBulk::client(host, client, connection).bulk((mapping, settings.flows), None)
        }
    })
}

fn byte_stream(Connected { stream, peer, kernel, .. }: Connected) -> Bulk {
    let (reader, writer) = split(stream);
    Bulk {
        outgoing: Box::new(FramedOutgoing { peer, writer }),
        incoming: Box::new(FramedIncoming { peer, reader }),
        nature: Nature::RELIABLE,
        recovery: Box::new(move || stream::recovery(kernel.as_deref())),
    }
}

/// Where a transfer's server waits for its client.
pub struct BulkAcceptor {
    host: Arc<dyn Host>,
    flows: u32,
    local: SocketAddr,
    kind: Kind,
}

enum Kind {
    Udp(Option<Bulk>),
    Arq(mpsc::UnboundedReceiver<ArqConnection>),
    Tcp(Box<dyn Listener>),
    Tls(Box<dyn Listener>, tokio_rustls::TlsAcceptor),
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
    settings: &BulkSettings,
) -> Result<BulkAcceptor, ConnectError> {
    let (kind, local) = match transport.shape() {
        Shape::Datagrams => {
            let socket = host.udp_bind(local)?;
            let local = socket.local_addr();
            (Kind::Udp(Some(udp::bulk(host, socket, None, (settings.pace, settings.datagram_bytes)))), local)
        }
        Shape::Arq(_) => {
            let server = ArqServer::bind(
                host,
                local,
                &settings.arq,
                (arq::cookie_key(settings.arq.seed), MOST_CLIENTS),
            )?;
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
            (Kind::Tls(listener, Arc::new(config).into()), local)
        }
        Shape::Quic(mapping) => {
            let server = quic::listen(host, local, &settings.server_tls, &settings.quic)?;
            let local = server.endpoint.local_addr().unwrap_or(local);
            (Kind::Quic(Box::new(server), mapping), local)
        }
    };
    Ok(BulkAcceptor { host: host.clone(), flows: settings.flows, local, kind })
}

impl BulkAcceptor {
    /// The address it listens on.
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// The client. Raw UDP knows no connections: it hears from all.
    ///
    /// # Errors
    ///
    /// What the handshake failed of, or that no more can come.
    pub async fn accept(&mut self) -> Result<Bulk, ConnectError> {
        let closed = || ConnectError::Failed {
            what: "accepting",
            peer: self.local,
            reason: "the endpoint is closed".to_owned(),
        };
        Ok(match &mut self.kind {
            Kind::Udp(bulk) => bulk.take().ok_or_else(closed)?,
            Kind::Arq(clients) => arq::bulk::bulk(clients.recv().await.ok_or_else(closed)?),
            Kind::Tcp(listener) => byte_stream(listener.accept().await?),
            Kind::Tls(listener, acceptor) => {
                let Connected { stream, local, peer, kernel } = listener.accept().await?;
                let stream = acceptor.accept(stream).await.map_err(|e| ConnectError::from_tls(peer, e))?;
                byte_stream(Connected { stream: Box::new(stream), local, peer, kernel })
            }
            Kind::Quic(server, mapping) => {
                // A first packet with a changed bit is an attempt that fails; its sender tries again.
                let connection = loop {
                    let incoming = server.endpoint.accept().await.ok_or_else(closed)?;
                    if let Ok(connection) = incoming.await {
                        break connection;
                    }
                };
                QuicBulk::server(&self.host, server, connection).bulk((*mapping, self.flows), None)
            }
        })
    }
}
