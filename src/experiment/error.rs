//! Why a run could not be made.

use crate::transport::ConnectError;

/// A run could not be made.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The connection was not made.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The simulation could not complete.
    #[error(transparent)]
    Stalled(#[from] crate::path::sim::Stalled),
    /// The path could not be made.
    #[error("{0}")]
    Path(Box<dyn std::error::Error + Send + Sync>),
    /// The wire broke during the run.
    #[error(transparent)]
    Wire(#[from] crate::path::WireBroken),
    /// The machine provided no clock, thread or runtime.
    #[error("cannot start a host on this machine: {0}")]
    Host(#[from] std::io::Error),
    /// The library was built for another system than Linux, or without the feature `sockets`.
    #[error("this build has no sockets: only --path sim runs; the other paths need Linux")]
    NoSockets,
    /// The run was ended from outside before it had measured anything.
    #[error("interrupted")]
    Interrupted,
    /// An earlier run found the server gone.
    #[error("the server was gone before this run")]
    Gone,
    /// Why a run on another machine failed.
    #[error("{0}")]
    Elsewhere(String),
    /// No certificate could be made.
    #[error(transparent)]
    Certs(#[from] crate::certs::CertsError),
}
