//! Datagrams that a secured socket drops.

use std::net::IpAddr;

/// Why a secured socket drops a datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rejection {
    /// Its authentication failed: it was changed, forged, or is no datagram of this transport.
    Forged,
    /// It was received before, or is too old to tell.
    Replayed,
    /// It is authentic, but not for this end.
    Stranger,
}

/// How many datagrams a secured socket has dropped.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rejected {
    /// See [`Rejection::Forged`].
    pub forged: u64,
    /// See [`Rejection::Replayed`].
    pub replayed: u64,
    /// See [`Rejection::Stranger`].
    pub strangers: u64,
}

impl Rejected {
    /// Counts one.
    pub fn count(&mut self, rejection: Rejection) {
        match rejection {
            Rejection::Forged => self.forged += 1,
            Rejection::Replayed => self.replayed += 1,
            Rejection::Stranger => self.strangers += 1,
        }
    }

    /// All of them.
    pub const fn total(self) -> u64 {
        self.forged + self.replayed + self.strangers
    }
}

/// Datagrams that a secured socket rejects before it lets its caller do something else.
pub(crate) const REJECTED_AT_ONCE: usize = 64;

/// What a secured socket has dropped, and where the latest came from.
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

    /// Takes note of a datagram from `source` that is counted elsewhere.
    pub(crate) fn note(&mut self, source: IpAddr) {
        // A client's are never taken.
        if self.sources.len() < REJECTED_AT_ONCE {
            self.sources.push(source);
        }
    }

    /// How many there were.
    pub(crate) fn counts(&self) -> Rejected {
        self.counts
    }

    /// Moves the sources of those since the last call to `sources`.
    pub(crate) fn take_sources(&mut self, sources: &mut Vec<IpAddr>) {
        sources.append(&mut self.sources);
    }
}
