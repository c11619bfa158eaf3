//! The wire in real time: a relay between sockets, which delays and drops datagrams by the same [`Link`] as in virtual
//! time.
//!
//! [`Relay`] forwards between one UDP server and any number of clients, which share its one wire. `Wire` puts it
//! between two hosts of this machine, for an experiment.
//!
//! One thread receives, and sends what is due. It counts what it sends late and what it cannot send.

mod clients;
mod engine;
mod handle;
mod host;
mod options;
mod report;
mod socket;

pub(crate) use self::host::Wire;
pub use self::{
    handle::Relay,
    options::{RelayLimits, RelayOptions},
    report::{ClientCounts, RelayReport},
};
#[cfg(doc)]
use crate::link::Link;
