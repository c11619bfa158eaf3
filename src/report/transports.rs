//! Short descriptions of the transports, for readers who have only the report.

use super::block::Term;

/// The name of each transport, and its description in a few words.
pub(super) static TRANSPORTS: [Term; 13] = [
    Term { term: "udp", meaning: "plain UDP datagrams: what is lost stays lost" },
    Term { term: "udp-hmac", meaning: "UDP datagrams signed with a shared key" },
    Term { term: "dtls", meaning: "UDP datagrams encrypted by DTLS" },
    Term { term: "arq-stop-and-wait", meaning: "retransmission by hand on UDP, one packet at a time" },
    Term {
        term: "arq-go-back-n",
        meaning: "retransmission by hand on UDP: a loss makes it send everything since again",
    },
    Term {
        term: "arq-selective",
        meaning: "retransmission by hand on UDP: only losses are sent again, all messages in one order",
    },
    Term {
        term: "arq-unordered",
        meaning: "retransmission by hand on UDP: only losses are sent again, no order between messages",
    },
    Term { term: "tcp", meaning: "the kernel's TCP: all flows on one connection, in one order" },
    Term { term: "tls", meaning: "TLS on the kernel's TCP: all flows on one connection, in one order" },
    Term { term: "quic-one", meaning: "QUIC with one stream: all flows in one order, as on TCP" },
    Term { term: "quic-flow", meaning: "QUIC with a stream per flow: order only within a flow" },
    Term { term: "quic-message", meaning: "QUIC with a stream per message: no order between messages" },
    Term { term: "quic-datagram", meaning: "QUIC datagrams: encrypted, and what is lost stays lost" },
];

/// The description of a transport; `None` if the name is not known.
pub fn transport_in_words(name: &str) -> Option<&'static str> {
    TRANSPORTS.iter().find(|known| known.term == name).map(|known| known.meaning)
}
