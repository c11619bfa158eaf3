//! Messages beside a background of senders in the same queues: latency under load.

mod cell;
mod experiment;

pub use self::experiment::{Loaded, LoadedOutcome, LoadedPlan};
