//! Reliability by hand over any host: [`crate::arq`], driven by a host's sockets and timers.

mod connection;
mod endpoint;
mod error;
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
    error::ArqError,
    server::{ArqServer, ServerEvent},
    settings::{ArqLimits, ArqSettings, SAFE_DATAGRAM, cookie_key},
    windows::ArqWindows,
};
