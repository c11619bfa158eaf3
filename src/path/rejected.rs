//! Datagrams that a secured socket drops.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// Why a secured socket drops a datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rejection {
    /// See [`Rejected::forged`].
    Forged,
    /// See [`Rejected::replayed`].
    Replayed,
    /// See [`Rejected::strangers`].
    Stranger,
}

/// How many datagrams a secured socket has dropped.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejected {
    /// Their authentication failed: they were changed, forged, or are not datagrams of this transport.
    pub forged: u64,
    /// They were received before, or are too old to tell.
    pub replayed: u64,
    /// They are authentic, but not for this end.
    pub strangers: u64,
}

impl Rejected {
    /// Counts one.
    pub(crate) fn count(&mut self, rejection: Rejection) {
        match rejection {
            Rejection::Forged => self.forged += 1,
            Rejection::Replayed => self.replayed += 1,
            Rejection::Stranger => self.strangers += 1,
        }
    }

    /// All of them.
    pub(crate) const fn total(self) -> u64 {
        self.forged + self.replayed + self.strangers
    }
}

/// How many datagrams a secured socket rejects in one poll before it yields to its caller.
pub(crate) const REJECTED_AT_ONCE: usize = 64;

/// Counts of the datagrams that a secured socket has dropped, and the sources of the latest.
#[derive(Debug, Default)]
pub(crate) struct Rejections {
    counts: Rejected,
    sources: Vec<IpAddr>,
}

impl Rejections {
    /// Counts a datagram from `source`.
    pub(crate) fn count(&mut self, rejection: Rejection, source: IpAddr) {
        self.counts.count(rejection);
        self.note(source);
    }

    /// Notes the source of a rejected datagram without counting it.
    pub(crate) fn note(&mut self, source: IpAddr) {
        // Bounded, because clients never take the sources.
        if self.sources.len() < REJECTED_AT_ONCE {
            self.sources.push(source);
        }
    }

    /// The counts so far.
    pub(crate) fn counts(&self) -> Rejected {
        self.counts
    }

    /// Moves the sources noted since the last call into `sources`.
    pub(crate) fn take_sources(&mut self, sources: &mut Vec<IpAddr>) {
        sources.append(&mut self.sources);
    }
}
