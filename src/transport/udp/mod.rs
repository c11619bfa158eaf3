//! Raw UDP: a message is a datagram (RFC 768).

mod spec;

use std::{net::SocketAddr, sync::Arc};

use super::{
    ConnectError, DatagramListening, DatagramSession, DialSettings, ListenSettings, Listening, Protocol,
    Session,
};
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
        Ok(Box::new(DatagramListening::new(host.udp_bind(local)?)))
    }
}
