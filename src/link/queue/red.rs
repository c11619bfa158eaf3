//! RED (Floyd, Jacobson 1993): drops or marks packets when they are offered, with a probability that grows with the
//! average length of the queue.

use super::{
    Queued, Room,
    fifo::{Control, Decision},
};
use crate::unit::{Share, Time};

/// The parameters of RED.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RedParameters {
    /// The minimum threshold: below this average number of waiting packets, RED drops none.
    pub min: u32,
    /// The maximum threshold: from this average on, RED drops all.
    pub max: u32,
    /// The probability of a drop just below `max`.
    pub probability: Share,
}

impl Default for RedParameters {
    /// The thresholds that the authors suggest (Floyd 1997, "RED: Discussions of Setting Parameters").
    fn default() -> Self {
        Self { min: 5, max: 15, probability: Share::TENTH }
    }
}

/// The weight of the current length in the average (1993, section VI).
pub(super) const WEIGHT: f64 = 0.002;

/// RED, for one queue.
#[derive(Debug)]
pub(super) struct Red {
    parameters: RedParameters,
    pub(super) average: f64,
    /// Packets since the last drop or mark; `None` while the average is below the minimum.
    pub(super) since: Option<u32>,
    /// When the last packet was sent, or when its transmission began.
    idle_since: Time,
    /// Nanoseconds that the transmission of the last packet took.
    service: u64,
}

impl Red {
    pub(super) fn new(parameters: RedParameters) -> Self {
        Self { parameters, average: 0.0, since: None, idle_since: Time::ZERO, service: 0 }
    }

    /// Updates the average when a packet is offered. While the link is idle, it falls as if empty packets had passed.
    fn update(&mut self, now: Time, waiting: u64) {
        let idle = now.since(self.idle_since).as_nanos() as u64;
        if waiting == 0 && self.service > 0 && idle > 0 {
            self.average *= libm::pow(1.0 - WEIGHT, (idle / self.service) as f64);
        } else {
            self.average += WEIGHT * (waiting as f64 - self.average);
        }
    }

    fn hits(&mut self, draw: f64) -> bool {
        let (min, max) = (f64::from(self.parameters.min), f64::from(self.parameters.max));
        if self.average < min {
            self.since = None;
            return false;
        }
        let since = self.since.map_or(0, |since| since.saturating_add(1));
        self.since = Some(since);
        let base = self.parameters.probability.ratio() * (self.average - min) / (max - min);
        // Spreads drops evenly: the gap between two is uniform (section VII).
        let probability = base / (1.0 - f64::from(since) * base).max(base);
        let is_hit = self.average >= max || draw < probability;
        if is_hit {
            self.since = Some(0);
        }
        is_hit
    }
}

impl Control for Red {
    fn on_enqueue<P>(&mut self, packet: &Queued<P>, _head: Option<&Queued<P>>, room: &Room) -> Decision {
        self.update(packet.offered, room.packets());
        if self.hits(packet.draws.queue) {
            let can_mark = packet.can_be_marked && self.average < f64::from(self.parameters.max);
            Decision::mark_or_drop(can_mark)
        } else {
            Decision::Pass
        }
    }

    fn on_dequeue<P>(&mut self, now: Time, head: Option<&Queued<P>>, _room: &Room) -> Decision {
        if head.is_some() {
            self.idle_since = now;
        }
        Decision::Pass
    }

    fn on_transmitted(&mut self, departs: Time) {
        self.service = departs.since(self.idle_since).as_nanos() as u64;
        self.idle_since = departs;
    }
}
