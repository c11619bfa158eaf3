//! What hosts and receivers see of ECN (RFC 3168).

use std::sync::Arc;

use super::observer::{Exit, Observer, PacketView};
use crate::{
    link::LinkSpec,
    unit::{Mutex, PerDirection},
    wire::ip,
};

/// Counts the packets of a path by their ECN field. Clones share what they counted.
#[derive(Debug, Clone, Default)]
pub struct EcnMeter(Arc<Mutex<PerDirection<Counting>>>);

/// The packets of one direction by their ECN field.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct EcnCounts {
    /// Packets that were sent as capable of being marked.
    pub capable: u64,
    /// Marked packets that reached their receiver.
    pub ce_seen: u64,
    /// Whether the sender gave up ECN: after packets that could be marked it sent only packets that could not.
    pub gave_up: bool,
}

#[derive(Debug, Default)]
struct Counting {
    capable: u64,
    ce_seen: u64,
    /// UDP datagrams since the last that could be marked.
    datagrams_since: u64,
}

/// So many datagrams in a row that cannot be marked mean that the sender gave up. Probes for a larger MTU cannot be
/// marked either, but are never this many in a row.
const GAVE_UP_AFTER: u64 = 16;

impl EcnMeter {
    /// A meter for `links`; `None` if no direction uses ECN.
    pub fn new(links: &PerDirection<LinkSpec>) -> Option<Self> {
        let uses_ecn = links.iter().any(|link| link.ecn || link.ecn_fault.is_some());
        uses_ecn.then(Self::default)
    }

    /// The counts so far.
    pub fn counts(&self) -> PerDirection<EcnCounts> {
        self.0.lock().as_ref().map(|counting| EcnCounts {
            capable: counting.capable,
            ce_seen: counting.ce_seen,
            gave_up: counting.capable > 0 && counting.datagrams_since >= GAVE_UP_AFTER,
        })
    }
}

impl Observer for EcnMeter {
    fn entered(&mut self, packet: &PacketView<'_>) {
        let counting = &mut self.0.lock()[packet.direction];
        if packet.ecn != 0 {
            counting.capable += 1;
            counting.datagrams_since = 0;
        } else if packet.datagram().is_some() {
            // Pure acknowledgements of TCP cannot be marked, whether or not it uses ECN.
            counting.datagrams_since += 1;
        }
    }

    fn left(&mut self, packet: &PacketView<'_>, exit: Exit) {
        if matches!(exit, Exit::Arrived { .. }) && packet.ecn == ip::CONGESTION_EXPERIENCED {
            self.0.lock()[packet.direction].ce_seen += 1;
        }
    }
}
