//! The interface of a congestion controller.

use std::{fmt::Debug, time::Duration};

use crate::unit::Time;

/// A congestion controller. Its caller reports the losses of one round trip as one event, and does not report
/// acknowledgements of segments sent before that event.
pub(in crate::arq) trait Controller: Debug + Send {
    /// Bytes were acknowledged while the window was full.
    fn on_ack(&mut self, ack: Acked);
    /// A segment was lost.
    fn on_loss(&mut self);
    /// The retransmission timer expired with `in_flight` bytes in flight.
    fn on_timeout(&mut self, in_flight: u64);
    /// The congestion window in bytes.
    fn window(&self) -> u64;
}

/// Newly acknowledged bytes.
#[derive(Debug, Clone, Copy)]
pub(in crate::arq) struct Acked {
    pub(in crate::arq) now: Time,
    /// Bytes of datagrams.
    pub(in crate::arq) bytes: u64,
    /// The smoothed RTT.
    pub(in crate::arq) rtt: Duration,
}

/// The initial window (RFC 6928 section 2).
pub(super) fn initial_window(datagram: u64) -> u64 {
    (10 * datagram).min((2 * datagram).max(14_600))
}
