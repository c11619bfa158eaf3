//! UDP whose datagrams are signed with a shared key (HMAC-SHA-256, RFC 2104). Forged, changed and replayed datagrams
//! are dropped before anything else looks at them.

mod ends;
mod envelope;
mod key;
mod sender;
mod senders;
mod socket;
mod spec;
mod window;

use std::{net::SocketAddr, sync::Arc};

pub(crate) use self::key::generate_key;
pub use self::key::{InvalidKey, SharedKey};
use self::{
    ends::{Client, Server},
    socket::SignedSocket,
};
use super::{
    ConnectError, DatagramListening, DatagramSession, DialSettings, Establishing, ListenResult,
    ListenSettings, Protocol, Session,
};
use crate::path::Host;

#[derive(Debug)]
struct UdpHmac;

impl Protocol for UdpHmac {
    fn dial<'a>(
        &'a self,
        host: &'a Arc<dyn Host>,
        peer: SocketAddr,
        settings: DialSettings<'a>,
    ) -> Establishing<'a> {
        Box::pin(async move {
            let key = key(settings.shared_key, peer)?;
            let end = Client::new(settings.seed, host.unix_time());
            let socket = Arc::new(SignedSocket::new(host.udp_connect(peer)?, key, end));
            Ok(Session::Datagrams(DatagramSession { socket, peer: Some(peer) }))
        })
    }

    fn listen(&self, host: &Arc<dyn Host>, local: SocketAddr, settings: ListenSettings<'_>) -> ListenResult {
        let key = key(settings.shared_key, local)?;
        let socket = SignedSocket::new(host.udp_bind(local)?, key.clone(), Server::new(key, host.clone()));
        Ok(Box::new(DatagramListening::new(Arc::new(socket))))
    }
}

fn key(key: Option<&SharedKey>, peer: SocketAddr) -> Result<SharedKey, ConnectError> {
    key.cloned().ok_or(ConnectError::NoKey { peer })
}
