//! Reliability by hand over any host: [`crate::arq`], driven by a host's sockets and timers.

mod connection;
mod endpoint;
mod server;
mod session;
mod settings;
mod spec;
mod trace;
mod windows;

#[cfg(feature = "sockets")]
pub(crate) use self::windows::SEGMENT_BYTES;
pub use self::{
    connection::ArqConnection,
    settings::{ArqLimits, ArqSettings},
};
pub(crate) use self::{
    server::{ArqServer, ServerEvent},
    settings::{SAFE_DATAGRAM, cookie_key},
    windows::ArqWindows,
};
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
