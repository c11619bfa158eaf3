//! An experiment: messages on a schedule, what became of each, and what that says of a transport.

mod cell;
mod compare;
mod direct;
mod matrix;
mod outcome;
mod plan;
mod recorder;
mod run;
mod sim;
mod workload;

pub use self::{
    cell::cell,
    compare::compare,
    direct::run_direct,
    matrix::{Effort, Runs, run_matrix},
    outcome::{Messages, OrderFigures, Outcome, Stall},
    plan::{PathKind, Plan, PlanError, UnknownPath},
    run::{Ends, LEAD, RunError, run},
    sim::simulate,
    workload::{Arrivals, Schedule, Scheduled, UnknownArrivals, Wait, Workload},
};
