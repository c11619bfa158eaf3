//! `udp-hmac`: UDP datagrams signed with a shared key.

use super::{UdpHmac, envelope::TRAILER_BYTES};
use crate::transport::{
    Carrier, ClosedForm, Controllers, Credentials, DatagramBound, OrderedUnit, Scheme, Shape, Spec,
    Transport, UDP_HEADERS,
};

static SCHEME: Scheme = Scheme {
    name: "udp-hmac",
    default_port: 9998,
    query: None,
    default: || Transport::UDP_HMAC,
    carrier: Carrier::Udp,
    credentials: Credentials::SharedKey,
};

static SPEC: Spec = Spec {
    name: "udp-hmac",
    scheme: &SCHEME,
    variant: None,
    shape: Shape::Datagrams,
    protocol: &UdpHmac,
    ordered_unit: OrderedUnit::Message,
    datagram: Some(DatagramBound {
        max_message: |mtu| usize::from(mtu).saturating_sub(UDP_HEADERS + TRAILER_BYTES),
        hint: "raise --mtu or take a transport that splits messages",
    }),
    has_handshake: false,
    handshake: "opening a UDP socket",
    resumes_sessions: false,
    controllers: Controllers::None,
    closed_form: ClosedForm::NoDelay,
    no_remote_transfer: Some("servers move no bulk data in datagrams; use quic://, tcp:// or tls://"),
};

impl Transport {
    /// UDP datagrams signed with HMAC-SHA-256.
    pub const UDP_HMAC: Self = Self::new(&SPEC);
}
