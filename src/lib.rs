//! Raw UDP, TCP, TLS and QUIC side by side, on one seeded lossy wire, and where each message's time went.
//!
//! # The layers
//!
//! ```text
//! main ─ cli ─┬─ experiment ─┬─ transport ─┬─ arq   ┐
//!             ├─ report      │             └─ wire  ├ pure: no clock, no socket, no tokio
//!             │              └─ path ────── link    │
//!             └─ serve, send ─ service      stats   ┘
//! ```
//!
//! An arrow runs to the right and downwards only. What is pure takes time as an argument ([`time::Time`]) and
//! randomness from a seeded generator ([`random`]), so that the same arguments give the same bytes.
//!
//! Three seams hold it together:
//!
//! - [`path::Host`] is the one place where virtual time and the sockets of this machine differ: client and
//!   server code takes its clock, its timers, its tasks and its sockets from there.
//! - [`channel::Channel`] is what an experiment sees of a transport: send a message of a flow, and learn of
//!   each that came when it arrived, when order released it, and for whom it waited.
//! - [`link::Link`] is one direction of the wire: it is handed packets and says what becomes of each.
//!
//! # An experiment in a few lines
//!
//! ```
//! use std::time::Duration;
//! use wirelab::{
//!     experiment::{Arrivals, PathKind, Plan, Wait, Workload, Observers, run},
//!     link::LinkSpec,
//!     transport::{Congestion, Transport},
//!     unit::PerDirection,
//! };
//!
//! let mut link = LinkSpec::default();
//! link.apply_pairs("delay=25ms,loss=2%")?;
//! let plan = Plan {
//!     path: PathKind::Sim,
//!     transport: Transport::QUIC_ONE,
//!     links: PerDirection::both(link),
//!     congestion: Congestion::Fixed(1_000_000),
//!     workload: Workload {
//!         flows: 8,
//!         interval: Duration::from_millis(10),
//!         length: 1000,
//!         reply_length: 1000,
//!         arrivals: Arrivals::Isochronous,
//!         warmup: Duration::from_secs(1),
//!         duration: Duration::from_secs(5),
//!         wait: Wait { times: 3, most: Duration::from_secs(4) },
//!         deadline: Duration::from_millis(100),
//!     },
//! };
//! let outcome = run(&plan, 1, Observers::default())?;
//! assert_eq!(outcome.messages.delivered, 500);
//! assert!(outcome.order.blocked > 0, "on one stream, messages wait for each other");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod arq;
pub mod certs;
pub mod channel;
pub mod experiment;
pub mod link;
pub mod path;
pub mod report;
pub mod send;
pub mod serve;
pub mod service;
pub mod stats;
pub mod tap;
pub mod target;
pub mod transfer;
pub mod transport;
pub mod unit;
pub mod verify;
pub mod wire;
