//! How long the congestion window, the peer's window or the buffer limited a sender.

use super::stats::Stats;
use crate::unit::Time;

/// What keeps data from being sent although the congestion window has room.
#[derive(Debug, Clone, Copy)]
pub(super) enum Starved {
    /// The peer's window is closed.
    ByCredit,
    /// Everything in the buffer has been sent, and a message did not fit into it.
    ByBuffer,
}

/// What limits the sender now, and the time up to which the counters include it.
#[derive(Debug, Default)]
pub(super) struct Limits {
    window: Option<Time>,
    starved: Option<(Starved, Time)>,
}

impl Limits {
    /// Notes that the congestion window has no room for the next segment.
    pub(super) fn hit_window(&mut self, now: Time) {
        self.window.get_or_insert(now);
    }

    /// Whether the congestion window keeps data from being sent.
    pub(super) fn is_window_full(&self) -> bool {
        self.window.is_some()
    }

    /// Adds the time limited by the congestion window.
    pub(super) fn count_window(&mut self, now: Time, stats: &mut Stats) {
        if let Some(since) = self.window {
            stats.window_limited += now.since(since);
            self.window = Some(now);
        }
    }

    /// Adds the time limited by the congestion window, which no longer limits.
    pub(super) fn leave_window(&mut self, now: Time, stats: &mut Stats) {
        self.count_window(now, stats);
        self.window = None;
    }

    /// Adds the time that the sender was starved, and notes whether it is starved from `now` on.
    pub(super) fn starve(&mut self, now: Time, starved: Option<Starved>, stats: &mut Stats) {
        self.count_starved(now, stats);
        self.starved = starved.map(|starved| (starved, now));
    }

    /// Adds the time that the sender has been starved since [`Self::starve`].
    pub(super) fn count_starved(&self, now: Time, stats: &mut Stats) {
        match self.starved {
            Some((Starved::ByCredit, since)) => stats.credit_limited += now.since(since),
            Some((Starved::ByBuffer, since)) => stats.buffer_limited += now.since(since),
            None => {}
        }
    }
}
