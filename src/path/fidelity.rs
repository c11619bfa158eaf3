//! How true a wire in real time is to its model.

use serde::{Deserialize, Serialize};

use crate::stats::Histogram;

/// What the machine, not the link, did to packets of a wire in real time.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Fidelity {
    /// How late packets were sent after they were due, in nanoseconds.
    pub lateness: Histogram,
    /// Packets that the machine dropped because a socket or memory was full; `None` if unknown. The kernel counts
    /// coalesced packets as one.
    pub dropped: Option<u64>,
    /// Packets that could not be sent.
    pub send_errors: u64,
    /// Corrupted packets that a host discarded; `None` if unknown.
    pub corrupted: Option<u64>,
}

impl Fidelity {
    /// The sum over several wires; `None` without any.
    pub(crate) fn of_all<'a>(wires: impl IntoIterator<Item = &'a Self>) -> Option<Self> {
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
