//! What is wrong with a command line.

use wirelab::{experiment::PlanError, link::LinkOptionsError};

/// A command line that cannot be carried out: one line that names the option and what it expects.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct UsageError(String);

impl UsageError {
    pub(crate) fn new(line: impl Into<String>) -> Self {
        Self(line.into())
    }
}

impl From<LinkOptionsError> for UsageError {
    fn from(error: LinkOptionsError) -> Self {
        Self(error.to_string())
    }
}

impl From<PlanError> for UsageError {
    fn from(error: PlanError) -> Self {
        Self(error.to_string())
    }
}
