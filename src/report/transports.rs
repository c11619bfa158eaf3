//! What the transports are, for readers who have only the report.

use super::block::Term;

/// Each transport by its name, in a few words.
pub(super) static TRANSPORTS: [Term; 13] = [
    Term { term: "udp", meaning: "plain UDP datagrams: what is lost stays lost" },
    Term { term: "udp-hmac", meaning: "UDP datagrams signed with a shared key" },
    Term { term: "dtls", meaning: "UDP datagrams encrypted by DTLS" },
    Term { term: "arq-stop-and-wait", meaning: "retransmission by hand on UDP, one packet at a time" },
    Term { term: "arq-go-back-n", meaning: "retransmission by hand on UDP: after a loss, everything again" },
    Term {
        term: "arq-selective",
        meaning: "retransmission by hand on UDP: what was lost again, all messages in one order",
    },
    Term {
        term: "arq-unordered",
        meaning: "retransmission by hand on UDP: what was lost again, no order between messages",
    },
    Term { term: "tcp", meaning: "the kernel's TCP: all flows on one connection, in one order" },
    Term { term: "tls", meaning: "TLS on the kernel's TCP: all flows on one connection, in one order" },
    Term { term: "quic-one", meaning: "QUIC with one stream: all flows in one order, as on TCP" },
    Term { term: "quic-flow", meaning: "QUIC with a stream per flow: order only within a flow" },
    Term { term: "quic-message", meaning: "QUIC with a stream per message: no order between messages" },
    Term { term: "quic-datagram", meaning: "QUIC datagrams: encrypted, and what is lost stays lost" },
];

/// What a transport is; `None` for a name that is not known.
pub fn transport_in_words(name: &str) -> Option<&'static str> {
    TRANSPORTS.iter().find(|known| known.term == name).map(|known| known.meaning)
}
