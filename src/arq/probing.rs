//! Probing of a closed window (RFC 9293 section 3.8.6.1).
//!
//! Probes have a backoff of their own. They are answered, so they are no reason to lengthen the retransmission timeout.

use super::rtt::Rtt;
use crate::unit::Time;

/// The peer's window, while it is closed and nothing is in flight.
#[derive(Debug, Default)]
pub(super) struct Probing(Option<Closed>);

#[derive(Debug, Clone, Copy)]
struct Closed {
    /// When the last probe was sent, or when the window closed.
    since: Time,
    probes: u32,
}

impl Probing {
    /// Notes that the window is closed, and that it closed at `now` if it was open before.
    pub(super) fn begin(&mut self, now: Time) {
        self.0.get_or_insert(Closed { since: now, probes: 0 });
    }

    /// Notes that the window has opened.
    pub(super) fn end(&mut self) {
        self.0 = None;
    }

    /// Whether the window is closed.
    pub(super) fn is_active(&self) -> bool {
        self.0.is_some()
    }

    /// When the next probe is due.
    pub(super) fn due(&self, rtt: &Rtt) -> Option<Time> {
        self.0.map(|Closed { since, probes }| since + rtt.timeout_after(probes))
    }

    /// Returns whether a probe is due, and counts it as sent.
    pub(super) fn probe(&mut self, now: Time, rtt: &Rtt) -> bool {
        let is_due = self.due(rtt).is_some_and(|due| due <= now);
        if let Some(Closed { since, probes }) = self.0.as_mut().filter(|_| is_due) {
            *since = now;
            *probes = probes.saturating_add(1);
        }
        is_due
    }
}
