//! What the rest of the program asks of a transport.

use std::{fmt, hash, net::SocketAddr, time::Duration};

use super::{Congestion, Protocol};
use crate::arq::Mode;

/// A transport: how messages travel. A handle to its [`Spec`].
#[derive(Clone, Copy)]
pub struct Transport(&'static Spec);

/// The properties of a transport. Nothing outside a transport's folder asks which transport it is.
#[derive(Debug)]
pub struct Spec {
    /// Name on the command line and in results.
    pub name: &'static str,
    /// The URLs of its servers.
    pub scheme: &'static Scheme,
    /// The value of the scheme's query that selects this transport: `one` in `quic://host?streams=one`.
    pub variant: Option<&'static str>,
    /// The shape of its sessions.
    pub shape: Shape,
    /// Makes its sessions.
    pub(crate) protocol: &'static dyn Protocol,
    /// What it keeps in order.
    pub ordered_unit: OrderedUnit,
    /// The bounds on a message that must fit into one datagram. `None`: a message may take several packets, and is
    /// delivered or the connection breaks.
    pub datagram: Option<DatagramBound>,
    /// Whether packets are exchanged before the first message.
    pub has_handshake: bool,
    /// What making a session is called in errors.
    pub handshake: &'static str,
    /// Whether a client can resume a TLS session, with early data (RFC 8446 section 2.3).
    pub resumes_sessions: bool,
    /// The congestion controllers that it can run.
    pub controllers: Controllers,
    /// The closed form that predicts its delays.
    pub(crate) closed_form: ClosedForm,
    /// Why servers transfer no bulk data over it to clients elsewhere.
    pub no_remote_transfer: Option<&'static str>,
}

/// The servers that a URL scheme names, which speak all transports of the scheme.
#[derive(Debug)]
pub struct Scheme {
    /// Name of the scheme, and of its transports together where there are several.
    pub name: &'static str,
    /// Port of URLs that name none.
    pub default_port: u16,
    /// Query key whose value selects one of several transports.
    pub query: Option<&'static str>,
    /// Transport of URLs that select none.
    pub default: fn() -> Transport,
    /// The transport protocol of its port.
    pub carrier: Carrier,
    /// What its servers prove themselves with.
    pub credentials: Credentials,
}

/// What a server proves itself with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Credentials {
    /// Nothing.
    None,
    /// A certificate (RFC 5280).
    Certificate {
        /// Whether it must have an ECDSA key on P-256.
        p256: bool,
    },
    /// A key that both ends know.
    SharedKey,
}

impl Credentials {
    /// Whether the server needs a certificate.
    pub fn is_certificate(self) -> bool {
        matches!(self, Self::Certificate { .. })
    }
}

impl Scheme {
    /// The URL of a server at `address`.
    pub fn url(&self, address: SocketAddr) -> String {
        format!("{}://{address}", self.name)
    }

    /// Whether servers listen on a UDP port.
    pub(crate) fn is_udp(&self) -> bool {
        self.carrier == Carrier::Udp
    }

    /// Whether packets are exchanged before the first message.
    pub(crate) fn has_handshake(&self) -> bool {
        (self.default)().spec().has_handshake
    }

    /// The shape of the sessions: all transports of a scheme have the same, apart from its mapping or mode.
    pub fn shape(&self) -> Shape {
        (self.default)().shape()
    }
}

// Each scheme is one static, so its address identifies it.
impl PartialEq for Scheme {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}

impl Eq for Scheme {}

/// The transport protocol below a transport of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carrier {
    /// UDP (RFC 768). Every path carries it.
    Udp,
    /// The kernel's TCP (RFC 9293). It hides when bytes arrived that its order holds back.
    KernelTcp,
}

/// The shape of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Unreliable datagrams on a socket.
    Datagrams,
    /// One reliable byte stream.
    Stream,
    /// A QUIC connection (RFC 9000), and how messages map to it.
    Quic(Mapping),
    /// A connection of [`crate::arq`].
    Arq(Mode),
}

/// How messages map to a QUIC connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mapping {
    /// All messages on one stream.
    One,
    /// A stream per flow.
    Flow,
    /// A stream per message.
    Message,
    /// A DATAGRAM frame per message (RFC 9221).
    Datagram,
}

/// The set of messages that are delivered in the order in which they were sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderedUnit {
    /// Each message on its own.
    Message,
    /// The messages of one flow.
    Flow,
    /// All messages of all flows.
    All,
}

/// Bytes of the IPv4 and UDP headers (RFC 791, RFC 768).
pub(crate) const UDP_HEADERS: usize = 28;

/// The bounds on a message that must fit into one datagram.
#[derive(Debug, Clone, Copy)]
pub struct DatagramBound {
    /// The largest message on a path with this MTU, in bytes.
    pub max_message: fn(mtu: u16) -> usize,
    /// What helps with longer messages.
    pub hint: &'static str,
}

/// The congestion controllers that a transport can run.
#[derive(Debug, Clone, Copy)]
pub enum Controllers {
    /// None: it has no congestion control.
    None,
    /// The kernel's. The choice is in effect on paths whose hosts set it.
    Kernel,
    /// All of [`Congestion`].
    All,
    /// All but BBR, for this reason.
    NoBbr(&'static str),
}

/// The closed form that predicts the delays that isolated losses cause.
#[derive(Debug, Clone, Copy)]
pub(crate) enum ClosedForm {
    /// None, for this reason.
    Unknown(&'static str),
    /// Nothing is sent again and nothing waits.
    NoDelay,
    /// Later packets reveal a loss, which is repaired one round trip later.
    FastRetransmit {
        /// Lower bound of the retransmission timeout (RFC 6298), which may reveal the loss first. `None`: there is
        /// only the probe timeout (RFC 9002 section 6.2).
        min_timeout: Option<Duration>,
        /// The longest message that one packet carries, over a path with this MTU.
        one_packet_bytes: fn(mtu: u16) -> usize,
    },
}

impl ClosedForm {
    /// The kernel's TCP has no closed form.
    pub(super) const KERNEL_TCP: Self = Self::Unknown(
        "the form is for QUIC's way to find out about losses, and the kernel's TCP has its own",
    );
}

impl Transport {
    /// The transport that `spec` describes.
    pub(super) const fn new(spec: &'static Spec) -> Self {
        Self(spec)
    }

    /// Its properties.
    pub const fn spec(self) -> &'static Spec {
        self.0
    }

    /// Its name on the command line and in results.
    pub const fn name(self) -> &'static str {
        self.0.name
    }

    /// The URLs of its servers.
    pub const fn scheme(self) -> &'static Scheme {
        self.0.scheme
    }

    /// The shape of its sessions.
    pub const fn shape(self) -> Shape {
        self.0.shape
    }

    /// How messages map to QUIC, if it is QUIC.
    pub const fn mapping(self) -> Option<Mapping> {
        match self.0.shape {
            Shape::Quic(mapping) => Some(mapping),
            _ => None,
        }
    }

    /// Whether a message is one datagram, which may be lost and must fit.
    pub const fn is_datagram(self) -> bool {
        self.0.datagram.is_some()
    }

    /// Whether a session continues after its client's address has changed. It does if the server keeps no state for it,
    /// or finds that state without the address.
    pub const fn survives_new_address(self) -> bool {
        match self.0.shape {
            // Signed datagrams name their sender. DTLS would need connection ids (RFC 9146), which dimpl does not have.
            Shape::Datagrams => !self.0.has_handshake,
            Shape::Quic(_) => true,
            Shape::Stream | Shape::Arq(_) => false,
        }
    }

    /// Whether it runs over the kernel's TCP.
    pub const fn uses_kernel_tcp(self) -> bool {
        matches!(self.0.scheme.carrier, Carrier::KernelTcp)
    }

    /// What it keeps in order.
    pub const fn ordered_unit(self) -> OrderedUnit {
        self.0.ordered_unit
    }

    /// Whether [`LossDetection`](super::LossDetection) applies to it.
    pub const fn has_thresholds(self) -> bool {
        matches!(self.0.shape, Shape::Quic(_) | Shape::Arq(_))
    }

    /// Why it cannot run under `congestion`, if it cannot.
    pub const fn refuses_controller(self, congestion: Congestion) -> Option<&'static str> {
        match (self.0.controllers, congestion) {
            (Controllers::NoBbr(reason), Congestion::Bbr) => Some(reason),
            _ => None,
        }
    }

    /// The name of the controller that it runs under when `congestion` is asked for. `None`: it has none, or the
    /// kernel chooses it because `sets_kernel_controller` is false on this path.
    pub(crate) fn controller(self, congestion: Congestion, sets_kernel_controller: bool) -> Option<String> {
        match self.0.controllers {
            Controllers::None => None,
            Controllers::Kernel => sets_kernel_controller.then(|| congestion.kernel_name().to_owned()),
            Controllers::All | Controllers::NoBbr(_) => Some(congestion.to_string()),
        }
    }
}

// Each transport has one `Spec`, so its address identifies it.
impl PartialEq for Transport {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.0, other.0)
    }
}

impl Eq for Transport {}

impl hash::Hash for Transport {
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        self.0.name.hash(state);
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name)
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.0.name)
    }
}
