//! Senders that share a path: each sends for a time, in bulk or at a rate, beside the others.

mod meter;
mod run;
mod spec;

pub use self::spec::{InvalidSender, Sender, parse_senders};
pub(super) use self::{
    meter::Crossed,
    run::{BIN, Flow, FlowOutcome, Flows, FlowsOutcome},
};
