//! `arq-stop-and-wait`, `arq-go-back-n`, `arq-selective` and `arq-unordered`: reliability by hand, [`crate::arq`].

use std::time::Duration;

use super::settings::NO_BBR;
use crate::{
    arq::{Config, Mode, payload_bytes},
    transport::{
        Carrier, ClosedForm, Controllers, Credentials, OrderedUnit, Scheme, Shape, Spec, Transport,
        UDP_HEADERS,
    },
};

/// Lower bound of the retransmission timeout. It is restarted by every acknowledgement, and a lost message leaves one
/// out.
const MIN_TIMEOUT: Duration = Duration::from_millis(200);

static SCHEME: Scheme = Scheme {
    name: "arq",
    default_port: 9996,
    query: Some("mode"),
    default: || Transport::ARQ_SELECTIVE,
    carrier: Carrier::Udp,
    credentials: Credentials::None,
};

static STOP_AND_WAIT: Spec = Spec {
    closed_form: ClosedForm::Unknown("one message a round trip: the others wait to be sent"),
    ..spec("arq-stop-and-wait", "stop-and-wait", &Mode::StopAndWait)
};

static GO_BACK_N: Spec = Spec {
    closed_form: ClosedForm::Unknown("what follows a loss is sent again too, and not only kept waiting"),
    ..spec("arq-go-back-n", "go-back-n", &Mode::GoBackN)
};

static SELECTIVE: Spec = spec("arq-selective", "selective", &Mode::Selective);

static UNORDERED: Spec =
    Spec { ordered_unit: OrderedUnit::Message, ..spec("arq-unordered", "unordered", &Mode::Unordered) };

const fn spec(name: &'static str, variant: &'static str, mode: &'static Mode) -> Spec {
    Spec {
        name,
        scheme: &SCHEME,
        variant: Some(variant),
        shape: Shape::Arq(*mode),
        protocol: mode,
        ordered_unit: OrderedUnit::All,
        datagram: None,
        has_handshake: true,
        handshake: "ARQ handshake",
        resumes_sessions: false,
        controllers: Controllers::NoBbr(NO_BBR),
        closed_form: ClosedForm::FastRetransmit { min_timeout: Some(MIN_TIMEOUT), one_packet_bytes },
        no_remote_transfer: Some("use quic://, tcp:// or tls://, or move it here with --path"),
    }
}

/// The payload of a segment.
fn one_packet_bytes(mtu: u16) -> usize {
    payload_bytes(mtu.saturating_sub(UDP_HEADERS as u16).max(Config::SMALLEST_DATAGRAM))
}

impl Transport {
    /// One segment at a time.
    pub const ARQ_STOP_AND_WAIT: Self = Self::new(&STOP_AND_WAIT);
    /// A window of segments. After a loss, everything from the lost segment on is sent again.
    pub const ARQ_GO_BACK_N: Self = Self::new(&GO_BACK_N);
    /// A window of segments. Only lost segments are sent again, and delivery is in order.
    pub const ARQ_SELECTIVE: Self = Self::new(&SELECTIVE);
    /// As [`Self::ARQ_SELECTIVE`], but each message is delivered as soon as it is complete.
    pub const ARQ_UNORDERED: Self = Self::new(&UNORDERED);

    /// The four variants of reliability by hand.
    pub const ARQ: [Self; 4] =
        [Self::ARQ_STOP_AND_WAIT, Self::ARQ_GO_BACK_N, Self::ARQ_SELECTIVE, Self::ARQ_UNORDERED];
}
