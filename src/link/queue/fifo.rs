//! A FIFO queue with active queue management (RFC 7567): packets are dropped or marked before the queue is full.

use std::{collections::VecDeque, fmt};

use super::{Capacity, Queue, Queued, Refused, Room};
use crate::{link::DropReason, unit::Time};

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
    fn enqueue(&mut self, packet: Queued<P>) -> Result<(), Refused<P>> {
        let decision = self.control.on_enqueue(&packet, self.waiting.front(), &self.room);
        let early = |packet| Refused { packet, reason: DropReason::Aqm };
        let packet = decision.apply(packet).map_err(early)?;
        if !self.room.fits(packet.offered, packet.bytes) {
            // It is dropped after all, so it does not count as marked.
            return Err(Refused::full(Queued { marked: false, ..packet }));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::{Dropped, Event, Link, LinkSpec, PacketTraits, QueueVisit, effects::Draws};
    use crate::unit::Direction;

    /// Marks or drops every packet.
    #[derive(Debug)]
    struct Always;

    impl Control for Always {
        fn on_enqueue<P>(&mut self, packet: &Queued<P>, _: Option<&Queued<P>>, _: &Room) -> Decision {
            Decision::mark_or_drop(packet.can_be_marked)
        }

        fn on_dequeue<P>(&mut self, _: Time, _: Option<&Queued<P>>, _: &Room) -> Decision {
            Decision::Pass
        }
    }

    #[test]
    fn a_packet_that_finds_no_room_is_not_marked_and_a_drop_says_who_dropped_it() {
        let packet = |can_be_marked| Queued {
            packet: (),
            bytes: 1000,
            offered: Time::ZERO,
            draws: Draws::default(),
            flow: 0,
            is_ect: can_be_marked,
            can_be_marked,
            marked: false,
        };
        let mut fifo = Fifo::new(Always, Capacity::Packets(1));
        assert!(fifo.enqueue(packet(true)).is_ok());
        let refused = fifo.enqueue(packet(true)).unwrap_err();
        assert_eq!((refused.packet.marked, refused.reason), (false, DropReason::QueueFull));
        let refused = fifo.enqueue(packet(false)).unwrap_err();
        assert_eq!((refused.packet.marked, refused.reason), (false, DropReason::Aqm));
        assert!(fifo.dequeue(Time::ZERO).unwrap().unwrap().marked);
    }

    #[test]
    fn the_link_counts_drops_of_the_management_apart_from_those_of_a_full_queue() {
        for (ecn, early) in [(true, false), (false, true)] {
            // All at once: packets that can be marked are dropped by the full queue only.
            let spec: LinkSpec =
                format!("rate=8mbit,queue=60p,aqm=red:1p:200p:100%,ecn={ecn}").parse().unwrap();
            let mut link = Link::new(spec, 1, Direction::ToServer);
            let traits = PacketTraits { is_ect: true, ..PacketTraits::default() };
            for number in 0..200u64 {
                link.enqueue_known(Time::ZERO, 1000, number, |_| traits);
            }
            let events: Vec<_> = std::iter::from_fn(|| link.poll(Time::MAX)).collect();
            let drops = |why| {
                let is_it = |event: &&Event<u64>| {
                    matches!(event, Event::Dropped(Dropped { reason, queue, .. })
                        if *reason == why && *queue == QueueVisit::default())
                };
                events.iter().filter(is_it).count() as u64
            };
            let counters = link.counters();
            let (full, aqm) = (drops(DropReason::QueueFull), drops(DropReason::Aqm));
            assert_eq!((counters.queue_dropped, counters.aqm_dropped), (full + aqm, aqm));
            assert_eq!(aqm > 0, early, "{counters:?}");
            assert!(full > 0, "{counters:?}");
        }
    }
}
