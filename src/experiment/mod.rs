//! An experiment: messages on a schedule, what became of each, and what that says of a transport.

mod bench;
mod blocking;
mod budget;
mod cell;
mod compare;
mod driver;
mod episode;
mod error;
mod handshake;
mod machine;
mod matrix;
mod network;
mod observe;
mod on_path;
mod outcome;
mod plan;
mod recorder;
mod remote;
mod run;
mod samples;
mod settings;
mod theory;
pub mod transfer;
mod workload;

pub use self::{
    bench::Bench,
    blocking::{ByCause, OrderFigures, Stall},
    budget::{Budget, BudgetSums},
    cell::cell,
    compare::compare,
    driver::{
        Batch, Driven, Experiment, Job, Options, Problem, Progress, Request, RunSize, Setup, drive, skipped,
    },
    episode::{UnknownEpisode, Which, choose, episode},
    error::RunError,
    handshake::{Handshake, HandshakeOutcome, HandshakePlan, Mode, UnknownMode, handshake, handshake_cell},
    matrix::{MatrixOptions, Runs, run_matrix},
    network::{NetworkFigures, WayFigures},
    observe::{LoggedPacket, Observers, PacketEvent, PacketLog, Portion, Sample, SampleSink, Status},
    on_path::{Ends, OnPath, Route, Wire, on_path},
    outcome::{Messages, Outcome},
    plan::{PathKind, Plan, PlanError, UnknownPath},
    recorder::AtServer,
    remote::{Remote, run_against, run_remote},
    run::{LEAD, run, run_between},
    samples::{JobIndex, Reservation, SAMPLE_COLUMNS, SampleFile, SampleRows},
    theory::Theory,
    workload::{Arrivals, Schedule, Scheduled, UnknownArrivals, Wait, Workload},
};
