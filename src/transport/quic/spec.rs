//! `quic-one`, `quic-flow`, `quic-message` and `quic-datagram`: QUIC (RFC 9000), with messages mapped to it in four
//! ways.

use crate::transport::{
    Carrier, ClosedForm, Controllers, Credentials, DatagramBound, Mapping, OrderedUnit, Scheme, Shape, Spec,
    Transport,
};

/// The payload of a DATAGRAM frame in the smallest packet that every QUIC path must carry, 1200 bytes (RFC 9000
/// section 14): less a short header with an 8-byte connection id and a 4-byte packet number, the frame's type and
/// length, and the 16-byte tag. quinn sends no more until it has found that the path carries more.
pub(crate) const DATAGRAM_BYTES: usize = 1200 - (1 + 8 + 4) - 9 - 16;

static SCHEME: Scheme = Scheme {
    name: "quic",
    default_port: 4433,
    query: Some("streams"),
    default: || Transport::QUIC_MESSAGE,
    carrier: Carrier::Udp,
    credentials: Credentials::Certificate { p256: false },
};

static ONE: Spec = spec("quic-one", "one", &Mapping::One, OrderedUnit::All);
static FLOW: Spec = spec("quic-flow", "flow", &Mapping::Flow, OrderedUnit::Flow);
static MESSAGE: Spec = spec("quic-message", "message", &Mapping::Message, OrderedUnit::Message);
static DATAGRAM: Spec = Spec {
    datagram: Some(DatagramBound {
        max_message: |_| DATAGRAM_BYTES,
        hint: "take a QUIC stream for longer ones",
    }),
    closed_form: ClosedForm::NoDelay,
    ..spec("quic-datagram", "datagram", &Mapping::Datagram, OrderedUnit::Message)
};

/// Upper bound on the stream bytes in a packet before MTU discovery.
const ONE_PACKET_BYTES: usize = 1100;

const fn spec(
    name: &'static str,
    variant: &'static str,
    mapping: &'static Mapping,
    ordered_unit: OrderedUnit,
) -> Spec {
    Spec {
        name,
        scheme: &SCHEME,
        variant: Some(variant),
        shape: Shape::Quic(*mapping),
        protocol: mapping,
        ordered_unit,
        datagram: None,
        has_handshake: true,
        handshake: "QUIC handshake",
        resumes_sessions: true,
        controllers: Controllers::All,
        closed_form: ClosedForm::FastRetransmit { min_timeout: None, one_packet_bytes: |_| ONE_PACKET_BYTES },
        no_remote_transfer: None,
    }
}

impl Transport {
    /// QUIC (RFC 9000), all messages on one stream.
    pub const QUIC_ONE: Self = Self::new(&ONE);
    /// QUIC, a stream per flow.
    pub const QUIC_FLOW: Self = Self::new(&FLOW);
    /// QUIC, a stream per message.
    pub const QUIC_MESSAGE: Self = Self::new(&MESSAGE);
    /// QUIC DATAGRAM frames (RFC 9221).
    pub const QUIC_DATAGRAM: Self = Self::new(&DATAGRAM);

    /// The four mappings of messages to QUIC.
    pub const QUIC: [Self; 4] = [Self::QUIC_ONE, Self::QUIC_FLOW, Self::QUIC_MESSAGE, Self::QUIC_DATAGRAM];
}
