//! The round-trip time of a connection, as its loss detection estimates it.

use std::time::Duration;

/// The granularity of timers (RFC 9002 section 6.1.2).
const GRANULARITY: Duration = Duration::from_millis(1);
/// The RTT before the first sample (RFC 9002 section 6.2.2).
const INITIAL_RTT: Duration = Duration::from_millis(333);

/// An estimate of the round-trip time (RFC 9002 section 5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RttEstimate {
    /// The latest sample.
    pub latest: Duration,
    /// The smallest sample.
    pub min: Duration,
    /// The mean variation of the samples.
    pub variance: Duration,
    smoothed: Option<Duration>,
}

impl RttEstimate {
    pub(super) const INITIAL: Self = Self {
        latest: INITIAL_RTT,
        min: INITIAL_RTT,
        variance: Duration::from_micros(166_500),
        smoothed: None,
    };

    /// The smoothed RTT.
    pub(crate) fn smoothed(&self) -> Duration {
        self.smoothed.unwrap_or(self.latest)
    }

    /// Takes a sample. The peer delayed its acknowledgement by `ack_delay`.
    pub(super) fn update(&mut self, ack_delay: Duration, rtt: Duration) {
        self.latest = rtt;
        let Some(smoothed) = self.smoothed else {
            *self = Self { latest: rtt, min: rtt, variance: rtt / 2, smoothed: Some(rtt) };
            return;
        };
        self.min = self.min.min(rtt);
        let adjusted = if self.min + ack_delay <= rtt { rtt - ack_delay } else { rtt };
        self.variance = (3 * self.variance + smoothed.abs_diff(adjusted)) / 4;
        self.smoothed = Some((7 * smoothed + adjusted) / 8);
    }

    /// The time threshold for loss of `round_trips` (RFC 9002 section 6.1.2).
    pub(super) fn loss_delay(&self, round_trips: f32) -> Duration {
        self.smoothed().max(self.latest).mul_f32(round_trips).max(GRANULARITY)
    }

    /// The probe timeout, without the peer's `max_ack_delay` (RFC 9002 section 6.2.1).
    pub(super) fn probe_timeout(&self) -> Duration {
        self.smoothed() + (4 * self.variance).max(GRANULARITY)
    }
}
