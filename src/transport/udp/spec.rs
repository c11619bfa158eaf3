//! `udp`: raw UDP datagrams (RFC 768).

use super::Udp;
use crate::transport::{
    Carrier, ClosedForm, Controllers, Credentials, DatagramBound, OrderedUnit, Scheme, Shape, Spec,
    Transport, UDP_HEADERS,
};

static SCHEME: Scheme = Scheme {
    name: "udp",
    default_port: 9999,
    query: None,
    default: || Transport::UDP,
    carrier: Carrier::Udp,
    credentials: Credentials::None,
};

static SPEC: Spec = Spec {
    name: "udp",
    scheme: &SCHEME,
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
