//! Congestion control: one trait, and one file per algorithm.

mod cubic;
mod events;
mod new_reno;

use std::{fmt::Debug, time::Duration};

pub(super) use self::events::CongestionControl;
use self::{cubic::Cubic, new_reno::NewReno};
use crate::unit::Time;

/// The choice of a congestion controller.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Congestion {
    /// CUBIC (RFC 9438).
    #[default]
    Cubic,
    /// NewReno (RFC 5681, as simplified in RFC 9002 section 7).
    NewReno,
    /// A constant window of this many bytes.
    Fixed(u64),
}

impl Congestion {
    /// Creates a controller for datagrams of up to `datagram` bytes.
    fn build(self, datagram: u64) -> Box<dyn Controller> {
        match self {
            Self::Cubic => Box::new(Cubic::new(datagram)),
            Self::NewReno => Box::new(NewReno::new(datagram)),
            Self::Fixed(window) => Box::new(Fixed(window)),
        }
    }
}

/// A congestion controller. Its caller reports the losses of one round trip as one event, and does not report
/// acknowledgements of segments sent before that event.
trait Controller: Debug + Send {
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
pub(super) struct Acked {
    pub(super) now: Time,
    /// Bytes of datagrams.
    pub(super) bytes: u64,
    /// The smoothed RTT.
    pub(super) rtt: Duration,
}

/// The initial window (RFC 6928 section 2).
fn initial_window(datagram: u64) -> u64 {
    (10 * datagram).min((2 * datagram).max(14_600))
}

/// A constant window, which isolates loss recovery and ordering from congestion control.
#[derive(Debug)]
struct Fixed(u64);

impl Controller for Fixed {
    fn on_ack(&mut self, _: Acked) {}
    fn on_loss(&mut self) {}
    fn on_timeout(&mut self, _: u64) {}
    fn window(&self) -> u64 {
        self.0
    }
}
