//! Recording of runs in files, such as captures.

use super::setup::Setup;
use crate::{capture::Recording, path::StopSignal};

/// A run that is recorded.
#[derive(Debug, Clone, Copy)]
pub struct RecordedRun<'a> {
    /// Its index among all runs of the request.
    pub job: usize,
    /// The index of its plan among all plans of the request.
    pub plan: usize,
    /// The plan's point of the matrix.
    pub setup: Setup<'a>,
    /// Its seed.
    pub seed: u64,
    /// Ends the run early when set.
    pub stop: &'a StopSignal,
}

/// Records runs in files.
pub trait RunRecorder: Sync {
    /// Begins the recording of a run.
    fn begin(&self, run: &RecordedRun<'_>) -> Recording;

    /// Ends the recording of a run. `is_whole` tells whether the run reached its end.
    fn end(&self, run: &RecordedRun<'_>, recording: &Recording, is_whole: bool);
}
