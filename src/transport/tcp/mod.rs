//! The kernel's TCP (RFC 9293).

use std::{net::SocketAddr, sync::Arc};

use super::{
    Carrier, ClosedForm, Controllers, Credentials, DialSettings, Establishing, ListenResult, ListenSettings,
    Listening, OrderedUnit, Protocol, Scheme, Session, Shape, Spec, StreamSession, Transport,
    session::tap_stream,
};
use crate::{
    path::{Connected, Host, Listener},
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
    ) -> Establishing<'a> {
        Box::pin(async move { Ok(session(host.tcp_connect(peer).await?, settings.tap.as_ref())) })
    }

    fn listen(&self, host: &Arc<dyn Host>, local: SocketAddr, settings: ListenSettings<'_>) -> ListenResult {
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

    fn accept(&mut self) -> Establishing<'_> {
        Box::pin(async move { Ok(session(self.listener.accept().await?, self.tap.as_ref())) })
    }
}

fn session(connected: Connected, tap: Option<&Tap>) -> Session {
    let (connected, tap) = tap_stream(tap, connected);
    Session::Stream(StreamSession { connected, tap, wire_bytes: |length| length as u64 })
}

static SPEC: Spec = Spec {
    name: "tcp",
    scheme: &Scheme {
        name: "tcp",
        default_port: 9999,
        query: None,
        default: || Transport::TCP,
        carrier: Carrier::KernelTcp,
        credentials: Credentials::None,
    },
    variant: None,
    shape: Shape::Stream,
    protocol: &Tcp,
    ordered_unit: OrderedUnit::All,
    datagram: None,
    has_handshake: true,
    handshake: "connecting over TCP",
    resumes_sessions: false,
    controllers: Controllers::Kernel,
    closed_form: ClosedForm::KERNEL_TCP,
    no_remote_transfer: None,
};

impl Transport {
    /// The kernel's TCP (RFC 9293).
    pub const TCP: Self = Self::new(&SPEC);
}
