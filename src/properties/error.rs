//! Why a cell has no answer.

use crate::{experiment::RunError, link::SpecError, transport::ConnectError};

/// A run that should have decided a claim was not made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PropertyError {
    /// The run failed.
    #[error(transparent)]
    Run(#[from] RunError),
    /// Its link is not valid.
    #[error(transparent)]
    Link(#[from] SpecError),
    /// The two ends did not come to exchange anything.
    #[error("the two ends exchanged nothing: {0}")]
    Silent(String),
}

impl From<ConnectError> for PropertyError {
    fn from(error: ConnectError) -> Self {
        Self::Run(error.into())
    }
}
