//! A row of a result: the outcomes of one plan, pooled over seeds, and the differences between rows.

pub(super) mod cell;
pub(super) mod compare;
mod lateness;
mod network;
pub(super) mod pool;
pub(in crate::experiment) mod queueing;
pub(super) mod seeds;
pub(super) mod settings;
pub(super) mod system;
pub(super) mod theory;
pub(super) mod truth;
