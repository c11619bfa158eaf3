//! The transports by name.

use std::{fmt, str::FromStr};

use crate::arq::Mode;

/// How messages travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Transport {
    /// Raw UDP datagrams (RFC 768).
    Udp,
    /// Reliability by hand: one segment at a time.
    ArqStopAndWait,
    /// Reliability by hand: a window of segments, and a loss sends again all that followed it.
    ArqGoBackN,
    /// Reliability by hand: a window of segments, what is lost alone is sent again, and delivery is in order.
    ArqSelective,
    /// Reliability by hand, and each message is delivered as soon as it is whole.
    ArqUnordered,
    /// The kernel's TCP (RFC 9293).
    Tcp,
    /// TLS 1.3 on it (RFC 8446).
    Tls,
    /// QUIC (RFC 9000), all messages on one stream.
    QuicOne,
    /// QUIC, a stream per flow.
    QuicFlow,
    /// QUIC, a stream per message.
    QuicMessage,
    /// QUIC DATAGRAM frames (RFC 9221).
    QuicDatagram,
}

/// The set of messages that are handed over in the order in which they were sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderedUnit {
    /// Every message is a unit of its own.
    Message,
    /// The messages of one flow.
    Flow,
    /// All messages of all flows.
    All,
}

impl Transport {
    /// Every transport, in the order in which they are shown.
    pub const ALL: [Self; 11] = [
        Self::Udp,
        Self::ArqStopAndWait,
        Self::ArqGoBackN,
        Self::ArqSelective,
        Self::ArqUnordered,
        Self::Tcp,
        Self::Tls,
        Self::QuicOne,
        Self::QuicFlow,
        Self::QuicMessage,
        Self::QuicDatagram,
    ];

    /// The four mappings of messages to QUIC.
    pub const QUIC: [Self; 4] = [Self::QuicOne, Self::QuicFlow, Self::QuicMessage, Self::QuicDatagram];

    /// The four variants of reliability by hand.
    pub const ARQ: [Self; 4] =
        [Self::ArqStopAndWait, Self::ArqGoBackN, Self::ArqSelective, Self::ArqUnordered];

    /// The variant of reliability by hand that recovers and delivers so.
    pub const fn of_mode(mode: Mode) -> Self {
        match mode {
            Mode::StopAndWait => Self::ArqStopAndWait,
            Mode::GoBackN => Self::ArqGoBackN,
            Mode::Selective => Self::ArqSelective,
            Mode::Unordered => Self::ArqUnordered,
        }
    }

    /// How reliability by hand recovers and delivers; `None` for all others.
    pub const fn mode(self) -> Option<Mode> {
        match self {
            Self::ArqStopAndWait => Some(Mode::StopAndWait),
            Self::ArqGoBackN => Some(Mode::GoBackN),
            Self::ArqSelective => Some(Mode::Selective),
            Self::ArqUnordered => Some(Mode::Unordered),
            _ => None,
        }
    }

    /// Its name on the command line and in results.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::ArqStopAndWait => "arq-stop-and-wait",
            Self::ArqGoBackN => "arq-go-back-n",
            Self::ArqSelective => "arq-selective",
            Self::ArqUnordered => "arq-unordered",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::QuicOne => "quic-one",
            Self::QuicFlow => "quic-flow",
            Self::QuicMessage => "quic-message",
            Self::QuicDatagram => "quic-datagram",
        }
    }

    /// Whether a message is one datagram, which may be lost and must fit.
    pub const fn is_datagram(self) -> bool {
        matches!(self, Self::Udp | Self::QuicDatagram)
    }

    /// Whether it is QUIC.
    pub const fn is_quic(self) -> bool {
        matches!(self, Self::QuicOne | Self::QuicFlow | Self::QuicMessage | Self::QuicDatagram)
    }

    /// Whether it is reliability by hand.
    pub const fn is_arq(self) -> bool {
        self.mode().is_some()
    }

    /// Whether it has a congestion controller of ours to choose, or of quinn's.
    pub const fn has_controller(self) -> bool {
        self.is_quic() || self.is_arq()
    }

    /// Whether it is the kernel's TCP, which hides when bytes arrived that order holds back.
    pub const fn is_tcp(self) -> bool {
        matches!(self, Self::Tcp | Self::Tls)
    }

    /// What it keeps in order.
    pub const fn ordered_unit(self) -> OrderedUnit {
        match self {
            Self::Udp | Self::ArqUnordered | Self::QuicMessage | Self::QuicDatagram => OrderedUnit::Message,
            Self::QuicFlow => OrderedUnit::Flow,
            Self::ArqStopAndWait | Self::ArqGoBackN | Self::ArqSelective => OrderedUnit::All,
            Self::Tcp | Self::Tls | Self::QuicOne => OrderedUnit::All,
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Not a transport's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no transport; there are: {known}, and `arq` or `quic` for all four of theirs", known = names())]
pub struct UnknownTransport(String);

fn names() -> String {
    Transport::ALL.map(Transport::name).join(", ")
}

impl FromStr for Transport {
    type Err = UnknownTransport;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|transport| transport.name() == name)
            .ok_or_else(|| UnknownTransport(name.to_owned()))
    }
}
