//! Reliability by hand: what has to be added to UDP when data must arrive, piece by piece.
//!
//! UDP takes a datagram and promises nothing. It may be lost, come twice, come late, come damaged, and be no larger than
//! the path carries; whoever it claims to be from may never have sent it; and nothing keeps its sender from sending more
//! than the receiver, or the network, has room for. What follows answers these one by one, and each answer has a file.
//!
//! | UDP leaves open | the piece | what it buys | file |
//! | --- | --- | --- | --- |
//! | which datagram is this? | a segment with a number | gaps and doubles can be seen at all | [`wire::segment`] |
//! | is it intact? | a check of 32 bits | damage becomes loss, which is repaired | [`wire::segment`] |
//! | who sent it? | a handshake with a cookie, random connection ids | a forged address gains nothing, a blind forger is not heard | `listener.rs`, `greet.rs` |
//! | a message larger than the path | fragments | IP never fragments, and a loss costs one segment | `queue.rs`, `reassembly.rs` |
//! | did it arrive? | acknowledgement, cumulative and selective | the sender knows | `receiver.rs` |
//! | and if not? | retransmission | everything arrives | `sender.rs` |
//! | after how long? | a timer that follows the round trip (RFC 6298) | neither too early nor much too late | `rtt.rs` |
//! | sooner? | losses told by what came behind them | a round trip instead of a timeout | `scoreboard.rs` |
//! | did it come twice, or too early? | what came ahead of a gap is remembered | once, and in order | `ranges.rs`, `reassembly.rs` |
//! | has the receiver room? | a window, and probes of a closed one | a slow application slows its peer | `receiver.rs`, `sender.rs` |
//! | has the network room? | a congestion window | many can share a link | `congestion/` |
//! | is it over? | an end that is acknowledged, a reset, keep-alive | done can be told from cut off | `connection.rs` |
//!
//! # The variants
//!
//! How much of that one takes is the difference between the variants, each a few rules in a file of `variant/`.
//!
//! - *Stop-and-wait* has one segment under way. It needs neither order nor buffers, and uses one segment a round trip of
//!   any link, however fast.
//! - *Go-back-N* keeps a window under way and the link busy. Its receiver still keeps nothing, so a loss costs all that was
//!   sent behind it.
//! - *Selective* repeat remembers what came ahead of a gap, at both ends. A loss costs one segment. What it cannot help is
//!   that order withholds what is there: head-of-line blocking, the price of every ordered stream, TCP's too.
//! - *Unordered* delivers each message when it is whole. Nothing waits for another's loss, and the order is gone.
//!
//! # How late a loss is repaired
//!
//! Of segments sent every `d` on a path with a round trip of `RTT`, an isolated loss comes
//!
//! ```text
//! D = RTT + min(3 d, max(d, RTT / 8))
//! ```
//!
//! after it should have (selective and unordered, acknowledged at once): a segment is lost when one sent three later was
//! acknowledged, or any later one and 9/8 of a round trip has gone by since it was sent (RFC 9002 section 6.1, in the
//! spirit of RFC 8985). In go-back-N it takes three more segments, `D = RTT + 3 d`, and whatever was sent meanwhile comes
//! that late as well. Where nothing follows within the timeout, as always in stop-and-wait, the timer finds out: after
//! `SRTT + max(1 ms, 4 RTTVAR)`, and no sooner than 200 ms unless told otherwise. In order, `ceil(D / d) - 1` messages wait
//! behind one loss.
//!
//! # Why one ends up with QUIC
//!
//! Each of these is simple, and what is left over when all are done is not. A segment that is sent again keeps its number,
//! so its acknowledgement may be of either copy: Karn's rule throws such samples away, and QUIC numbers packets instead,
//! never twice. One order for all is blocking, no order is too little, and what one wants is an order for each of many
//! streams: that is QUIC's. The connection ids here keep a stranger out who cannot see the traffic, and nobody else;
//! whoever sees it can read and forge everything, so encryption has to be part of it from the first packet, as TLS is of
//! QUIC. An address that changes, a path whose MTU is not known, pacing, a first flight that carries data: each is one
//! more piece of the same kind. Having built these few, one knows what the others are for.
//!
//! # Driving it
//!
//! [`Connection`] is a state machine: it has no clock, no socket, no task and no randomness. [`Listener`] is the server's
//! door. Here are both, with a wire that loses nothing:
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
mod error;
mod greet;
mod listener;
mod queue;
mod ranges;
mod reassembly;
mod receiver;
mod rtt;
mod scoreboard;
mod sender;
mod stats;
mod variant;

pub use self::{
    config::Config,
    congestion::Congestion,
    connection::{Connection, Event, Kind, Transmit},
    error::{ConnectionError, SendError},
    listener::{Listener, Routed},
    reassembly::Message,
    rtt::Timer,
    stats::Stats,
};
use self::{
    receiver::{Received, Receiver},
    sender::Sender,
};
pub use crate::wire::segment::{ConnectionId, Mode};
