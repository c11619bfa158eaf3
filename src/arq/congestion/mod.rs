//! Congestion control: one trait, and one file per algorithm.

mod controller;
mod cubic;
mod fixed;
mod new_reno;

pub(super) use self::controller::{Acked, Controller};
use self::{cubic::Cubic, fixed::Fixed, new_reno::NewReno};

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
    pub(super) fn build(self, datagram: u64) -> Box<dyn Controller> {
        match self {
            Self::Cubic => Box::new(Cubic::new(datagram)),
            Self::NewReno => Box::new(NewReno::new(datagram)),
            Self::Fixed(window) => Box::new(Fixed(window)),
        }
    }
}
