//! `tcp`: the kernel's TCP (RFC 9293).

use super::Tcp;
use crate::transport::{
    Carrier, ClosedForm, Controllers, Credentials, OrderedUnit, Scheme, Shape, Spec, Transport,
};

static SCHEME: Scheme = Scheme {
    name: "tcp",
    default_port: 9999,
    query: None,
    default: || Transport::TCP,
    carrier: Carrier::KernelTcp,
    credentials: Credentials::None,
};

static SPEC: Spec = Spec {
    name: "tcp",
    scheme: &SCHEME,
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
