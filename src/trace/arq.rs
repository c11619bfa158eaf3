//! Events of one end of an ARQ connection.

use std::fmt;

use super::quic::{Metrics, Thresholds};
use crate::{
    arq::{ConnectionError, ConnectionId, DeclaredLoss, SegmentKind},
    path::Side,
    unit::Time,
};

/// An event at one end of a connection.
#[derive(Debug, Clone, Copy)]
pub enum ArqEvent<'a> {
    /// The thresholds with which this end declares segments lost.
    Thresholds(Thresholds),
    /// The handshake is complete at this end.
    Established,
    /// A segment is sent.
    Sent {
        /// The datagram.
        datagram: &'a [u8],
        /// The kind of segment.
        kind: SegmentKind,
    },
    /// A datagram arrived.
    Received {
        /// The datagram. It may be corrupted.
        datagram: &'a [u8],
        /// Whether it held new content that was kept.
        is_kept: bool,
    },
    /// A transmission was declared lost.
    Lost(DeclaredLoss),
    /// The state of recovery changed. [`Metrics::pto_count`] counts timeouts of the retransmission timer.
    Metrics(Metrics),
    /// The connection ended, without an error if it was closed in order.
    Closed(Option<&'a ConnectionError>),
    /// The end has dropped the connection.
    Dropped,
}

/// Receives the events of one end of a connection, at the instant when they happen.
pub trait ArqTrace: Send {
    /// Records an event at `at`.
    fn record(&mut self, at: Time, event: &ArqEvent<'_>);
}

/// Creates the traces of connections.
pub trait ArqTracer: Send + Sync + fmt::Debug {
    /// Creates the trace of one end of the connection of the client with this id.
    fn trace_arq(&self, side: Side, client: ConnectionId) -> Box<dyn ArqTrace>;
}
