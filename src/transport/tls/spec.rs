//! `tls`: TLS 1.3 over the kernel's TCP (RFC 8446).

use super::session::Tls;
use crate::transport::{
    Carrier, ClosedForm, Controllers, Credentials, OrderedUnit, Scheme, Shape, Spec, Transport,
};

static SCHEME: Scheme = Scheme {
    name: "tls",
    default_port: 9443,
    query: None,
    default: || Transport::TLS,
    carrier: Carrier::KernelTcp,
    credentials: Credentials::Certificate { p256: false },
};

static SPEC: Spec = Spec {
    name: "tls",
    scheme: &SCHEME,
    variant: None,
    shape: Shape::Stream,
    protocol: &Tls,
    ordered_unit: OrderedUnit::All,
    datagram: None,
    has_handshake: true,
    handshake: "TLS handshake",
    resumes_sessions: true,
    controllers: Controllers::Kernel,
    closed_form: ClosedForm::KERNEL_TCP,
    no_remote_transfer: None,
};

impl Transport {
    /// TLS 1.3 over the kernel's TCP (RFC 8446).
    pub const TLS: Self = Self::new(&SPEC);
}
