//! The kernel's TCP (RFC 9293).

mod spec;

use std::{net::SocketAddr, sync::Arc};

use super::{
    ConnectError, DialSettings, ListenSettings, Listening, Protocol, Session, StreamSession,
    session::tap_stream,
};
use crate::{
    path::{BoxFuture, Connected, Host, Listener},
    tap::Tap,
};

#[derive(Debug)]
struct Tcp;

impl Protocol for Tcp {
    fn dial<'a>(
        &'a self,
        host: &'a Arc<dyn Host>,
        peer: SocketAddr,
        settings: DialSettings<'a>,
    ) -> BoxFuture<'a, Result<Session, ConnectError>> {
        Box::pin(async move { Ok(session(host.tcp_connect(peer).await?, settings.tap.as_ref())) })
    }

    fn listen(
        &self,
        host: &Arc<dyn Host>,
        local: SocketAddr,
        settings: ListenSettings<'_>,
    ) -> Result<Box<dyn Listening>, ConnectError> {
        Ok(Box::new(TcpListening { listener: host.tcp_listen(local)?, tap: settings.tap }))
    }
}

struct TcpListening {
    listener: Box<dyn Listener>,
    tap: Option<Tap>,
}

impl Listening for TcpListening {
    fn local_addr(&self) -> SocketAddr {
        self.listener.local_addr()
    }

    fn accept(&mut self) -> BoxFuture<'_, Result<Session, ConnectError>> {
        Box::pin(async move { Ok(session(self.listener.accept().await?, self.tap.as_ref())) })
    }
}

fn session(connected: Connected, tap: Option<&Tap>) -> Session {
    let (connected, tap) = tap_stream(tap, connected);
    Session::Stream(StreamSession { connected, tap, wire_bytes: |length| length as u64 })
}
