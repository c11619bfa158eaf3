//! Congestion events: the losses of one round trip reduce the window once.

use super::{Acked, Congestion, Controller};
use crate::unit::Time;

/// A congestion controller and the events that were reported to it.
#[derive(Debug)]
pub(in crate::arq) struct CongestionControl {
    controller: Box<dyn Controller>,
    /// The time of the last congestion event. Losses of segments sent before it belong to that event.
    recovery: Option<Time>,
    /// After a new loss, one segment is retransmitted regardless of the window (RFC 6675 section 5, step 4.3).
    urgent: bool,
    events: u64,
    min_window: Option<u64>,
}

impl CongestionControl {
    /// Creates the controller for datagrams of up to `datagram` bytes.
    pub(in crate::arq) fn new(congestion: Congestion, datagram: u64) -> Self {
        let controller = congestion.build(datagram);
        Self { controller, recovery: None, urgent: false, events: 0, min_window: None }
    }

    /// The congestion window in bytes.
    pub(in crate::arq) fn window(&self) -> u64 {
        self.controller.window()
    }

    /// The time of the last congestion event. Acknowledgements of segments sent before it do not grow the window.
    pub(in crate::arq) fn recovery(&self) -> Option<Time> {
        self.recovery
    }

    /// Congestion events that reduced the window.
    pub(in crate::arq) fn events(&self) -> u64 {
        self.events
    }

    /// The smallest window after a congestion event.
    pub(in crate::arq) fn min_window(&self) -> Option<u64> {
        self.min_window
    }

    /// Whether a segment is retransmitted regardless of the window. Returns `true` once for each congestion event.
    pub(in crate::arq) fn take_urgent(&mut self) -> bool {
        std::mem::take(&mut self.urgent)
    }

    /// Bytes were acknowledged while the window was full.
    pub(in crate::arq) fn on_ack(&mut self, ack: Acked) {
        self.controller.on_ack(ack);
    }

    /// A segment sent at `sent` was lost. Only the first loss of a congestion event reaches the controller.
    pub(in crate::arq) fn on_loss(&mut self, now: Time, sent: Time) {
        if self.recovery.is_none_or(|recovery| sent > recovery) {
            self.recovery = Some(now);
            self.urgent = true;
            self.report(|controller| controller.on_loss());
        }
    }

    /// The retransmission timer expired with `in_flight` bytes in flight. Only the first timeout of a series reaches
    /// the controller (RFC 5681 section 3.1).
    pub(in crate::arq) fn on_timeout(&mut self, now: Time, in_flight: u64, is_first: bool) {
        self.recovery = Some(now);
        if is_first {
            self.report(|controller| controller.on_timeout(in_flight));
        }
    }

    /// Counts a congestion event if the controller reduces its window.
    fn report(&mut self, event: impl FnOnce(&mut dyn Controller)) {
        let before = self.window();
        event(&mut *self.controller);
        let window = self.window();
        if window < before {
            self.events += 1;
            self.min_window = Some(self.min_window.map_or(window, |min| min.min(window)));
        }
    }
}
