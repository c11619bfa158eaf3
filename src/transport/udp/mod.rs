//! Raw UDP: a message is a datagram (RFC 768).

mod spec;

use std::{net::SocketAddr, sync::Arc};

use super::{ConnectError, DatagramSession, DialSettings, ListenSettings, Listening, Protocol, Session};
use crate::path::{BoxFuture, Host};

#[derive(Debug)]
struct Udp;

impl Protocol for Udp {
    fn dial<'a>(
        &'a self,
        host: &'a Arc<dyn Host>,
        peer: SocketAddr,
        _: DialSettings<'a>,
    ) -> BoxFuture<'a, Result<Session, ConnectError>> {
        Box::pin(async move {
            let socket = host.udp_connect(peer)?;
            Ok(Session::Datagrams(DatagramSession { socket, peer: Some(peer) }))
        })
    }

    fn listen(
        &self,
        host: &Arc<dyn Host>,
        local: SocketAddr,
        _: ListenSettings<'_>,
    ) -> Result<Box<dyn Listening>, ConnectError> {
        let socket = host.udp_bind(local)?;
        let local = socket.local_addr();
        Ok(Box::new(UdpListening { local, session: Some(DatagramSession { socket, peer: None }) }))
    }
}

struct UdpListening {
    local: SocketAddr,
    /// The one session, until it is accepted.
    session: Option<DatagramSession>,
}

impl Listening for UdpListening {
    fn local_addr(&self) -> SocketAddr {
        self.local
    }

    fn accept(&mut self) -> BoxFuture<'_, Result<Session, ConnectError>> {
        let session = self.session.take().map(Session::Datagrams);
        Box::pin(std::future::ready(session.ok_or_else(|| ConnectError::closed(self.local))))
    }
}
