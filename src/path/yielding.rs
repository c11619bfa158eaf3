//! Giving other tasks of the thread their turn, under tokio.

pub(crate) use tokio::task::{coop::consume_budget, yield_now};
