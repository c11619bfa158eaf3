//! An experiment: messages on a schedule, what became of each, and what that says of a transport.

mod blocking;
mod budget;
mod cell;
mod compare;
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
    blocking::{ByCause, OrderFigures, Stall},
    budget::{Budget, BudgetSums},
    cell::cell,
    compare::compare,
    episode::{UnknownEpisode, Which, choose, episode},
    error::RunError,
    handshake::{HandshakeOutcome, HandshakePlan, Mode, UnknownMode, handshake, handshake_cell},
    machine::system,
    matrix::{Effort, Runs, run_matrix, run_numbered_matrix},
    network::{NetworkFigures, WayFigures},
    observe::{LoggedPacket, Observers, PacketEvent, PacketLog, Portion, Sample, SampleSink, Status},
    on_path::{Ends, OnPath, Route, Wire, on_path},
    outcome::{Messages, Outcome},
    plan::{PathKind, Plan, PlanError, UnknownPath},
    recorder::AtServer,
    remote::{Remote, run_against, run_remote},
    run::{LEAD, run, run_between},
    samples::{Place, SAMPLE_COLUMNS, SampleFile, SampleRows, Turn},
    theory::Theory,
    workload::{Arrivals, Schedule, Scheduled, UnknownArrivals, Wait, Workload},
};
