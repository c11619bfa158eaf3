//! RED (Floyd, Jacobson 1993): drops or marks packets when they are offered, with a probability that grows with the average
//! length of the queue.

use std::{collections::VecDeque, fmt};

use super::{Capacity, Queue, Queued, Room};
use crate::unit::{Share, Time};

/// The parameters of RED.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RedParameters {
    /// The average number of waiting packets below which none is dropped.
    pub min: u32,
    /// The average from which all are dropped.
    pub max: u32,
    /// The probability just below `max`.
    pub probability: Share,
}

impl Default for RedParameters {
    /// The thresholds that the authors suggest (Floyd 1997, "RED: Discussions of Setting Parameters").
    fn default() -> Self {
        Self { min: 5, max: 15, probability: Share::TENTH }
    }
}

/// The weight of a packet in the average length (1993, section VI).
const WEIGHT: f64 = 0.002;

/// A queue under RED.
#[derive(Debug)]
pub(super) struct Red<P> {
    parameters: RedParameters,
    average: f64,
    /// Packets since the last drop or mark; `None` while the average is below the minimum.
    since: Option<u32>,
    /// Since when the link has had nothing to send, and how long its last packet took.
    idle_since: Time,
    service: u64,
    waiting: VecDeque<Queued<P>>,
    room: Room,
}

impl<P> Red<P> {
    pub(super) fn new(parameters: RedParameters, capacity: Capacity) -> Self {
        Self {
            parameters,
            average: 0.0,
            since: None,
            idle_since: Time::ZERO,
            service: 0,
            waiting: VecDeque::new(),
            room: Room::new(capacity),
        }
    }

    /// The average as a packet is offered. While the link is idle, it falls as if empty packets had passed.
    fn update(&mut self, now: Time) {
        let idle = now.since(self.idle_since).as_nanos() as u64;
        if self.room.packets() == 0 && self.service > 0 && idle > 0 {
            self.average *= libm::pow(1.0 - WEIGHT, (idle / self.service) as f64);
        } else {
            self.average += WEIGHT * (self.room.packets() as f64 - self.average);
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

impl<P: fmt::Debug + Send> Queue<P> for Red<P> {
    fn enqueue(&mut self, mut packet: Queued<P>) -> Result<(), Queued<P>> {
        self.update(packet.offered);
        if self.hits(packet.draws.queue) {
            packet.marked = packet.can_be_marked && self.average < f64::from(self.parameters.max);
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
        let packet = self.waiting.pop_front()?;
        self.room.remove(packet.bytes);
        self.idle_since = now;
        Some(Ok(packet))
    }

    fn transmitted(&mut self, bytes: u16, departs: Time) {
        self.service = departs.since(self.idle_since).as_nanos() as u64;
        self.idle_since = departs;
        self.room.transmit(bytes, departs);
    }
}
