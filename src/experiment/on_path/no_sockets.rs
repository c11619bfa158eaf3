//! Stands in for the paths in real time in a build without sockets, or for another system than Linux.

use std::sync::Arc;

use super::route::{Ends, OnPath, Route, Wire};
use crate::{
    experiment::error::RunError,
    path::{Host, Observers, QueueMeter},
};

pub(super) fn on_path<T>(
    _: Route<'_>,
    _: Option<&QueueMeter>,
    _: impl AsyncFnOnce(&Ends, &Wire<'_>) -> Result<T, RunError>,
) -> Result<OnPath<T>, RunError> {
    Err(RunError::NoSockets)
}

pub(super) fn on_this_machine<T>(
    _: Observers,
    _: impl AsyncFnOnce(&Arc<dyn Host>) -> Result<T, RunError>,
) -> Result<T, RunError> {
    Err(RunError::NoSockets)
}

pub(super) fn system_settings(_: bool) -> Vec<(String, String)> {
    Vec::new()
}
