//! A server's socket, which receives for all of its connections.

use std::{
    collections::BTreeMap,
    fmt,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use tokio::sync::mpsc;

use super::{connection::ArqConnection, endpoint::Endpoint, settings::ArqSettings, trace::Followers};
use crate::{
    arq::{Config, Connection, ConnectionId, Listener, Mode, Routed},
    path::{self, DatagramError, Datagrams, Host, Received, Side},
    tap::Tap,
    transport::ConnectError,
};

/// A server's end. It receives only while [`ArqServer::next`] is awaited.
pub(crate) struct ArqServer {
    host: Arc<dyn Host>,
    socket: Arc<dyn Datagrams>,
    listener: Listener,
    connections: BTreeMap<ConnectionId, Arc<Endpoint>>,
    /// Connections that have ended.
    over: mpsc::UnboundedReceiver<ConnectionId>,
    tell_over: mpsc::UnboundedSender<ConnectionId>,
    buffer: Box<[u8]>,
    followers: Followers,
}

/// What happened at a server.
#[derive(Debug)]
pub(crate) enum ServerEvent {
    /// A client has connected, and proved its address.
    Connected(ArqConnection),
    /// A client at this address was refused.
    Refused(SocketAddr),
    /// A datagram from this address belonged to no connection and did not open one.
    Unrelated(SocketAddr),
    /// A connection has ended.
    Closed,
}

impl ArqServer {
    /// Listens on `local` for at most `most` connections at a time. A tap can record one of them. `key` signs cookies:
    /// a client that knows it can forge any address.
    ///
    /// Returns an error if the socket cannot be bound.
    pub(crate) fn bind(
        host: &Arc<dyn Host>,
        local: SocketAddr,
        settings: &ArqSettings,
        key: [u8; 32],
        most: usize,
        tap: Option<Tap>,
    ) -> Result<Self, ConnectError> {
        // The client chooses the mode.
        let followers = Followers { tap, tracer: settings.tracer.clone() };
        let reports_losses = followers.need_losses();
        let config = Config { reports_losses, ..settings.config(Mode::default(), local)? };
        let (tell_over, over) = mpsc::unbounded_channel();
        Ok(Self {
            host: host.clone(),
            socket: host.udp_bind(local)?,
            listener: Listener::new(config, key, most),
            connections: BTreeMap::new(),
            over,
            tell_over,
            buffer: vec![0; usize::from(u16::MAX)].into_boxed_slice(),
            followers,
        })
    }

    /// The address it listens on.
    pub(crate) fn local_addr(&self) -> SocketAddr {
        self.socket.local_addr()
    }

    /// The socket of all connections.
    pub(crate) fn socket(&self) -> &Arc<dyn Datagrams> {
        &self.socket
    }

    /// The number of open connections.
    pub(crate) fn connections(&self) -> usize {
        self.connections.len()
    }

    /// Sets how many segments new clients may send ahead of the application.
    pub(crate) fn set_receive_window(&mut self, segments: u32) {
        self.listener.set_receive_window(segments);
    }

    /// Receives for all connections until something happens. Clients that are not `welcome` get no answer.
    /// It is cancel safe.
    ///
    /// Returns an error if the socket fails. The next call may succeed.
    pub(crate) async fn next(
        &mut self,
        mut welcome: impl FnMut(SocketAddr) -> bool,
    ) -> Result<ServerEvent, DatagramError> {
        loop {
            let received = tokio::select! {
                biased;
                Some(id) = self.over.recv() => {
                    self.connections.remove(&id);
                    self.listener.forget(id);
                    return Ok(ServerEvent::Closed);
                }
                received = self.socket.recv(&mut self.buffer) => received?,
            };
            if let Some(event) = self.route(received, &mut welcome) {
                return Ok(event);
            }
            // Each segment is answered on its own, and by the application first.
            path::yield_now().await;
        }
    }

    fn route(
        &mut self,
        received: Received,
        welcome: &mut impl FnMut(SocketAddr) -> bool,
    ) -> Option<ServerEvent> {
        let Received { len, from, to, .. } = received;
        let datagram = &self.buffer[..len];
        // A socket bound to all addresses replies from the address that was asked, unless that is multicast.
        let from_ip = to.filter(|ip| self.local_addr().ip().is_unspecified() && !ip.is_multicast());
        match self.listener.handle_datagram(self.host.now(), from, datagram) {
            Routed::Ignored => return Some(ServerEvent::Unrelated(from)),
            Routed::Reply(reply) if welcome(from) => {
                // If this fails, the reply counts as lost. The client asks again.
                let _ = self.socket.try_send(&reply, from, from_ip);
            }
            Routed::Accepted(connection) if welcome(from) => {
                return Some(ServerEvent::Connected(self.accept(*connection, from, from_ip)));
            }
            Routed::Accepted(connection) => {
                self.listener.forget(connection.id());
                return Some(ServerEvent::Refused(from));
            }
            Routed::Reply(_) => return Some(ServerEvent::Refused(from)),
            Routed::Connection(id) => {
                if let Some(connection) = self.connections.get(&id) {
                    connection.receive(datagram);
                }
            }
        }
        None
    }

    fn accept(&mut self, connection: Connection, peer: SocketAddr, from: Option<IpAddr>) -> ArqConnection {
        let id = connection.id();
        let (socket, followers) = (self.socket.clone(), self.followers.clone());
        let endpoint = Endpoint::new(&self.host, socket, peer, from, connection, Side::Server, followers);
        let (driven, tell_over) = (endpoint.clone(), self.tell_over.clone());
        self.host.spawn(
            "an ARQ connection",
            Box::pin(async move {
                driven.drive().await;
                // Fails only if the server was dropped.
                let _ = tell_over.send(id);
            }),
        );
        self.connections.insert(id, endpoint.clone());
        ArqConnection::server(endpoint)
    }
}

impl fmt::Debug for ArqServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ArqServer").field("local", &self.local_addr()).finish_non_exhaustive()
    }
}
