//! The drop-tail queue: a packet that finds no room is dropped, all others leave in the order of their offers.

use std::{collections::VecDeque, fmt};

use super::{Capacity, Queue, Queued, Refused};
use crate::unit::Time;

/// A drop-tail queue.
///
/// A packet counts against the limit, with all its bytes, until its last bit is sent. Packets in
/// propagation do not count. A packet that departs at the instant of an arrival makes room for it.
#[derive(Debug)]
pub(super) struct DropTail<P> {
    capacity: Capacity,
    /// Packets for which no departure is known yet.
    waiting: VecDeque<Queued<P>>,
    /// Departure and size of each packet that counts; empty without a limit.
    counted: VecDeque<(Time, u16)>,
    counted_bytes: u64,
}

impl<P> DropTail<P> {
    pub(super) fn new(capacity: Capacity) -> Self {
        Self { capacity, waiting: VecDeque::new(), counted: VecDeque::new(), counted_bytes: 0 }
    }
}

impl<P: fmt::Debug + Send> Queue<P> for DropTail<P> {
    fn enqueue(&mut self, packet: Queued<P>) -> Result<(), Refused<P>> {
        while let Some(&(departs, bytes)) = self.counted.front()
            && departs <= packet.offered
        {
            self.counted.pop_front();
            self.counted_bytes -= u64::from(bytes);
        }
        if !self.capacity.fits(self.counted.len() as u64 + 1, self.counted_bytes + u64::from(packet.bytes)) {
            return Err(Refused::full(packet));
        }
        self.waiting.push_back(packet);
        Ok(())
    }

    fn dequeue(&mut self, _now: Time) -> Option<Result<Queued<P>, Queued<P>>> {
        self.waiting.pop_front().map(Ok)
    }

    fn transmitted(&mut self, bytes: u16, departs: Time) {
        if self.capacity != Capacity::Unlimited {
            self.counted.push_back((departs, bytes));
            self.counted_bytes += u64::from(bytes);
        }
    }

    fn decides_at_offer(&self) -> bool {
        true
    }
}
