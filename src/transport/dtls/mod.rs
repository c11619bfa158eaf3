//! UDP encrypted by DTLS 1.3 (RFC 9147), or by DTLS 1.2 (RFC 6347) if the peer does not support 1.3. Each message is a
//! record in its own datagram.
//!
//! dimpl implements the protocol, ring the cryptography. A server has one UDP socket for all clients. [`ServerSocket`]
//! wraps it and keeps a connection for each client, so its users receive decrypted datagrams as from any other socket.

mod client;
mod config;
mod connection;
mod crypto;
mod deadlines;
mod inbox;
mod peer;
mod peers;
mod record;
mod server;
mod spec;
mod trace;
mod unproven;

use std::{future::ready, net::SocketAddr, sync::Arc, time::Duration};

use self::{
    client::ClientSocket,
    config::{Setup, Versions},
    server::ServerSocket,
};
use super::{
    ConnectError, DatagramListening, DatagramSession, DialSettings, Establishing, ListenResult,
    ListenSettings, Protocol, Session,
};
use crate::path::Host;

/// Time limit for a server's handshake in an experiment. It exceeds [`client::HANDSHAKE_LIMIT`], after which the client
/// begins a new handshake. A server of `serve` has its own limit.
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(30);

#[derive(Debug)]
struct Dtls;

impl Protocol for Dtls {
    fn dial<'a>(
        &'a self,
        host: &'a Arc<dyn Host>,
        peer: SocketAddr,
        settings: DialSettings<'a>,
    ) -> Establishing<'a> {
        // A constant: a build that cannot run DTLS leaves out everything behind this line.
        if let Some(reason) = connection::UNAVAILABLE {
            return Box::pin(ready(Err(ConnectError::unavailable("dtls", peer, reason))));
        }
        Box::pin(async move { Ok(Session::Datagrams(dial(host, peer, settings, Versions::Both).await?)) })
    }

    fn listen(&self, host: &Arc<dyn Host>, local: SocketAddr, settings: ListenSettings<'_>) -> ListenResult {
        if let Some(reason) = connection::UNAVAILABLE {
            return Err(ConnectError::unavailable("dtls", local, reason));
        }
        listen(host, local, settings, true)
    }

    fn unavailable(&self) -> Option<&'static str> {
        connection::UNAVAILABLE
    }
}

/// Connects with one of these versions.
async fn dial(
    host: &Arc<dyn Host>,
    peer: SocketAddr,
    settings: DialSettings<'_>,
    versions: Versions,
) -> Result<DatagramSession, ConnectError> {
    settings.tap.iter().for_each(|tap| tap.begin());
    let setup = Setup {
        max_datagram: settings.arq.max_datagram,
        seed: settings.seed,
        limit: client::HANDSHAKE_LIMIT,
        cookie: false,
        versions,
    };
    let socket = ClientSocket::new(host, peer, setup, settings.tls, settings.tap)?;
    socket.connected().await?;
    Ok(DatagramSession { socket: Arc::new(socket), peer: Some(peer) })
}

/// Listens, and asks clients for a `cookie` or not.
fn listen(
    host: &Arc<dyn Host>,
    local: SocketAddr,
    settings: ListenSettings<'_>,
    cookie: bool,
) -> ListenResult {
    let tls = settings.need_tls("DTLS", local)?;
    let setup = Setup {
        max_datagram: settings.arq.max_datagram,
        seed: settings.quic.seed,
        limit: settings.clients.as_ref().map_or(HANDSHAKE_LIMIT, |clients| clients.handshake),
        cookie,
        versions: Versions::Both,
    };
    let socket = ServerSocket::new(host, local, &setup, tls, settings.clients, settings.tap)?;
    Ok(Box::new(DatagramListening::new(Arc::new(socket))))
}

#[cfg(test)]
mod tests;
