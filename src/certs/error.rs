//! Errors of generating, reading and writing certificates.

use std::{
    io,
    path::{Path, PathBuf},
};

/// Why certificates could not be generated, read or written.
#[derive(Debug, thiserror::Error)]
pub enum CertsError {
    /// A file could not be read or written.
    #[error("cannot {operation} {path}: {source}", path = path.display())]
    File {
        /// The operation.
        operation: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// A file does not hold what it should.
    #[error("cannot read a {what} from {path}: {reason}", path = path.display())]
    Content {
        /// The expected content.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A certificate could not be generated.
    #[error("cannot generate a certificate: {0}")]
    Generate(#[from] rcgen::Error),
    /// The system provides no random bytes for a key.
    #[error("cannot generate a key: the system provides no random bytes")]
    Randomness,
    /// The certificates of this process are not usable.
    #[error("cannot create the certificates of this process: {0}")]
    Ephemeral(String),
}

impl CertsError {
    /// An invalid server name.
    pub(crate) fn name(name: &str) -> Self {
        Self::Ephemeral(format!("`{name}` is not a valid server name"))
    }

    pub(super) fn file(operation: &'static str, path: &Path, source: io::Error) -> Self {
        Self::File { operation, path: path.to_owned(), source }
    }

    pub(super) fn content(what: &'static str, path: &Path, reason: impl ToString) -> Self {
        Self::Content { what, path: path.to_owned(), reason: reason.to_string() }
    }
}
