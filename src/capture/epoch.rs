//! The wall-clock time of a run.

use std::time::Duration;

use crate::unit::Time;

/// When time zero of a path was, as a time since 1970-01-01 UTC.
#[derive(Debug, Clone, Copy)]
pub enum Epoch {
    /// At a fixed time. The path is in virtual time.
    Fixed(Duration),
    /// Calculated from the system clock, which is read at the first event. The path is in real time. A capture then
    /// writes its file in another thread, so that a slow disk delays no packet.
    Clock(fn() -> Duration),
}

impl Epoch {
    /// Whether the path is in real time. `false` after [`Self::fix`].
    pub(super) fn is_real_time(&self) -> bool {
        matches!(self, Self::Clock(_))
    }

    /// When time zero was. The first call reads the clock, when the time of the path is `at`.
    pub(super) fn fix(&mut self, at: Time) -> Duration {
        if let Self::Clock(now) = self {
            *self = Self::Fixed(now().saturating_sub(Duration::from_nanos(at.as_nanos())));
        }
        self.fixed()
    }

    /// When time zero was. 1970 if [`Self::fix`] was not called.
    pub(super) fn fixed(self) -> Duration {
        match self {
            Self::Fixed(epoch) => epoch,
            Self::Clock(_) => Duration::ZERO,
        }
    }
}
