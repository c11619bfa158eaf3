//! PIE (RFC 8033): drops or marks packets when they are offered, with a probability that follows the queueing delay.

use std::{collections::VecDeque, fmt, time::Duration};

use super::{Capacity, Queue, Queued, Room};
use crate::unit::{Time, nanos};

/// The parameters of PIE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PieParameters {
    /// The delay to settle at: QDELAY_REF.
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

/// How long a burst may last that is not dropped from: MAX_BURST.
const MOST_BURST: Duration = Duration::from_millis(150);
/// The weights of the deviation from the target and of the change of the delay, per second (section 4.2).
const ALPHA: f64 = 0.125;
const BETA: f64 = 1.25;
/// Up to this probability packets are marked, above it dropped (section 5.1).
const MOST_MARKING: f64 = 0.1;
/// The scale of adjustments below a probability (section 4.2).
const SCALES: [(f64, f64); 6] =
    [(0.000_001, 2048.0), (0.000_01, 512.0), (0.000_1, 128.0), (0.001, 32.0), (0.01, 8.0), (0.1, 2.0)];
/// The decay of the probability while the queue is empty (section 4.2).
const DECAY: f64 = 0.98;

/// The probability of a drop.
#[derive(Debug)]
struct Control {
    parameters: PieParameters,
    probability: f64,
    delay: Duration,
    burst_allowance: Duration,
    next_update: Time,
}

impl Control {
    /// Computes the probability at every instant that was due by `now`. `delay` tells the wait of the packet at the head
    /// of the queue at an instant; the queue has not changed since the last call.
    fn update(&mut self, now: Time, delay: impl Fn(Time) -> Duration) {
        if self.is_at_rest() && delay(now).is_zero() {
            // Nothing changes until there is a queue: the updates of an idle link are skipped.
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
    fn hits(&self, draw: f64, waiting_bytes: u64, mean_packet: u64) -> bool {
        let is_under_control = self.delay < self.parameters.target / 2 && self.probability < 0.2;
        let is_short = waiting_bytes <= 2 * mean_packet;
        self.burst_allowance.is_zero() && !is_under_control && !is_short && draw < self.probability
    }
}

/// A queue under PIE, without the optional derandomisation (section 5.4).
#[derive(Debug)]
pub(super) struct Pie<P> {
    control: Control,
    waiting: VecDeque<Queued<P>>,
    room: Room,
    /// MEAN_PKTSIZE: the MTU.
    mean_packet: u64,
}

impl<P> Pie<P> {
    pub(super) fn new(parameters: PieParameters, capacity: Capacity, mtu: u16) -> Self {
        let control = Control {
            parameters,
            probability: 0.0,
            delay: Duration::ZERO,
            burst_allowance: MOST_BURST,
            next_update: Time::ZERO + parameters.update,
        };
        Self { control, waiting: VecDeque::new(), room: Room::new(capacity), mean_packet: mtu.into() }
    }

    fn update(&mut self, now: Time) {
        let head = self.waiting.front().map(|head| head.offered);
        self.control.update(now, |at| head.map_or(Duration::ZERO, |offered| at.since(offered)));
    }
}

impl<P: fmt::Debug + Send> Queue<P> for Pie<P> {
    fn enqueue(&mut self, mut packet: Queued<P>) -> Result<(), Queued<P>> {
        self.update(packet.offered);
        if self.control.hits(packet.draws.queue, self.room.bytes(), self.mean_packet) {
            packet.marked = packet.can_be_marked && self.control.probability <= MOST_MARKING;
            if !packet.marked {
                return Err(packet);
            }
        }
        if !self.room.fits(packet.offered, packet.bytes) {
            return Err(packet);
        }
        self.room.add(packet.bytes);
        self.waiting.push_back(packet);
        Ok(())
    }

    fn dequeue(&mut self, now: Time) -> Option<Result<Queued<P>, Queued<P>>> {
        self.update(now);
        let packet = self.waiting.pop_front()?;
        self.room.remove(packet.bytes);
        Some(Ok(packet))
    }

    fn transmitted(&mut self, bytes: u16, departs: Time) {
        self.room.transmit(bytes, departs);
    }
}
