//! How many bytes may be under way: one small trait, a file for each algorithm.

mod cubic;
mod fixed;
mod new_reno;

use std::{fmt::Debug, time::Duration};

use self::{cubic::Cubic, fixed::Fixed, new_reno::NewReno};
use crate::unit::Time;

/// Which controller.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Congestion {
    /// CUBIC (RFC 9438).
    #[default]
    Cubic,
    /// NewReno (RFC 5681, in the form of RFC 9002 section 7).
    NewReno,
    /// A window of this many bytes that nothing changes.
    Fixed(u64),
}

/// A congestion controller. Losses of one round trip are one event, and what was sent before that event does not
/// enlarge the window: both are seen to by who calls.
pub(super) trait Controller: Debug + Send {
    /// Bytes were acknowledged while the window was full.
    fn on_ack(&mut self, ack: Acked);
    /// A segment was lost.
    fn on_loss(&mut self);
    /// The retransmission timer expired with `in_flight` bytes under way.
    fn on_timeout(&mut self, in_flight: u64);
    /// Bytes that may be under way.
    fn window(&self) -> u64;
}

/// What was acknowledged.
#[derive(Debug, Clone, Copy)]
pub(super) struct Acked {
    pub(super) now: Time,
    /// Of datagrams.
    pub(super) bytes: u64,
    /// The smoothed round trip.
    pub(super) rtt: Duration,
}

impl Congestion {
    /// A controller for datagrams of up to `datagram` bytes.
    pub(super) fn build(self, datagram: u64) -> Box<dyn Controller> {
        match self {
            Self::Cubic => Box::new(Cubic::new(datagram)),
            Self::NewReno => Box::new(NewReno::new(datagram)),
            Self::Fixed(window) => Box::new(Fixed(window)),
        }
    }
}

/// The window to begin with (RFC 6928 section 2).
fn initial_window(datagram: u64) -> u64 {
    (10 * datagram).min((2 * datagram).max(14_600))
}
