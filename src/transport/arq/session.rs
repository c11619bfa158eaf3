//! ARQ sessions.

use std::{net::SocketAddr, sync::Arc};

use tokio::sync::mpsc;

use super::{
    connection::ArqConnection,
    server::{ArqServer, ServerEvent},
    settings::cookie_key,
    trace::Followers,
};
use crate::{
    arq::{Config, Connection, Mode},
    path::Host,
    tap::Tap,
    transport::{
        ConnectError, DialSettings, Establishing, ListenResult, ListenSettings, Listening, Protocol, Session,
    },
};

/// Connections at a time: more than an experiment can hold open.
const MAX_CONNECTIONS: usize = 1 << 20;

impl Protocol for Mode {
    fn dial<'a>(
        &'a self,
        host: &'a Arc<dyn Host>,
        peer: SocketAddr,
        settings: DialSettings<'a>,
    ) -> Establishing<'a> {
        Box::pin(async move { Ok(Session::Arq(connect(host, peer, *self, settings).await?)) })
    }

    fn listen(&self, host: &Arc<dyn Host>, local: SocketAddr, settings: ListenSettings<'_>) -> ListenResult {
        let key = cookie_key(settings.arq.seed);
        let server = ArqServer::bind(host, local, settings.arq, key, MAX_CONNECTIONS, settings.tap)?;
        Ok(Box::new(ArqListening { local: server.local_addr(), clients: serve(host, server) }))
    }
}

async fn connect(
    host: &Arc<dyn Host>,
    peer: SocketAddr,
    mode: Mode,
    DialSettings { arq: settings, tap, .. }: DialSettings<'_>,
) -> Result<ArqConnection, ConnectError> {
    let followers = Followers { tap, tracer: settings.tracer.clone() };
    let config = Config { reports_losses: followers.need_losses(), ..settings.config(mode, peer)? };
    let socket = host.udp_connect(peer)?;
    followers.tap.iter().for_each(Tap::begin);
    let connection = Connection::client(config, settings.id(), host.now());
    let connection = ArqConnection::client(host, socket, peer, connection, followers);
    connection.connected().await.map_err(|e| ConnectError::Failed {
        what: "ARQ handshake",
        peer,
        reason: e.to_string(),
    })?;
    Ok(connection)
}

struct ArqListening {
    local: SocketAddr,
    clients: mpsc::UnboundedReceiver<ArqConnection>,
}

impl Listening for ArqListening {
    fn local_addr(&self) -> SocketAddr {
        self.local
    }

    fn accept(&mut self) -> Establishing<'_> {
        Box::pin(async move {
            let connection = self.clients.recv().await;
            connection.map(Session::Arq).ok_or_else(|| ConnectError::closed(self.local))
        })
    }
}

/// Starts a task that receives for all connections of `server`, and returns new connections. When their receiver has
/// been dropped, it accepts no more, and ends with the last connection.
fn serve(host: &Arc<dyn Host>, mut server: ArqServer) -> mpsc::UnboundedReceiver<ArqConnection> {
    let (accepted, clients) = mpsc::unbounded_channel();
    host.spawn(
        "an ARQ server",
        Box::pin(async move {
            while !accepted.is_closed() || server.connections() > 0 {
                let event = tokio::select! {
                    biased;
                    event = server.next(|_| !accepted.is_closed()) => event,
                    () = accepted.closed(), if !accepted.is_closed() => continue,
                };
                match event {
                    // A connection that is not accepted is dropped here, which resets it.
                    Ok(ServerEvent::Connected(connection)) => drop(accepted.send(connection)),
                    Ok(_) => {}
                    Err(_) => return,
                }
            }
        }),
    );
    clients
}
