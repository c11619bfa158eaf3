//! The experiment behind `bench --rebind` and `--handover`: messages of a client whose address changes in the middle.
//! `migration` makes and measures the change in one run; this folder has the plan and the row of a result.

mod cell;
mod experiment;
mod moves;
mod plan;

pub use self::{
    experiment::Moved,
    moves::{InvalidMove, Moves},
    plan::{InvalidRebind, MovedOutcome, MovedPlan, Outage, Rebind},
};
