//! Experiments: what is run on which path, the record of each run, and the rows of a result.
//!
//! ```text
//! loaded, share, bench, handshake, transfer ── driver ── matrix
//!   └─ senders
//!             └─ result ── record ── plan ── workload ── application
//!             └─ on_path
//! ```
//!
//! An experiment is a folder with an implementation of [`Experiment`]: its plan, how one run of it is made on a path
//! ([`on_path()`]), and how outcomes become a row. [`drive`] runs any of them.

pub mod application;
mod bench;
mod config;
mod driver;
mod episode;
mod error;
mod handshake;
mod loaded;
mod matrix;
mod on_path;
mod path_kind;
mod plan;
mod record;
mod remote;
mod request;
mod result;
mod run_recorder;
mod sample_file;
mod senders;
mod settings;
mod setup;
mod share;
pub mod transfer;
mod workload;

pub use self::{
    bench::{
        Bench,
        remote::{run_against, run_remote},
        run::{LEAD, run, run_between},
        settings::settings as end_settings,
    },
    config::{config, distinct, entry, messages_config, servers},
    driver::{Driven, Experiment, Job, Options, Problem, Progress, RunSize, drive},
    episode::{UnknownEpisode, Which, choose, choose_contrast, episode, pair},
    error::RunError,
    handshake::{Handshake, HandshakeOutcome, HandshakePlan, Mode, UnknownMode, handshake, handshake_cell},
    loaded::{Loaded, LoadedOutcome, LoadedPlan},
    matrix::{MatrixOptions, Runs, run_matrix},
    on_path::{Ends, OnPath, Route, Wire, on_path},
    path_kind::{PathKind, UnknownPath},
    plan::{Plan, PlanError},
    record::{
        AtServer,
        blocking::{ByCause, OrderFigures, Stall},
        budget::{Budget, BudgetSums},
        network::{NetworkFigures, WayFigures},
        observe::{LoggedPacket, Observers, PacketEvent, PacketLog, Portion, Sample, SampleSink, Status},
        outcome::{Messages, Outcome},
        samples::{SAMPLE_COLUMNS, SampleRows},
        trace::Trace,
    },
    remote::Remote,
    request::{Batch, Request, skipped},
    result::{cell::cell, compare::compare, theory::Theory},
    run_recorder::{RecordedRun, RunRecorder},
    sample_file::{JobIndex, Reservation, SampleFile, SampleFormat},
    senders::{InvalidSender, Sender, parse_senders},
    setup::Setup,
    share::{Share, ShareOutcome, SharePlan},
    workload::{Arrivals, Schedule, Scheduled, UnknownArrivals, Wait, Workload},
};
