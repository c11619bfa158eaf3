//! Messages beside a background of senders in the same queues: latency under load.

mod cell;
mod experiment;
mod plan;

pub use self::{
    experiment::Loaded,
    plan::{LoadedOutcome, LoadedPlan},
};
