//! What the kernel reports of its TCP connections.

use std::{fmt, net::SocketAddr};

use crate::{
    path::{Side, TcpInfo},
    unit::Time,
};

/// One end of a TCP connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TcpEnd {
    /// The end.
    pub side: Side,
    /// The client's address.
    pub client: SocketAddr,
    /// The server's address.
    pub server: SocketAddr,
}

/// Traces what the kernel reports.
pub trait TcpTracer: Send + Sync + fmt::Debug {
    /// The kernel reported `info` of `end` at `at`.
    fn record(&self, at: Time, end: &TcpEnd, info: &TcpInfo);
}
