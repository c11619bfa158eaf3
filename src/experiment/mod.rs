//! Experiments: what is run on which path, the record of each run, and the rows of a result.
//!
//! ```text
//! loaded, moved, share, bench, handshake, page, transfer ── driver ── matrix
//!   └─ senders, migration          └─ connecting
//!             └─ result ── record ── plan ── workload ── application
//!             └─ on_path
//! ```
//!
//! An experiment is a folder with an implementation of [`Experiment`]: its plan, how one run of it is made on a path
//! ([`on_path()`]), and how outcomes become a row. [`drive`] runs any of them.

pub mod application;
mod bench;
mod config;
mod connecting;
mod csv;
mod deal;
mod driver;
mod episode;
mod error;
mod handshake;
#[cfg(feature = "sockets")]
mod held;
mod loaded;
mod matrix;
mod migration;
mod moved;
mod on_path;
pub mod page;
mod part;
mod path_kind;
mod plan;
mod reckon;
mod record;
mod remote;
mod request;
mod result;
mod run_recorder;
mod sample_file;
mod senders;
mod settings;
mod setup;
mod shard;
mod share;
pub mod transfer;
mod work;
mod workload;

pub(crate) use self::bench::client::LEAD;
#[cfg(feature = "sockets")]
pub use self::held::{End, Held, HeldOutcome, UnknownEnd, run_end};
pub use self::{
    bench::{
        Bench,
        remote::run_against,
        run::{run, run_between},
        settings::settings as end_settings,
    },
    config::{config, distinct, entry, given_options, messages_config, servers},
    deal::deal,
    driver::{
        Contents, Driven, Experiment, Job, Options, Problem, Progress, RunSize, assemble, drive, drive_jobs,
    },
    episode::{UnknownEpisode, Which, choose, choose_contrast, episode, pair},
    error::RunError,
    handshake::{
        Handshake, HandshakeOutcome, HandshakePlan, Mode, UnknownMode, handshake, handshake_cell,
        handshake_config,
    },
    loaded::{Loaded, LoadedOutcome, LoadedPlan},
    matrix::{MatrixOptions, Runs, run_matrix},
    migration::ClientChange,
    moved::{InvalidMove, InvalidRebind, Moved, MovedOutcome, MovedPlan, Moves, Outage, Rebind},
    on_path::{Ends, OnPath, Route, Wire, on_path},
    part::{
        Made, PART_SCHEMA, PART_START, PartError, PartHeader, Record, TARGET, is_part, read_header,
        read_records, write_part,
    },
    path_kind::{PathKind, UnknownPath},
    plan::{Plan, PlanError},
    reckon::{in_real_time, in_virtual_time},
    record::{
        AtServer,
        blocking::{ByCause, OrderFigures, Stall},
        budget::{Budget, BudgetSums},
        network::{NetworkFigures, WayFigures},
        observe::{LoggedPacket, Observers, PacketEvent, Portion, Sample, SampleSink, Status},
        outcome::{Messages, Outcome},
        samples::{SAMPLE_COLUMNS, SampleRows},
        trace::Trace,
    },
    remote::Remote,
    request::{Batch, Request, skipped},
    result::{cell::cell, compare::compare, system::system, theory::Theory},
    run_recorder::{RecordedRun, RunRecorder},
    sample_file::{JobIndex, Reservation, SampleFile, SampleFormat},
    senders::{InvalidSender, Sender, parse_senders},
    setup::Setup,
    shard::{InvalidShard, Shard},
    share::{Share, ShareOutcome, SharePlan},
    workload::{Arrivals, MessageTooLong, Schedule, Scheduled, UnknownArrivals, Wait, Workload},
};
