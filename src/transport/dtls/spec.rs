//! `dtls`: UDP datagrams encrypted by DTLS.

use super::{Dtls, record};
use crate::transport::{
    Carrier, ClosedForm, Controllers, Credentials, DatagramBound, OrderedUnit, Scheme, Shape, Spec,
    Transport, UDP_HEADERS,
};

static SCHEME: Scheme = Scheme {
    name: "dtls",
    default_port: 9997,
    query: None,
    default: || Transport::DTLS,
    carrier: Carrier::Udp,
    credentials: Credentials::Certificate { p256: true },
};

static SPEC: Spec = Spec {
    name: "dtls",
    scheme: &SCHEME,
    variant: None,
    shape: Shape::Datagrams,
    protocol: &Dtls,
    ordered_unit: OrderedUnit::Message,
    datagram: Some(DatagramBound {
        max_message: |mtu| {
            usize::from(mtu).saturating_sub(UDP_HEADERS + record::OVERHEAD).min(record::MAX_PLAINTEXT)
        },
        hint: "raise --mtu or take a transport that splits messages",
    }),
    has_handshake: true,
    handshake: "DTLS handshake",
    resumes_sessions: false,
    controllers: Controllers::None,
    closed_form: ClosedForm::NoDelay,
    no_remote_transfer: Some("servers move no bulk data in datagrams; use quic://, tcp:// or tls://"),
};

impl Transport {
    /// UDP datagrams encrypted by DTLS 1.3 (RFC 9147) or 1.2 (RFC 6347).
    pub const DTLS: Self = Self::new(&SPEC);
}
