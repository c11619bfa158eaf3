//! Packet counts of a link.

use std::ops::{AddAssign, Sub};

use serde::{Deserialize, Serialize};

/// Counts of packets in one direction of a link.
///
/// They balance: `packets + duplicated + replayed + injected = delivered + lost +
/// queue_dropped + too_large +` packets and copies still on the link.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// Packets offered.
    pub packets: u64,
    /// IP bytes offered.
    pub bytes: u64,
    /// Packets lost on the wire, after they used the bottleneck; outages included.
    pub lost: u64,
    /// Packets dropped by the queue.
    pub queue_dropped: u64,
    /// Those of `queue_dropped` that the management of the queue dropped before the queue was full.
    pub aqm_dropped: u64,
    /// Packets marked with Congestion Experienced, by the queue or by a link that marks everything.
    pub marked: u64,
    /// Packets whose ECN field was cleared.
    pub bleached: u64,
    /// Packets above the MTU.
    pub too_large: u64,
    /// Copies.
    pub duplicated: u64,
    /// Packets that arrive before one offered earlier; copies do not count.
    pub reordered: u64,
    /// Packets with a flipped bit.
    pub corrupted: u64,
    /// Packets that the attacker sent again.
    pub replayed: u64,
    /// Forged packets.
    pub injected: u64,
    /// Packets, copies, replays and forgeries delivered.
    pub delivered: u64,
}

impl Counters {
    /// Packets, copies, replays and forgeries that have neither arrived nor been dropped yet.
    pub fn on_the_link(&self) -> u64 {
        let sent = self.packets + self.duplicated + self.replayed + self.injected;
        let gone = self.lost + self.queue_dropped + self.too_large + self.delivered;
        sent.saturating_sub(gone)
    }
}

impl AddAssign for Counters {
    fn add_assign(&mut self, other: Self) {
        self.packets += other.packets;
        self.bytes += other.bytes;
        self.lost += other.lost;
        self.queue_dropped += other.queue_dropped;
        self.aqm_dropped += other.aqm_dropped;
        self.marked += other.marked;
        self.bleached += other.bleached;
        self.too_large += other.too_large;
        self.duplicated += other.duplicated;
        self.reordered += other.reordered;
        self.corrupted += other.corrupted;
        self.replayed += other.replayed;
        self.injected += other.injected;
        self.delivered += other.delivered;
    }
}

impl Sub for Counters {
    type Output = Self;

    /// The counts since `earlier`, a reading of the same link.
    fn sub(self, earlier: Self) -> Self {
        Self {
            packets: self.packets - earlier.packets,
            bytes: self.bytes - earlier.bytes,
            lost: self.lost - earlier.lost,
            queue_dropped: self.queue_dropped - earlier.queue_dropped,
            aqm_dropped: self.aqm_dropped - earlier.aqm_dropped,
            marked: self.marked - earlier.marked,
            bleached: self.bleached - earlier.bleached,
            too_large: self.too_large - earlier.too_large,
            duplicated: self.duplicated - earlier.duplicated,
            reordered: self.reordered - earlier.reordered,
            corrupted: self.corrupted - earlier.corrupted,
            replayed: self.replayed - earlier.replayed,
            injected: self.injected - earlier.injected,
            delivered: self.delivered - earlier.delivered,
        }
    }
}
