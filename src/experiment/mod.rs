//! An experiment: messages on a schedule, what became of each, and what that says of a transport.

mod blocking;
mod budget;
mod cell;
mod compare;
mod direct;
mod episode;
mod matrix;
mod observe;
mod outcome;
mod plan;
mod recorder;
mod run;
mod sim;
mod workload;

pub use self::{
    blocking::{ByCause, OrderFigures, Stall},
    budget::{Budget, BudgetSums},
    cell::cell,
    compare::compare,
    direct::run_direct,
    episode::{UnknownEpisode, Which, choose, episode},
    matrix::{Effort, Runs, run_matrix},
    observe::{LoggedPacket, Observers, PacketLog, Portion, Sample, SampleSink, Status},
    outcome::{Messages, Outcome},
    plan::{PathKind, Plan, PlanError, UnknownPath},
    recorder::AtServer,
    run::{Ends, LEAD, RunError, run},
    sim::{simulate, simulate_observed},
    workload::{Arrivals, Schedule, Scheduled, UnknownArrivals, Wait, Workload},
};
