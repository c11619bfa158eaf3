//! Errors of an ARQ connection.

use crate::arq::{ConnectionError, SendError};

/// Why a connection failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArqError {
    /// The connection broke.
    #[error(transparent)]
    Connection(#[from] ConnectionError),
    /// The socket failed, or the peer's host reported that the port is closed.
    #[error("{0}")]
    Socket(String),
    /// A message was refused.
    #[error(transparent)]
    Send(#[from] SendError),
}
