//! Bulk transfers between two hosts.

mod cell;
mod experiment;
mod outcome;
mod over;
mod pictures;
mod plan;
mod run;

pub(crate) use self::over::transfer_against;
pub use self::{
    cell::cell,
    experiment::Transfer,
    outcome::TransferOutcome,
    over::{transfer, transfer_from},
    plan::{Direction, TransferPlan},
};
pub(super) use self::{
    over::settings,
    run::{Intake, Task, run},
};
