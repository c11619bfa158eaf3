//! The result file, schema `wirelab/1`.
//!
//! Keys are written in the order of the fields. What was not measured is null and never absent.
//! Times are integer nanoseconds, and a name ends in its unit. Reading is laxer than writing: a key
//! that may be null may also be missing, and unknown keys are passed over, so that fields can be
//! added under the same schema number.

mod cell;
pub mod episode;
mod hol;
mod latency;
mod link;
mod network;
mod paired;
mod wire;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use cell::{Arrivals, Cell, Messages, PerSeed, Workload};
pub use hol::{Budget, ByCause, Delayed, Hol, HolDirection, Stall, Theory};
pub use latency::{Intervals, Latency};
pub use link::{Distribution, Link, LinkDirection, LossBy};
pub use network::{Network, NetworkDirection};
pub use paired::{Amount, Metric, Paired};
pub use wire::{
    Handshake, HandshakeMode, Missing, Recovery, Transfer, TransferDirection, Wire, WireDirection,
};

use crate::stats::Summary;

/// The schema number that this crate writes and reads.
pub const SCHEMA: &str = "wirelab/1";

/// A result: what was asked for, and a cell for each transport on each link.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ResultFile {
    /// [`SCHEMA`].
    pub schema: String,
    /// The version that measured.
    pub version: String,
    /// The command: `bench`, `hol`, `handshake` or `transfer`.
    pub command: String,
    /// False if the run was interrupted.
    pub complete: bool,
    /// Every option, resolved, by its name.
    pub config: serde_json::Map<String, serde_json::Value>,
    /// The rows.
    pub cells: Vec<Cell>,
    /// Differences between rows, over the same seeds.
    pub paired: Vec<Paired>,
    /// What was asked for and could not run.
    pub skipped: Vec<Skipped>,
    /// The machine; null in virtual time, where it has no influence.
    pub system: Option<System>,
}

impl ResultFile {
    /// A complete result of this version without rows.
    pub fn new(command: impl Into<String>) -> Self {
        Self {
            schema: SCHEMA.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            command: command.into(),
            complete: true,
            config: serde_json::Map::new(),
            cells: Vec::new(),
            paired: Vec::new(),
            skipped: Vec::new(),
            system: None,
        }
    }
}

/// A transport that a path cannot carry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// Its name.
    pub transport: String,
    /// The path that it was asked for on.
    pub path: String,
    /// Why not, and what to use instead.
    pub reason: String,
}

/// The machine that a result in real time depends on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct System {
    /// The kernel's name and release.
    pub kernel: String,
    /// Processors that the run could use.
    pub cores: u64,
    /// Versions of the crates that carry the transports, by name.
    pub crates: BTreeMap<String, String>,
    /// Kernel settings that bear on the result (buffers, ECN, timer frequency), by name.
    pub settings: BTreeMap<String, String>,
    /// How late packets left the emulated wire, over all runs; null where there is none.
    pub lateness_ns: Option<Summary>,
    /// Packets that this machine dropped for want of room; null if it does not tell.
    pub dropped_packets: Option<u64>,
    /// Packets that this machine could not send; null if not known.
    pub send_errors: Option<u64>,
}
