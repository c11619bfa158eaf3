//! A FIFO queue with active queue management (RFC 7567): packets are dropped or marked before the queue is full.

use std::{collections::VecDeque, fmt};

use super::{Capacity, Queue, Queued, Room};
use crate::unit::Time;

/// An algorithm that decides which packets of a FIFO queue to drop or mark.
pub(super) trait Control: fmt::Debug + Send {
    /// Decides on a packet that is offered to the queue. `head` is the packet at the head of the queue.
    fn on_enqueue<P>(&mut self, _packet: &Queued<P>, _head: Option<&Queued<P>>, _room: &Room) -> Decision {
        Decision::Pass
    }

    /// Decides on the packet at the head of the queue, which is still counted in `room`, when the transmitter is free
    /// at `now`. If `head` is `None`, the queue is empty and the decision has no effect.
    fn on_dequeue<P>(&mut self, now: Time, head: Option<&Queued<P>>, room: &Room) -> Decision;

    /// The transmission of the latest packet ends at `departs`.
    fn on_transmitted(&mut self, _departs: Time) {}
}

/// What to do with a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decision {
    Pass,
    Mark,
    Drop,
}

impl Decision {
    /// Drops a packet, or marks it instead.
    pub(super) fn mark_or_drop(can_mark: bool) -> Self {
        if can_mark { Self::Mark } else { Self::Drop }
    }

    /// Marks `packet`, or returns it as an error if it is dropped.
    pub(super) fn apply<P>(self, mut packet: Queued<P>) -> Result<Queued<P>, Queued<P>> {
        packet.marked |= self == Self::Mark;
        if self == Self::Drop { Err(packet) } else { Ok(packet) }
    }
}

/// A FIFO queue under `control`.
#[derive(Debug)]
pub(super) struct Fifo<P, C> {
    control: C,
    waiting: VecDeque<Queued<P>>,
    room: Room,
}

impl<P, C> Fifo<P, C> {
    pub(super) fn new(control: C, capacity: Capacity) -> Self {
        Self { control, waiting: VecDeque::new(), room: Room::new(capacity) }
    }
}

impl<P: fmt::Debug + Send, C: Control> Queue<P> for Fifo<P, C> {
    fn enqueue(&mut self, packet: Queued<P>) -> Result<(), Queued<P>> {
        let decision = self.control.on_enqueue(&packet, self.waiting.front(), &self.room);
        let packet = decision.apply(packet)?;
        if !self.room.fits(packet.offered, packet.bytes) {
            return Err(packet);
        }
        self.room.add(packet.bytes);
        self.waiting.push_back(packet);
        Ok(())
    }

    fn dequeue(&mut self, now: Time) -> Option<Result<Queued<P>, Queued<P>>> {
        let decision = self.control.on_dequeue(now, self.waiting.front(), &self.room);
        let packet = self.waiting.pop_front()?;
        self.room.remove(packet.bytes);
        Some(decision.apply(packet))
    }

    fn transmitted(&mut self, bytes: u16, departs: Time) {
        self.control.on_transmitted(departs);
        self.room.transmit(bytes, departs);
    }
}
