//! The record of one run: the fate of every message, and the figures that follow.

pub(super) mod at_server;
pub(super) mod blocking;
pub(super) mod budget;
pub(super) mod network;
pub(super) mod observe;
pub(super) mod outcome;
pub(super) mod recorder;
pub(super) mod samples;
pub(super) mod trace;
