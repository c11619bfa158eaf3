//! How true a wire in real time is to its model.

use crate::stats::Histogram;

/// What the machine did to a wire that it emulates in real time. Nothing of it is the wire's doing.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Fidelity {
    /// How long after they were due packets were on their way, in nanoseconds.
    pub lateness: Histogram,
    /// Packets that the machine dropped, for want of room in a socket or of memory; `None` if it does not tell.
    /// The kernel counts a run of packets that it has joined as one.
    pub dropped: Option<u64>,
    /// Packets that could not be sent.
    pub send_errors: u64,
}
