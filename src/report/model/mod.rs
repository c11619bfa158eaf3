//! The result file, schema `wirelab/1`.
//!
//! Keys are written in the order of the fields. A figure that was not measured is null, never absent. Times are integer
//! nanoseconds, and names end in their unit. Reading is more lenient: a nullable key may be missing, and unknown keys
//! are ignored, so fields can be added under the same schema number.
//!
//! These types hold and serialise values; `experiment` computes them.

mod cell;
mod cpu;
mod ecn;
pub mod episode;
mod flag;
mod game;
mod hol;
mod latency;
mod link;
mod load;
mod memory;
mod migration;
mod network;
mod page;
mod paired;
mod pictures;
mod properties;
mod queueing;
mod ratio;
mod share;
mod video;
mod wire;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use cell::{Arrivals, Cell, LossDetection, Messages, PerSeed, Workload};
pub use cpu::Cpu;
pub use ecn::{Ecn, EcnDirection};
pub use flag::Flag;
pub use game::{Age, AgeCurve, Game};
pub use hol::{Budget, ByCause, Delayed, Hol, HolDirection, Stall, Theory};
pub use latency::{Intervals, Latency};
pub use link::Link;
pub use load::{Load, LoadSender};
pub use memory::Memory;
pub use migration::Migration;
pub use network::{Network, NetworkDirection};
pub use page::{Bar, Page, PagePhases, Waterfall};
pub use paired::{Amount, Metric, Paired};
pub use pictures::{Detail, Overview, Pictures, Progress, Queue, Timeline};
pub use properties::{Answer, PROPERTIES_SCHEMA, PropertyCell, PropertyRow, PropertyTable};
pub use queueing::{QueueDirection, Queueing};
pub use ratio::Ratio;
pub use share::{Share, ShareSender, ShareSeries};
pub use video::{Strip, Video};
pub use wire::{
    FoundLosses, Handshake, HandshakeMode, KernelRecovery, LossCauses, Missing, Recovery, Transfer,
    TransferDirection, Truth, Wire, WireDirection,
};

use crate::stats::Summary;

/// The schema number that this crate writes and reads.
pub const SCHEMA: &str = "wirelab/1";

/// A result: the configuration, and a cell for each transport on each link.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ResultFile {
    /// [`SCHEMA`].
    pub schema: String,
    /// The version of wirelab that measured.
    pub version: String,
    /// The command: `bench`, `hol`, `handshake`, `transfer` or `share`.
    pub command: String,
    /// False if the run was interrupted.
    pub complete: bool,
    /// Every option with its resolved value.
    pub config: serde_json::Map<String, serde_json::Value>,
    /// The cells.
    pub cells: Vec<Cell>,
    /// Differences between cells, over the same seeds.
    pub paired: Vec<Paired>,
    /// Requested transports that the path cannot carry.
    pub skipped: Vec<Skipped>,
    /// The machine; null in virtual time, which does not depend on it.
    pub system: Option<System>,
    /// Episodes packet by packet; absent unless charts, `--pictures`, `--samples` or `--ladder` were asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub episodes: Vec<episode::Episode>,
    /// The names of the results, if several are shown as one; not in the file.
    #[serde(skip)]
    pub origins: Vec<String>,
}

impl ResultFile {
    /// A complete result of this version without cells.
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
            episodes: Vec::new(),
            origins: Vec::new(),
        }
    }
}

/// A transport that a path cannot carry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// The transport's name.
    pub transport: String,
    /// The path.
    pub path: String,
    /// Why the path cannot carry it, and what to use instead.
    pub reason: String,
}

/// The machine of a run in real time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct System {
    /// The kernel's name and release.
    pub kernel: String,
    /// Available processors.
    pub cores: u64,
    /// Versions of the crates that carry the transports, by name.
    pub crates: BTreeMap<String, String>,
    /// Kernel settings that affect the result (buffers, ECN, timer frequency), by name.
    pub settings: BTreeMap<String, String>,
    /// How late the emulated wire delivered packets, over all runs; null without one.
    pub lateness_ns: Option<Summary>,
    /// Packets that this machine dropped because a buffer was full; null if not known.
    pub dropped_packets: Option<u64>,
    /// Packets that this machine could not send; null if not known.
    pub send_errors: Option<u64>,
}
