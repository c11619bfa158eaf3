//! An experiment: messages on a schedule, what became of each, and what that says of a transport.

mod blocking;
mod budget;
mod cell;
mod compare;
mod direct;
mod episode;
mod handshake;
mod machine;
mod matrix;
mod netns;
mod network;
mod observe;
mod outcome;
mod plan;
mod recorder;
mod relay;
mod remote;
mod run;
mod samples;
mod sim;
mod theory;
pub mod transfer;
mod workload;

pub use self::{
    blocking::{ByCause, OrderFigures, Stall},
    budget::{Budget, BudgetSums},
    cell::cell,
    compare::compare,
    direct::{run_direct, run_direct_observed},
    episode::{UnknownEpisode, Which, choose, episode},
    handshake::{
        HandshakeOutcome, HandshakePlan, Mode, UnknownMode, handshake_cell, handshake_direct,
        handshake_netns, handshake_relay, handshake_sim,
    },
    machine::system,
    matrix::{Effort, Runs, run_matrix, run_numbered_matrix},
    netns::{run_netns, run_netns_observed},
    network::{NetworkFigures, WayFigures},
    observe::{LoggedPacket, Observers, PacketLog, Portion, Sample, SampleSink, Status},
    outcome::{Messages, Outcome},
    plan::{PathKind, Plan, PlanError, UnknownPath},
    recorder::AtServer,
    relay::{run_relay, run_relay_observed},
    remote::{Remote, run_against, run_remote},
    run::{Ends, LEAD, RunError, run},
    samples::{Place, SAMPLE_COLUMNS, SampleFile, SampleRows, Turn},
    sim::{simulate, simulate_observed},
    theory::Theory,
    workload::{Arrivals, Schedule, Scheduled, UnknownArrivals, Wait, Workload},
};
