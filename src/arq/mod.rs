//! Reliability built by hand: what UDP lacks for reliable delivery, piece by piece.
//!
//! UDP may lose a datagram, duplicate, delay or corrupt it. A datagram cannot exceed what the path carries, its source
//! address may be forged, and nothing keeps a sender from overloading the receiver or the network. Each of these
//! problems has its own solution here, in its own file.
//!
//! | problem | solution | result | file |
//! | --- | --- | --- | --- |
//! | which datagram is this? | sequence numbers | gaps and duplicates are detectable | [`wire::segment`] |
//! | is it intact? | a 32-bit checksum | corruption becomes loss, which is repaired | [`wire::segment`] |
//! | who sent it? | a handshake with a cookie, random connection ids | forged addresses and blind forgeries fail | `listener.rs`, `handshake.rs` |
//! | messages larger than the path's MTU | fragments | IP never fragments, and a loss costs one segment | `queue.rs`, `reassembly.rs` |
//! | did it arrive? | cumulative and selective acknowledgements | the sender knows | `receiver.rs` |
//! | if not? | retransmission | every message arrives | `sender.rs` |
//! | when? | a timer that follows the RTT (RFC 6298) | neither too early nor much too late | `rtt.rs` |
//! | sooner? | loss detection from later acknowledgements | a round trip instead of a timeout | `scoreboard.rs` |
//! | duplicated or out of order? | a record of what was received beyond a gap | once, and in order | `ranges.rs`, `reassembly.rs` |
//! | does the receiver have room? | a receive window, and probes of a closed one | a slow application slows its peer | `receiver.rs`, `probing.rs` |
//! | does the network have room? | a congestion window | connections can share a link | `congestion/` |
//! | is it finished? | an acknowledged FIN, a reset, keep-alive | completion differs from failure | `connection.rs` |
//!
//! # The variants
//!
//! The variants differ in how many of these pieces they use. Each is a set of rules in `variant.rs`.
//!
//! - *Stop-and-wait* has one segment in flight. It needs neither ordering nor buffers. Its throughput is one segment per
//!   round trip on any link, however fast.
//! - *Go-back-N* keeps a window in flight and the link busy. Its receiver keeps nothing beyond a gap, so a loss costs
//!   everything sent behind it.
//! - *Selective* repeat records segments beyond a gap at both ends. A loss costs one segment. Messages that have
//!   arrived still wait for those before them: head-of-line blocking, as on every ordered stream, including TCP's.
//! - *Unordered* delivers each message when it is complete. No message waits for another's loss, and there is no order.
//!
//! # How late a loss is repaired
//!
//! If segments are sent every `d` on a path with round-trip time `RTT`, an isolated loss arrives late by
//!
//! ```text
//! D = RTT + min(3 d, max(d, RTT / 8))
//! ```
//!
//! (selective and unordered, acknowledged at once). A segment is lost when one sent three later is acknowledged, or
//! when any later one is acknowledged and 9/8 of the RTT has passed since the segment was sent (RFC 9002 section 6.1,
//! similar to RFC 8985). Go-back-N needs three more segments, `D = RTT + 3 d`, and everything sent meanwhile is as
//! late. If no segment follows within the timeout, as always in stop-and-wait, the timer detects the loss after
//! `SRTT + max(1 ms, 4 RTTVAR)`, and by default no sooner than 200 ms. With ordered delivery, `ceil(D / d) - 1`
//! messages wait behind one loss.
//!
//! # From here to QUIC
//!
//! Each piece is simple, but together they leave problems open. A retransmitted segment keeps its number, so its
//! acknowledgement is ambiguous: Karn's algorithm discards such RTT samples, while QUIC never reuses a packet number.
//! One order for everything blocks, and no order is often too little: QUIC orders each of many streams on its own. The
//! connection ids here keep out only attackers who cannot see the traffic. Those who can may read and forge everything,
//! so encryption must start with the first packet, as TLS does in QUIC. Connection migration, path MTU discovery,
//! pacing and data in the first flight are further pieces of the same kind.
//!
//! # Driving it
//!
//! [`Connection`] is a state machine without a clock, a socket, a task or randomness. [`Listener`] accepts a server's
//! connections. This example connects them without loss:
//!
//! ```
//! use std::net::SocketAddr;
//! use wirelab::{
//!     arq::{Config, Connection, ConnectionId, Listener, Routed},
//!     unit::Time,
//! };
//!
//! let (now, from) = (Time::ZERO, SocketAddr::from(([127, 0, 0, 1], 4000)));
//! let mut client = Connection::client(Config::default(), ConnectionId(0x5eed), now);
//! let mut listener = Listener::new(Config::default(), [7; 32], 100);
//! let mut server = loop {
//!     let hello = client.poll_transmit(now).unwrap().datagram;
//!     match listener.handle_datagram(now, from, &hello) {
//!         Routed::Reply(challenge) => _ = client.handle_segment(now, &challenge),
//!         Routed::Accepted(server) => break server,
//!         other => panic!("{other:?}"),
//!     }
//! };
//! client.send("hello".into())?;
//! while let Some(transmit) = client.poll_transmit(now) {
//!     server.handle_segment(now, &transmit.datagram);
//! }
//! assert_eq!(server.recv(now).unwrap().bytes, "hello");
//! # Ok::<(), wirelab::arq::SendError>(())
//! ```
//!
//! [`wire::segment`]: crate::wire::segment

mod config;
mod congestion;
mod connection;
mod duplicates;
mod error;
mod event;
mod handshake;
mod limits;
mod listener;
mod loss;
mod probing;
mod queue;
mod ranges;
mod reassembly;
mod receiver;
mod rtt;
mod scoreboard;
mod sender;
mod stats;
mod transmit;
mod variant;

pub(crate) use self::config::payload_bytes;
pub(crate) use self::ranges::RangeSet;
pub(crate) use self::stats::RecoveryState;
pub use self::{
    config::Config,
    congestion::Congestion,
    connection::Connection,
    error::{ConnectionError, SendError},
    event::Event,
    listener::{Listener, Routed},
    loss::{DeclaredLoss, LossCause},
    reassembly::Message,
    rtt::Timer,
    stats::Stats,
    transmit::{SegmentKind, Transmit},
};
pub use crate::wire::segment::{ConnectionId, Mode};
