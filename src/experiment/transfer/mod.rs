//! Transfers: content from one host to the other, and what it took.

mod cell;
mod outcome;
mod over;
mod plan;
mod run;

pub use self::{
    cell::cell,
    outcome::TransferOutcome,
    over::{transfer_against, transfer_direct, transfer_over_netns, transfer_over_relay, transfer_simulated},
    plan::{Direction, TransferPlan},
    run::Saved,
};
