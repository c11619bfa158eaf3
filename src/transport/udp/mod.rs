//! Raw UDP: a message is a datagram (RFC 768).

use std::{net::SocketAddr, sync::Arc};

use super::{
    Carrier, ClosedForm, Controllers, Credentials, DatagramBound, DatagramListening, DatagramSession,
    DialSettings, Establishing, ListenResult, ListenSettings, OrderedUnit, Protocol, Scheme, Session, Shape,
    Spec, Transport, UDP_HEADERS,
};
use crate::path::{Datagrams, Host, PathError};

#[derive(Debug)]
struct Udp;

impl Protocol for Udp {
    fn dial<'a>(
        &'a self,
        host: &'a Arc<dyn Host>,
        peer: SocketAddr,
        _: DialSettings<'a>,
    ) -> Establishing<'a> {
        Box::pin(async move {
            let socket = with_ecn(&**host, host.udp_connect(peer)?)?;
            Ok(Session::Datagrams(DatagramSession { socket, peer: Some(peer) }))
        })
    }

    fn listen(&self, host: &Arc<dyn Host>, local: SocketAddr, _: ListenSettings<'_>) -> ListenResult {
        Ok(Box::new(DatagramListening::new(with_ecn(&**host, host.udp_bind(local)?)?)))
    }
}

/// `socket`, which sends ECN-capable datagrams if the link of `host` marks packets. Nothing here reacts to marks: like
/// drops, they are only counted.
fn with_ecn(host: &dyn Host, socket: Arc<dyn Datagrams>) -> Result<Arc<dyn Datagrams>, PathError> {
    if host.uses_ecn() {
        let local = socket.local_addr();
        socket.use_ecn().map_err(|e| PathError::from_io("use ECN on", local, e))?;
    }
    Ok(socket)
}

static SPEC: Spec = Spec {
    name: "udp",
    scheme: &Scheme {
        name: "udp",
        default_port: 9999,
        query: None,
        default: || Transport::UDP,
        carrier: Carrier::Udp,
        credentials: Credentials::None,
    },
    variant: None,
    shape: Shape::Datagrams,
    protocol: &Udp,
    ordered_unit: OrderedUnit::Message,
    datagram: Some(DatagramBound {
        max_message: |mtu| usize::from(mtu).saturating_sub(UDP_HEADERS),
        hint: "raise --mtu or take a transport that splits messages",
    }),
    has_handshake: false,
    handshake: "opening a UDP socket",
    resumes_sessions: false,
    controllers: Controllers::None,
    closed_form: ClosedForm::NoDelay,
    no_remote_transfer: Some(
        "it would answer a forged address with more than it was sent; use quic://, tcp:// or tls://",
    ),
};

impl Transport {
    /// Raw UDP datagrams (RFC 768).
    pub const UDP: Self = Self::new(&SPEC);
}
