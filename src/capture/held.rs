//! Packets that wait in memory until it is known what the link does to them.

use std::collections::VecDeque;

/// A packet that waits to be written.
pub(super) struct Held {
    /// The beginning of its block in the file, up to the options.
    pub(super) block: Vec<u8>,
    pub(super) interface: u32,
    pub(super) is_outbound: bool,
    pub(super) is_on_link: bool,
    /// Number of copies that arrived.
    pub(super) arrived: u32,
    pub(super) notes: Notes,
}

/// What the link did to a packet.
#[derive(Default)]
pub(super) struct Notes {
    notes: [&'static str; 4],
    count: usize,
}

impl Notes {
    pub(super) fn add(&mut self, note: &'static str) {
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
pub(super) struct OnLink {
    /// The number of the first packet.
    first: u64,
    /// For each number from `first` on, its place among all packets that were ever held. `None` if it has left the link.
    pub(super) places: VecDeque<Option<u64>>,
}

impl OnLink {
    pub(super) fn insert(&mut self, number: u64, place: u64) {
        if self.places.is_empty() {
            self.first = number;
        }
        self.places.push_back(Some(place));
    }

    pub(super) fn get(&self, number: u64) -> Option<u64> {
        *self.places.get(usize::try_from(number.checked_sub(self.first)?).ok()?)?
    }

    pub(super) fn remove(&mut self, number: u64) {
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
