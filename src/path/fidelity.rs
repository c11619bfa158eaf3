//! How true a wire in real time is to its model.

use crate::stats::Histogram;

/// What the machine, not the link, did to packets of a wire in real time.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Fidelity {
    /// How late packets were sent after they were due, in nanoseconds.
    pub lateness: Histogram,
    /// Packets that the machine dropped for want of room in a socket or of memory; `None` if it does not tell.
    /// The kernel counts packets that it coalesced as one.
    pub dropped: Option<u64>,
    /// Packets that could not be sent.
    pub send_errors: u64,
    /// Packets that a host threw away because they were damaged; `None` if no host checks, or tells.
    pub corrupted: Option<u64>,
}

impl Fidelity {
    /// The sum over several wires; `None` without any.
    pub fn of_all<'a>(wires: impl IntoIterator<Item = &'a Self>) -> Option<Self> {
        wires.into_iter().fold(None, |all: Option<Self>, wire| {
            let mut all = all.unwrap_or(Self { dropped: Some(0), ..Self::default() });
            all.lateness.merge(&wire.lateness);
            all.dropped = all.dropped.zip(wire.dropped).map(|(sum, more)| sum + more);
            all.send_errors += wire.send_errors;
            all.corrupted = all.corrupted.into_iter().chain(wire.corrupted).reduce(|sum, more| sum + more);
            Some(all)
        })
    }
}
