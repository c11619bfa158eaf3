//! Senders that share a bottleneck: the experiment behind `share`.

mod cell;
mod experiment;
mod figures;
mod plan;
mod run;

pub use self::{experiment::Share, plan::SharePlan, run::ShareOutcome};
