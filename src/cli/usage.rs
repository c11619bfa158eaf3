//! What is wrong with a command line.

use wirelab::{experiment::PlanError, link::SpecError};

/// A command line that cannot be carried out: one line that names the option and what it expects.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct UsageError(String);

impl UsageError {
    pub(crate) fn new(line: impl Into<String>) -> Self {
        Self(line.into())
    }
}

impl From<SpecError> for UsageError {
    fn from(error: SpecError) -> Self {
        // A property of the link is an option here.
        let dashes = if matches!(error, SpecError::Value { .. }) { "--" } else { "" };
        Self(format!("{dashes}{error}"))
    }
}

impl From<PlanError> for UsageError {
    fn from(error: PlanError) -> Self {
        Self(error.to_string())
    }
}
