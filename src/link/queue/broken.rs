//! Managed queues with a wrong control law, for tests that the checks of queues find it.

use super::{
    Capacity, Codel, CodelParameters, FqCodel, Pie, Queue, Queued, Red, Refused, Room,
    fifo::{Control, Decision, Fifo},
    pie::SCALES,
    red::WEIGHT,
};
use crate::{
    link::{Aqm, Link, LinkSpec},
    unit::{Direction, Time},
};

/// What is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The gap between drops of CoDel is interval / n, and not interval / sqrt(n).
    CodelGap,
    /// CoDel does not count its drops: all gaps are an interval.
    CodelCount,
    /// FQ-CoDel does not serve new flows before old ones.
    FqCodelPriority,
    /// PIE does not scale adjustments by its probability.
    PieScale,
    /// RED decides on each packet independently, and does not space drops evenly.
    RedSpread,
    /// RED's average follows the queue twice as fast.
    RedWeight,
}

/// A link with this fault in its queue. A fault of another discipline has no effect.
pub(crate) fn link(spec: LinkSpec, seed: u64, fault: Fault) -> Link<usize> {
    let capacity = Capacity::from(spec.resolved_queue());
    let mtu = spec.mtu;
    let queue: Box<dyn Queue<usize>> = match (spec.aqm, fault) {
        (Aqm::Codel(parameters), Fault::CodelGap | Fault::CodelCount) => Box::new(Fifo::new(
            BrokenCodel { codel: Codel::new(parameters, mtu), parameters, fault },
            capacity,
        )),
        (Aqm::FqCodel(parameters), Fault::FqCodelPriority) => {
            Box::new(WithoutPriority(FqCodel::new(parameters, capacity, mtu)))
        }
        (Aqm::Pie(parameters), Fault::PieScale) => {
            Box::new(Fifo::new(WithoutScale(Pie::new(parameters, mtu)), capacity))
        }
        (Aqm::Red(parameters), Fault::RedSpread | Fault::RedWeight) => {
            Box::new(Fifo::new(BrokenRed { red: Red::new(parameters), fault }, capacity))
        }
        _ => super::of(&spec),
    };
    Link::with_queue(spec, seed, Direction::ToServer, queue)
}

#[derive(Debug)]
struct BrokenCodel {
    codel: Codel,
    parameters: CodelParameters,
    fault: Fault,
}

impl Control for BrokenCodel {
    fn on_dequeue<P>(&mut self, now: Time, head: Option<&Queued<P>>, room: &Room) -> Decision {
        let before = self.codel.drop_next;
        let decision = self.codel.on_dequeue(now, head, room);
        if self.codel.drop_next != before {
            let count = self.codel.count as f64;
            let divisor = if self.fault == Fault::CodelGap { count } else { 1.0 };
            let gap = |divisor: f64| (self.parameters.interval.as_nanos() as f64 / divisor) as u64;
            let right = self.codel.drop_next.as_nanos();
            self.codel.drop_next = Time::from_nanos(right - gap(libm::sqrt(count)) + gap(divisor));
        }
        decision
    }
}

#[derive(Debug)]
struct WithoutPriority(FqCodel<usize>);

impl Queue<usize> for WithoutPriority {
    fn enqueue(&mut self, packet: Queued<usize>) -> Result<(), Refused<usize>> {
        let taken = self.0.enqueue(packet);
        let new = std::mem::take(&mut self.0.new);
        self.0.old.extend(new);
        taken
    }

    fn surplus(&mut self, now: Time) -> Option<Queued<usize>> {
        self.0.surplus(now)
    }

    fn dequeue(&mut self, now: Time) -> Option<Result<Queued<usize>, Queued<usize>>> {
        self.0.dequeue(now)
    }

    fn transmitted(&mut self, bytes: u16, departs: Time) {
        self.0.transmitted(bytes, departs);
    }
}

#[derive(Debug)]
struct WithoutScale(Pie);

impl WithoutScale {
    /// Undoes the scale of an adjustment that was made since the probability was `before`.
    fn unscale(&mut self, before: f64) {
        let scale = SCALES.iter().find(|(below, _)| before < *below).map_or(1.0, |(_, scale)| *scale);
        self.0.probability = (before + (self.0.probability - before) * scale).clamp(0.0, 1.0);
    }
}

impl Control for WithoutScale {
    fn on_enqueue<P>(&mut self, packet: &Queued<P>, head: Option<&Queued<P>>, room: &Room) -> Decision {
        let before = self.0.probability;
        let decision = self.0.on_enqueue(packet, head, room);
        self.unscale(before);
        decision
    }

    fn on_dequeue<P>(&mut self, now: Time, head: Option<&Queued<P>>, room: &Room) -> Decision {
        let before = self.0.probability;
        let decision = self.0.on_dequeue(now, head, room);
        self.unscale(before);
        decision
    }
}

#[derive(Debug)]
struct BrokenRed {
    red: Red,
    fault: Fault,
}

impl Control for BrokenRed {
    fn on_enqueue<P>(&mut self, packet: &Queued<P>, head: Option<&Queued<P>>, room: &Room) -> Decision {
        match self.fault {
            Fault::RedWeight => self.red.average += WEIGHT * (room.packets() as f64 - self.red.average),
            _ => self.red.since = self.red.since.and(Some(0)),
        }
        self.red.on_enqueue(packet, head, room)
    }

    fn on_dequeue<P>(&mut self, now: Time, head: Option<&Queued<P>>, room: &Room) -> Decision {
        self.red.on_dequeue(now, head, room)
    }

    fn on_transmitted(&mut self, departs: Time) {
        self.red.on_transmitted(departs);
    }
}
