//! Senders that share a path: each sends for a time, in bulk or at a rate, beside the others.

mod meter;
mod run;
mod spec;

pub(super) use self::run::{BIN, Flow, FlowOutcome, Flows, FlowsOutcome};
pub use self::spec::{InvalidSender, Sender, parse_senders};
