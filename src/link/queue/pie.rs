//! PIE (RFC 8033): drops or marks packets when they are offered, with a probability that follows the queueing delay.

use std::time::Duration;

use super::{
    Queued, Room,
    fifo::{Control, Decision},
};
use crate::unit::{Time, nanos};

/// The parameters of PIE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PieParameters {
    /// The queueing delay that PIE aims at: QDELAY_REF.
    pub target: Duration,
    /// How often the probability is computed: T_UPDATE.
    pub update: Duration,
}

impl Default for PieParameters {
    /// RFC 8033 section 4.2.
    fn default() -> Self {
        Self { target: Duration::from_millis(15), update: Duration::from_millis(15) }
    }
}

/// PIE drops nothing from a burst for this long: MAX_BURST.
const MOST_BURST: Duration = Duration::from_millis(150);
/// The weights of the deviation from the target and of the change of the delay, per second (section 4.2).
const ALPHA: f64 = 0.125;
const BETA: f64 = 1.25;
/// Up to this probability PIE marks packets; above it, it drops them (section 5.1).
const MOST_MARKING: f64 = 0.1;
/// Probabilities, and the divisor of adjustments below each (section 4.2).
pub(super) const SCALES: [(f64, f64); 6] =
    [(0.000_001, 2048.0), (0.000_01, 512.0), (0.000_1, 128.0), (0.001, 32.0), (0.01, 8.0), (0.1, 2.0)];
/// The decay of the probability while the queue is empty (section 4.2).
const DECAY: f64 = 0.98;

/// PIE without the optional derandomisation (section 5.4).
#[derive(Debug)]
pub(super) struct Pie {
    parameters: PieParameters,
    /// The chance that a packet is dropped.
    pub(super) probability: f64,
    delay: Duration,
    burst_allowance: Duration,
    next_update: Time,
    /// MEAN_PKTSIZE: the MTU.
    mean_packet: u64,
}

impl Pie {
    pub(super) fn new(parameters: PieParameters, mtu: u16) -> Self {
        Self {
            parameters,
            probability: 0.0,
            delay: Duration::ZERO,
            burst_allowance: MOST_BURST,
            next_update: Time::ZERO + parameters.update,
            mean_packet: mtu.into(),
        }
    }

    /// Computes the probability at every instant that was due by `now`. The queue, with this packet at its head, has
    /// not changed since the last call.
    fn update<P>(&mut self, now: Time, head: Option<&Queued<P>>) {
        let delay = |at: Time| head.map_or(Duration::ZERO, |head| at.since(head.offered));
        if self.is_at_rest() && delay(now).is_zero() {
            // Skips the updates of an idle link, because they change nothing.
            let missed = now.since(self.next_update).as_nanos() / self.parameters.update.as_nanos().max(1);
            self.next_update +=
                self.parameters.update.saturating_mul(u32::try_from(missed).unwrap_or(u32::MAX));
        }
        while self.next_update <= now {
            self.adjust(delay(self.next_update));
            self.next_update += self.parameters.update;
        }
    }

    /// Whether an update with an empty queue would change nothing.
    fn is_at_rest(&self) -> bool {
        self.probability <= 0.0 && self.delay.is_zero() && self.burst_allowance == MOST_BURST
    }

    /// RFC 8033 section 4.2.
    fn adjust(&mut self, delay: Duration) {
        let seconds = |duration: Duration| nanos(duration) as f64 / 1e9;
        let PieParameters { target, update } = self.parameters;
        let raw = ALPHA * (seconds(delay) - seconds(target)) + BETA * (seconds(delay) - seconds(self.delay));
        let scale =
            SCALES.iter().find(|(below, _)| self.probability < *below).map_or(1.0, |(_, scale)| *scale);
        self.probability += raw / scale;
        if delay.is_zero() && self.delay.is_zero() {
            self.probability *= DECAY;
        }
        self.probability = self.probability.clamp(0.0, 1.0);
        self.burst_allowance = self.burst_allowance.saturating_sub(update);
        // Section 4.4: a new burst is allowed once the queue is under control.
        if self.probability <= 0.0 && delay < target / 2 && self.delay < target / 2 {
            self.burst_allowance = MOST_BURST;
        }
        self.delay = delay;
    }

    /// Whether to drop or mark a packet with this draw from [0, 1) (section 4.1).
    fn hits(&self, draw: f64, waiting_bytes: u64) -> bool {
        let is_under_control = self.delay < self.parameters.target / 2 && self.probability < 0.2;
        let is_short = waiting_bytes <= 2 * self.mean_packet;
        self.burst_allowance.is_zero() && !is_under_control && !is_short && draw < self.probability
    }
}

impl Control for Pie {
    fn on_enqueue<P>(&mut self, packet: &Queued<P>, head: Option<&Queued<P>>, room: &Room) -> Decision {
        self.update(packet.offered, head);
        if self.hits(packet.draws.queue, room.bytes()) {
            Decision::mark_or_drop(packet.can_be_marked && self.probability <= MOST_MARKING)
        } else {
            Decision::Pass
        }
    }

    fn on_dequeue<P>(&mut self, now: Time, head: Option<&Queued<P>>, _room: &Room) -> Decision {
        self.update(now, head);
        Decision::Pass
    }
}
