//! Reliability by hand, on datagrams that promise nothing.

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
