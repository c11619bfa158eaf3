//! What observers were shown of a path without a link.

use crate::{
    path::{Exit, Observers, PacketView},
    unit::PerDirection,
};

/// The observers, and how many packets they were shown at each end.
#[derive(Debug)]
pub(super) struct Shown {
    observers: Observers,
    entered: PerDirection<u64>,
    left: PerDirection<u64>,
}

impl Shown {
    pub(super) fn new(observers: Observers) -> Self {
        Self { observers, entered: PerDirection::default(), left: PerDirection::default() }
    }

    /// Numbers a packet that is being sent, and shows it.
    pub(super) fn entered(&mut self, packet: &PacketView<'_>) {
        let number = next(&mut self.entered[packet.direction]);
        self.observers.entered(|| PacketView { number, ..*packet });
    }

    /// Numbers a packet that was received, and shows it.
    pub(super) fn left(&mut self, packet: &PacketView<'_>) {
        let number = next(&mut self.left[packet.direction]);
        let exit = Exit::Arrived { intact: true, more: false };
        self.observers.left(exit, || PacketView { number, ..*packet });
    }

    /// Reports packets that cannot be shown.
    pub(super) fn missed(&mut self, packets: u64) {
        self.observers.missed(packets);
    }
}

fn next(count: &mut u64) -> u64 {
    *count += 1;
    *count - 1
}
