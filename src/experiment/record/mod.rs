//! The record of one run: the fate of every message, and the figures that follow.

pub(super) mod blocking;
pub(super) mod budget;
pub(super) mod network;
pub(super) mod observe;
pub(super) mod outcome;
pub(super) mod recorder;
pub(super) mod samples;
pub(super) mod trace;
pub(super) mod units;

use crate::{channel::Delivery, unit::Time};

/// A request at the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AtServer {
    /// Its delivery to the server.
    pub delivery: Delivery,
    /// When its reply was handed to the transport.
    pub replied: Time,
}
