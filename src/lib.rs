//! Raw UDP, reliability by hand, TCP, TLS and QUIC side by side on one seeded lossy wire, and where each message's time
//! went.
//!
//! # The layers
//!
//! ```text
//! main
//! cli
//! lab
//! verify, properties, discover, lesson
//! scenario
//! experiment, serve, send
//! channel, transfer
//! certs, target
//! transport
//! tap, capture
//! trace
//! arq, path, report
//! link, wire, stats, service
//! unit
//! ```
//!
//! A module imports from the lines below its own only. `unit`, `link`, `wire`, `stats`, `arq` and `service` are pure: time
//! is an argument ([`unit::Time`]) and randomness comes from a seeded generator ([`unit::random`]), so that the same
//! arguments give the same bytes.
//!
//! The seams:
//!
//! - [`path::Host`] is the one place where virtual time and real sockets differ: clients and servers take their clock,
//!   timers, tasks and sockets from it. An [`path::Observer`] sees every packet on any path.
//! - [`transport::Transport`] describes a transport; it dials and listens, and returns a [`transport::Session`] of one of
//!   four shapes.
//! - [`channel::Channel`] is what an experiment sees of a session: send a message of a flow, and learn when each message
//!   arrived, when order released it, and what it waited for.
//! - [`link::Link`] is one direction of the wire: packets are offered to it, and its events tell the fate of each.
//! - [`experiment::Experiment`] turns plans into outcomes and outcomes into the rows of a result.
//!
//! # What may change
//!
//! The crate has the program `wirelab` in it. Modules that only the program needs are left out of this page, and their
//! contents may change in any release: `certs`, `discover`, `lab`, `lesson`, `properties`, `send`, `serve` and `verify`.
//!
//! # Features
//!
//! - `sockets` (default): the paths in real time, the servers and the command line. On other systems than Linux only the
//!   command line is built. Without it the library is the simulator, also for `wasm32-unknown-unknown`.
//! - `web-engine`: for `wirelab lab --export`, and only in the repository, where `web/build.sh` makes the engine.
//!
//! # An experiment in a few lines
//!
//! ```
//! use std::time::Duration;
//! use wirelab::{
//!     experiment::{Arrivals, Observers, application::Application, PathKind, Plan, Wait, Workload, run},
//!     link::LinkSpec,
//!     path::StopSignal,
//!     transport::{Congestion, LossDetection, Transport},
//!     unit::PerDirection,
//! };
//!
//! let link: LinkSpec = "delay=25ms,loss=2%".parse()?;
//! let plan = Plan {
//!     path: PathKind::Sim,
//!     transport: Transport::QUIC_ONE,
//!     links: PerDirection::both(link),
//!     congestion: Congestion::Fixed(1_000_000),
//!     loss_detection: LossDetection::default(),
//!     workload: Workload {
//!         application: Application::Messages,
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
//! let outcome = run(&plan, 1, Observers::default(), &StopSignal::default())?;
//! assert_eq!(outcome.messages.delivered, 500);
//! assert!(outcome.order.blocked > 0, "on one stream, messages wait for each other");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![cfg_attr(
    not(real_time),
    allow(dead_code, unused_imports, reason = "servers and the paths in real time use the rest")
)]

pub mod arq;
pub mod capture;
#[doc(hidden)]
pub mod certs;
pub mod channel;
#[cfg(real_time)]
#[doc(hidden)]
pub mod discover;
pub mod experiment;
#[doc(hidden)]
pub mod lab;
#[doc(hidden)]
pub mod lesson;
pub mod link;
pub mod path;
#[doc(hidden)]
pub mod properties;
pub mod report;
mod scenario;
#[cfg(feature = "sockets")]
#[doc(hidden)]
pub mod send;
#[cfg(feature = "sockets")]
#[doc(hidden)]
pub mod serve;
pub mod service;
pub mod stats;
pub mod tap;
pub mod target;
pub mod trace;
pub mod transfer;
pub mod transport;
pub mod unit;
#[doc(hidden)]
pub mod verify;
pub mod wire;
