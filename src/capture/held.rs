//! Packets that wait in memory until it is known what the link does to them.

use std::collections::VecDeque;

use crate::{
    link::DropReason,
    path::{Exit, PacketView},
    unit::PerDirection,
};

/// The comment on a packet whose bytes the link changed.
const CHANGED: &str = "changed by the link";
/// The comment on a packet that the queue of the link marked.
const MARKED: &str = "marked CE by the queue of the link";

/// Packets to be written in order of time. A packet waits until it and all packets before it have left the link.
pub(super) struct PendingPackets {
    has_link: bool,
    held: VecDeque<Held>,
    /// Number of packets taken from `held` so far.
    taken: u64,
    on_link: PerDirection<OnLink>,
    /// Blocks of earlier packets, to be reused.
    blocks: Vec<Vec<u8>>,
}

/// A packet that waits to be written.
pub(super) struct Held {
    /// The beginning of its block in the file, up to the options.
    pub(super) block: Vec<u8>,
    pub(super) interface: u32,
    pub(super) is_outbound: bool,
    is_on_link: bool,
    /// Number of copies that arrived.
    arrived: u32,
    pub(super) notes: Notes,
}

impl PendingPackets {
    /// If the path `has_link`, each sent packet waits until it has left the link.
    pub(super) fn new(has_link: bool) -> Self {
        let (held, blocks) = (VecDeque::new(), Vec::new());
        Self { has_link, held, taken: 0, on_link: PerDirection::default(), blocks }
    }

    /// An empty block, with reused memory.
    pub(super) fn block(&mut self) -> Vec<u8> {
        self.blocks.pop().unwrap_or_default()
    }

    /// Adds a packet that was sent.
    pub(super) fn sent(&mut self, packet: &PacketView<'_>, interface: u32, block: Vec<u8>) {
        let is_on_link = self.has_link;
        if is_on_link {
            let place = self.taken + self.held.len() as u64;
            self.on_link[packet.direction].insert(packet.number, place);
        }
        let notes = Notes::default();
        self.held.push_back(Held { block, interface, is_outbound: true, is_on_link, arrived: 0, notes });
    }

    /// Adds a packet that arrived, changed by the link unless it is `intact`.
    pub(super) fn received(&mut self, packet: &PacketView<'_>, intact: bool, interface: u32, block: Vec<u8>) {
        let notes = Notes::of_copy(intact, packet.queue.marked);
        let (is_outbound, is_on_link) = (false, false);
        self.held.push_back(Held { block, interface, is_outbound, is_on_link, arrived: 0, notes });
    }

    /// Notes in the sender's copy of a packet what the link did to it.
    pub(super) fn left(&mut self, packet: &PacketView<'_>, exit: Exit) {
        let PacketView { direction, number, queue, .. } = *packet;
        let Some(place) = self.on_link[direction].get(number) else { return };
        let Some(held) = self.held.get_mut((place - self.taken) as usize) else { return };
        if queue.marked {
            held.notes.add(MARKED);
        }
        match exit {
            Exit::Arrived { intact, more } => {
                held.arrived += 1;
                held.is_on_link = more;
                if !intact {
                    held.notes.add(CHANGED);
                }
                if held.arrived == 2 {
                    held.notes.add("doubled by the link");
                }
            }
            Exit::Dropped(reason) => {
                held.is_on_link = false;
                held.notes.add(words(reason));
            }
        }
        if !held.is_on_link {
            self.on_link[direction].remove(number);
        }
    }

    /// The run ends: no packet waits for the link any longer.
    pub(super) fn end(&mut self) {
        for held in self.held.iter_mut().filter(|held| held.is_on_link) {
            held.is_on_link = false;
            held.notes.add(match held.arrived {
                0 => "still on the link at the end of the run",
                _ => "a copy is still on the link at the end of the run",
            });
        }
    }

    /// Takes the first packet, unless it is still on the link.
    pub(super) fn take(&mut self) -> Option<Held> {
        self.held.front().filter(|held| !held.is_on_link)?;
        let held = self.held.pop_front()?;
        self.taken += 1;
        Some(held)
    }

    /// Keeps the memory of `block` for a later packet.
    pub(super) fn reuse(&mut self, block: Vec<u8>) {
        self.blocks.push(block);
    }

    /// Discards all packets.
    pub(super) fn clear(&mut self) {
        self.held.clear();
    }

    /// The numbers of packets that wait, of packets to the server that are on the link, and of blocks to be reused.
    #[cfg(test)]
    pub(super) fn sizes(&self) -> (usize, usize, usize) {
        (self.held.len(), self.on_link.to_server.places.len(), self.blocks.len())
    }
}

/// The comment on a packet that the link dropped.
const fn words(reason: DropReason) -> &'static str {
    match reason {
        DropReason::Lost => "lost on the link",
        DropReason::Aqm => "dropped by the management of the queue of the link",
        DropReason::QueueFull => "dropped by the full queue of the link",
        DropReason::TooLarge => "dropped: above the MTU of the link",
        DropReason::NoMapping => "dropped: the client has another address",
    }
}

/// What the link did to a packet.
#[derive(Default)]
pub(super) struct Notes {
    notes: [&'static str; 4],
    count: usize,
}

impl Notes {
    /// The notes on a copy that arrived.
    fn of_copy(intact: bool, marked: bool) -> Self {
        let mut notes = Self::default();
        if !intact {
            notes.add(CHANGED);
        }
        if marked {
            notes.add(MARKED);
        }
        notes
    }

    fn add(&mut self, note: &'static str) {
        let is_known = self.as_slice().contains(&note);
        if let Some(next) = self.notes.get_mut(self.count).filter(|_| !is_known) {
            *next = note;
            self.count += 1;
        }
    }

    pub(super) fn as_slice(&self) -> &[&'static str] {
        &self.notes[..self.count]
    }
}

/// The packets on the link in one direction. Their numbers are in the order in which they entered.
#[derive(Default)]
struct OnLink {
    /// The number of the first packet.
    first: u64,
    /// For each number from `first` on, its place among all packets that were ever held. `None` if it has left the
    /// link.
    places: VecDeque<Option<u64>>,
}

impl OnLink {
    fn insert(&mut self, number: u64, place: u64) {
        if self.places.is_empty() {
            self.first = number;
        }
        self.places.push_back(Some(place));
    }

    fn get(&self, number: u64) -> Option<u64> {
        *self.places.get(usize::try_from(number.checked_sub(self.first)?).ok()?)?
    }

    fn remove(&mut self, number: u64) {
        let index = number.checked_sub(self.first).and_then(|index| usize::try_from(index).ok());
        if let Some(place) = index.and_then(|index| self.places.get_mut(index)) {
            *place = None;
        }
        while let Some(None) = self.places.front() {
            self.places.pop_front();
            self.first += 1;
        }
    }
}
