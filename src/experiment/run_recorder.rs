//! What records runs in files, such as captures.

use super::setup::Setup;
use crate::{capture::Recording, path::StopSignal};

/// One run among all, for the names of its files.
#[derive(Debug, Clone, Copy)]
pub struct RunName<'a> {
    /// Its plan, counted from 0 over everything that is run.
    pub plan: usize,
    /// Whether it is the first of all runs.
    pub is_first: bool,
    /// The plan's point of the matrix.
    pub setup: Setup<'a>,
    /// Its seed.
    pub seed: u64,
    /// Ends the run early when set.
    pub stop: &'a StopSignal,
}

/// Records runs in files.
pub trait RunRecorder: Sync {
    /// Begins what is recorded of a run.
    fn begin(&self, run: &RunName<'_>) -> Recording;

    /// Ends it. `is_whole` is whether the run was made to its end.
    fn end(&self, recording: &Recording, is_whole: bool);
}
