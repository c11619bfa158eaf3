//! RTT estimation and the retransmission timeout (RFC 6298).

use std::time::Duration;

use super::stats::RttState;

/// The retransmission timer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Timer {
    /// One timer that adapts to the measured RTT (RFC 6298): `SRTT + max(G, 4 RTTVAR)`, doubled by each consecutive
    /// expiry.
    Adaptive {
        /// Lower bound. The RFC recommends 1 s but permits less. The default is 200 ms, as in Linux, which exceeds the
        /// usual delay of acknowledgements.
        min: Duration,
        /// Upper bound.
        max: Duration,
    },
    /// A timer of constant length for each segment, as in textbooks.
    Fixed(Duration),
}

impl Default for Timer {
    fn default() -> Self {
        Self::Adaptive { min: Duration::from_millis(200), max: Duration::from_secs(60) }
    }
}

/// The timeout before the first sample (RFC 6298 section 2.1).
const INITIAL_TIMEOUT: Duration = Duration::from_secs(1);
/// The clock granularity `G` of RFC 6298, and of RFC 9002 section 6.1.2.
const GRANULARITY: Duration = Duration::from_millis(1);

/// The RTT estimator.
#[derive(Debug)]
pub(super) struct Rtt {
    timer: Timer,
    /// `None` before the first sample.
    measured: Option<RttState>,
    /// Timeouts since the last sample. Each doubles the timer.
    backoff: u32,
}

impl Rtt {
    pub(super) fn new(timer: Timer) -> Self {
        Self { timer, measured: None, backoff: 0 }
    }

    /// Takes a sample of a segment that was sent once. Retransmitted segments give ambiguous samples (Karn's algorithm,
    /// RFC 6298 section 3). Only a sample ends the backoff (section 5), because an acknowledgement of a retransmitted
    /// segment does not show that the timeout is longer than the round trip. QUIC ends its backoff with any
    /// acknowledgement, because an acknowledgement names the packet (RFC 9002 section 6.2.1).
    pub(super) fn sample(&mut self, rtt: Duration) {
        self.backoff = 0;
        self.measured = Some(match self.measured {
            // Section 2.2.
            None => RttState { smoothed: rtt, variation: rtt / 2, latest: rtt, min: rtt },
            // Section 2.3: RTTVAR first, with the old SRTT.
            Some(old) => RttState {
                variation: old.variation * 3 / 4 + old.smoothed.abs_diff(rtt) / 4,
                smoothed: old.smoothed * 7 / 8 + rtt / 8,
                latest: rtt,
                min: old.min.min(rtt),
            },
        });
    }

    /// The estimate, if there is a sample.
    pub(super) fn state(&self) -> Option<RttState> {
        self.measured
    }

    /// Doubles the timeout after an expiry (section 5.5).
    pub(super) fn back_off(&mut self) {
        self.backoff = self.backoff.saturating_add(1);
    }

    /// The retransmission timeout.
    pub(super) fn timeout(&self) -> Duration {
        self.timeout_after(self.backoff)
    }

    /// The retransmission timeout after this many expiries.
    pub(super) fn timeout_after(&self, expiries: u32) -> Duration {
        let (min, max) = match self.timer {
            Timer::Fixed(timeout) => return timeout,
            Timer::Adaptive { min, max } => (min, max),
        };
        let base = self.measured.map_or(INITIAL_TIMEOUT, |measured| {
            measured.smoothed + (measured.variation * 4).max(GRANULARITY)
        });
        base.max(min).saturating_mul(1 << expiries.min(20)).min(max)
    }

    /// The constant timeout of each segment, if the timer is fixed.
    pub(super) fn fixed(&self) -> Option<Duration> {
        match self.timer {
            Timer::Fixed(timeout) => Some(timeout),
            Timer::Adaptive { .. } => None,
        }
    }

    /// The time threshold for loss (RFC 9002 section 6.1.2): a segment sent earlier than this is lost once a later one
    /// is acknowledged.
    pub(super) fn time_threshold(&self, round_trips: f32) -> Duration {
        self.measured.map_or(INITIAL_TIMEOUT, |measured| {
            let rtt = measured.smoothed.max(measured.latest);
            let nanos = rtt.as_nanos() as f64 * f64::from(round_trips);
            Duration::from_nanos(nanos as u64).max(GRANULARITY)
        })
    }

    /// The smoothed RTT.
    pub(super) fn smoothed(&self) -> Option<Duration> {
        self.measured.map(|measured| measured.smoothed)
    }

    /// The smallest RTT sample.
    pub(super) fn min(&self) -> Duration {
        self.measured.map_or(Duration::ZERO, |measured| measured.min)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn adaptive() -> Rtt {
        Rtt::new(Timer::Adaptive { min: MS, max: Duration::from_secs(60) })
    }

    #[test]
    fn the_first_sample_sets_average_and_variation() {
        let mut rtt = adaptive();
        assert_eq!(rtt.timeout(), INITIAL_TIMEOUT);
        rtt.sample(100 * MS);
        assert_eq!(rtt.timeout(), 300 * MS, "R + 4 R/2");
    }

    #[test]
    fn a_steady_rtt_leaves_the_granularity_as_margin() {
        let mut rtt = adaptive();
        (0..200).for_each(|_| rtt.sample(100 * MS));
        let timeout = rtt.timeout();
        assert!(timeout.abs_diff(101 * MS) < MS / 100, "{timeout:?}");
    }

    #[test]
    fn later_samples_follow_the_two_filters() {
        let mut rtt = adaptive();
        rtt.sample(100 * MS);
        rtt.sample(200 * MS);
        // RTTVAR = 3/4 50 + 1/4 100 = 62.5, SRTT = 7/8 100 + 1/8 200 = 112.5.
        assert_eq!(rtt.timeout(), MS * 725 / 2);
    }

    #[test]
    fn every_expiry_doubles_the_timeout_until_a_sample_ends_it() {
        let mut rtt = adaptive();
        rtt.sample(100 * MS);
        rtt.back_off();
        rtt.back_off();
        assert_eq!(rtt.timeout(), 1200 * MS);
        (0..40).for_each(|_| rtt.back_off());
        assert_eq!(rtt.timeout(), Duration::from_secs(60), "never later than the maximum");
        rtt.sample(100 * MS);
        assert!(rtt.timeout() < 300 * MS);
    }

    #[test]
    fn a_fixed_timer_never_changes() {
        let mut rtt = Rtt::new(Timer::Fixed(50 * MS));
        rtt.sample(100 * MS);
        rtt.back_off();
        assert_eq!(rtt.timeout(), 50 * MS);
    }
}
