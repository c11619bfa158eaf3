//! Datagrams that a secured socket drops.

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
