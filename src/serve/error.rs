//! Why a server cannot be started.

use crate::{path::PathError, transport::ConnectError};

/// A server cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The socket cannot be opened.
    #[error(transparent)]
    Path(#[from] PathError),
    /// The protocol cannot be set up on the socket.
    #[error(transparent)]
    Setup(#[from] ConnectError),
    /// TLS and QUIC need a certificate.
    #[error("cannot listen on {0}: no certificate")]
    NoIdentity(String),
}
