//! Counts packets by their ECN field (RFC 3168).

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::observer::{Exit, Observer, PacketView, Payload};
use crate::{
    link::{EcnFault, LinkSpec},
    unit::{Mutex, PerDirection},
    wire::ip::{self, tcp_flags},
};

/// Counts the packets of a path by their ECN field. Clones share the counts.
#[derive(Debug, Clone, Default)]
pub(crate) struct EcnMeter(Arc<Mutex<PerDirection<Counting>>>);

/// The packets of one direction by their ECN field.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EcnCounts {
    /// Packets that were sent as ECN-capable: their field was not 0.
    pub capable: u64,
    /// Packets that the link marked.
    pub marked: u64,
    /// Marked packets that reached their receiver.
    pub ce_seen: u64,
    /// Packets that had their field cleared by the link.
    pub bleached: u64,
    /// How often TCP reduced its window because of marks: segments with the flag CWR.
    pub window_reductions: u64,
    /// Whether the sender gave up ECN: it sent ECN-capable packets first, and only others later.
    pub gave_up: bool,
}

#[derive(Debug, Default)]
struct Counting {
    capable: u64,
    marked: u64,
    ce_seen: u64,
    window_reductions: u64,
    /// ECN-capable packets that were dropped. The link did not clear their field.
    dropped: u64,
    /// Whether the link clears the field of the packets that it does not drop.
    is_bleached: bool,
    /// UDP datagrams since the last ECN-capable one.
    datagrams_since: u64,
}

/// After this many datagrams in a row that are not ECN-capable, the sender counts as having given up. Probes for a
/// larger MTU are not ECN-capable either, but there are never this many in a row.
const GAVE_UP_AFTER: u64 = 16;

impl EcnMeter {
    /// A meter for `links`; `None` if no direction uses ECN.
    pub(crate) fn new(links: &PerDirection<LinkSpec>) -> Option<Self> {
        let uses_ecn = links.iter().any(LinkSpec::uses_ecn);
        let counting = links.as_ref().map(|link| Counting {
            is_bleached: link.ecn_fault == Some(EcnFault::Bleach),
            ..Counting::default()
        });
        uses_ecn.then(|| Self(Arc::new(Mutex::new(counting))))
    }

    /// The counts so far.
    pub(crate) fn counts(&self) -> PerDirection<EcnCounts> {
        self.0.lock().as_ref().map(|counting| EcnCounts {
            capable: counting.capable,
            marked: counting.marked,
            ce_seen: counting.ce_seen,
            bleached: if counting.is_bleached { counting.capable - counting.dropped } else { 0 },
            window_reductions: counting.window_reductions,
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
            // TCP is left out: its pure acknowledgements are never ECN-capable (RFC 3168 section 6.1.4).
            counting.datagrams_since += 1;
        }
        if let Payload::Ip(ip) = packet.payload
            && let Some(segment) = ip::tcp_segment(ip)
        {
            // A SYN with this flag asks for ECN.
            let is_reduction = segment.flags & (tcp_flags::CWR | tcp_flags::SYN) == tcp_flags::CWR;
            counting.window_reductions += u64::from(is_reduction);
        }
    }

    fn left(&mut self, packet: &PacketView<'_>, exit: Exit) {
        let counting = &mut self.0.lock()[packet.direction];
        let (has_arrived, is_last) = match exit {
            Exit::Arrived { more, .. } => (true, !more),
            Exit::Dropped(_) => (false, true),
        };
        counting.ce_seen += u64::from(has_arrived && packet.ecn == ip::CONGESTION_EXPERIENCED);
        counting.marked += u64::from(is_last && packet.queue.marked);
        counting.dropped += u64::from(!has_arrived && packet.ecn != 0);
    }

    fn reads_ciphertext(&self) -> bool {
        false
    }
}
