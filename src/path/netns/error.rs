//! Why a path through network namespaces could not be made.

use std::io;

use crate::path::WireBroken;

/// A path through network namespaces could not be made.
#[derive(Debug, thiserror::Error)]
pub enum NetnsError {
    /// The system forbids it.
    #[error("cannot make {what} ({source}): {remedy}")]
    Forbidden {
        /// What was to be made.
        what: &'static str,
        /// Which permission is missing, and how to grant it.
        remedy: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// The process had more than one thread.
    #[error("cannot make a user namespace: this process has started threads before")]
    Threads,
    /// A program could not be started.
    #[error("cannot start `{program}`: {source}")]
    Start {
        /// The program as given.
        program: String,
        /// What the system said.
        source: io::Error,
    },
    /// The wire carries nothing any more.
    #[error(transparent)]
    Broken(#[from] WireBroken),
    /// Another step of the set-up failed.
    #[error("cannot {operation}: {source}")]
    Setup {
        /// The step.
        operation: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

impl NetnsError {
    pub(super) fn setup(operation: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Setup { operation, source }
    }
}
