//! How full a queue is.

use super::Capacity;
use crate::unit::Time;

/// The packets and bytes that count against a capacity: those that wait, and the one in transmission until its last bit
/// is sent.
#[derive(Debug)]
pub(super) struct Room {
    capacity: Capacity,
    packets: u64,
    bytes: u64,
    /// When the packet in transmission departs, and its size.
    sending: Option<(Time, u16)>,
}

impl Room {
    pub(super) fn new(capacity: Capacity) -> Self {
        Self { capacity, packets: 0, bytes: 0, sending: None }
    }

    /// Whether another packet of `bytes` fits at `now`.
    pub(super) fn fits(&self, now: Time, bytes: u16) -> bool {
        self.has_room_for(now, 1, bytes.into())
    }

    /// Whether the capacity is not exceeded at `now`.
    pub(super) fn holds(&self, now: Time) -> bool {
        self.has_room_for(now, 0, 0)
    }

    fn has_room_for(&self, now: Time, packets: u64, bytes: u64) -> bool {
        let sending = self.sending.filter(|(departs, _)| *departs > now);
        let (sending, sent) = sending.map_or((0, 0), |(_, bytes)| (1, u64::from(bytes)));
        self.capacity.fits(self.packets + sending + packets, self.bytes + sent + bytes)
    }

    /// A packet waits.
    pub(super) fn add(&mut self, bytes: u16) {
        self.packets += 1;
        self.bytes += u64::from(bytes);
    }

    /// A packet no longer waits.
    pub(super) fn remove(&mut self, bytes: u16) {
        self.packets -= 1;
        self.bytes -= u64::from(bytes);
    }

    /// A packet is in transmission until `departs`.
    pub(super) fn transmit(&mut self, bytes: u16, departs: Time) {
        self.sending = Some((departs, bytes));
    }

    /// Packets that wait.
    pub(super) fn packets(&self) -> u64 {
        self.packets
    }

    /// Bytes that wait.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }
}
