//! How true a wire in real time is to its model.

use std::time::Duration;

use crate::{link::LinkSpec, stats::Histogram, unit::PerDirection};

/// What reading takes, as on a path without a wire.
const LEAST: Duration = Duration::from_micros(100);
/// Twice what a wire that is true to its model is late by at most, but for one packet in a hundred: what is sent again crosses it
/// after the acknowledgement that told of the loss has.
const MOST: Duration = Duration::from_micros(500);

/// Waits shorter than this say nothing of a wire that is emulated in real time: what would have come at one instant in virtual
/// time comes so far apart. A wire with little delay is true to less.
pub(super) fn resolution(links: &PerDirection<LinkSpec>) -> Duration {
    let delay = links.iter().map(|link| link.delay).min().unwrap_or_default();
    (delay / 10).clamp(LEAST, MOST)
}

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

impl Fidelity {
    /// That of several wires together; `None` without any.
    pub fn of_all<'a>(wires: impl IntoIterator<Item = &'a Self>) -> Option<Self> {
        wires.into_iter().fold(None, |all: Option<Self>, wire| {
            let mut all = all.unwrap_or(Self { dropped: Some(0), ..Self::default() });
            all.lateness.merge(&wire.lateness);
            all.dropped = all.dropped.zip(wire.dropped).map(|(sum, more)| sum + more);
            all.send_errors += wire.send_errors;
            Some(all)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenth_of_the_shorter_delay_says_nothing_within_bounds() {
        let link = |micros| LinkSpec { delay: Duration::from_micros(micros), ..LinkSpec::default() };
        let links =
            |to_server, to_client| PerDirection { to_server: link(to_server), to_client: link(to_client) };
        assert_eq!(resolution(&links(25_000, 50_000)), MOST);
        assert_eq!(resolution(&links(25_000, 3_000)), Duration::from_micros(300));
        assert_eq!(resolution(&links(0, 25_000)), LEAST);
    }
}
