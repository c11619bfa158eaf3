//! NewReno (RFC 5681, RFC 9002 section 7): one datagram more per round trip, half the window at each loss.

use super::{Acked, Controller, initial_window};

#[derive(Debug)]
pub(super) struct NewReno {
    datagram: u64,
    window: u64,
    threshold: u64,
    /// Bytes acknowledged since the window last grew by a datagram.
    acked: u64,
}

impl NewReno {
    pub(super) fn new(datagram: u64) -> Self {
        Self { datagram, window: initial_window(datagram), threshold: u64::MAX, acked: 0 }
    }
}

impl Controller for NewReno {
    fn on_ack(&mut self, ack: Acked) {
        if self.window < self.threshold {
            // Slow start (RFC 9002 section 7.3.1).
            self.window += ack.bytes;
            return;
        }
        self.acked += ack.bytes;
        if self.acked >= self.window {
            self.acked -= self.window;
            self.window += self.datagram;
        }
    }

    fn on_loss(&mut self) {
        self.window = (self.window / 2).max(2 * self.datagram);
        self.threshold = self.window;
        self.acked = 0;
    }

    /// RFC 5681 section 3.1, equation 4.
    fn on_timeout(&mut self, in_flight: u64) {
        self.threshold = (in_flight / 2).max(2 * self.datagram);
        self.window = self.datagram;
        self.acked = 0;
    }

    fn window(&self) -> u64 {
        self.window
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::unit::Time;

    fn ack(bytes: u64) -> Acked {
        Acked { now: Time::ZERO, bytes, rtt: Duration::from_millis(50) }
    }

    #[test]
    fn slow_start_doubles_and_avoidance_adds_one_datagram_a_round() {
        let mut controller = NewReno::new(1000);
        let first = controller.window();
        controller.on_ack(ack(first));
        assert_eq!(controller.window(), 2 * first);
        controller.on_loss();
        assert_eq!(controller.window(), first);
        for _ in 0..first / 1000 {
            controller.on_ack(ack(1000));
        }
        assert_eq!(controller.window(), first + 1000);
    }

    #[test]
    fn a_timeout_starts_over_from_one_datagram() {
        let mut controller = NewReno::new(1000);
        controller.on_timeout(8000);
        assert_eq!(controller.window(), 1000);
        (0..3).for_each(|_| controller.on_ack(ack(1000)));
        assert_eq!(controller.window(), 4000, "slow start up to half of the bytes in flight");
        controller.on_ack(ack(1000));
        assert_eq!(controller.window(), 4000);
    }
}
