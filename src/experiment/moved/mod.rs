//! Messages of a client whose address changes in the middle.

mod cell;
mod experiment;
mod plan;

pub use self::{
    experiment::Moved,
    plan::{InvalidRebind, MovedOutcome, MovedPlan, Outage, Rebind},
};
