//! Bytes of messages that enter the link again because of the change.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use crate::{
    experiment::record::observe::{LoggedPacket, PacketEvent, PacketLog, Portion},
    path::{AddressChange, Side},
    unit::Mutex,
    wire::MessageId,
};

/// The most messages that are followed, in both directions together: the latest.
const RECENT: usize = 1 << 16;

/// Follows the bytes of recent messages on the link.
#[derive(Debug)]
pub(super) struct Repeats {
    change: AddressChange,
    /// The parts of each message that have entered the link, in order and without overlap.
    entered: BTreeMap<Key, Vec<(u64, u64)>>,
    order: VecDeque<Key>,
    /// Whether messages that are new from now on are ignored.
    is_closed: bool,
    bytes: u64,
}

/// A message and whether it is a reply.
type Key = (bool, MessageId);

impl Repeats {
    pub(super) fn new(change: AddressChange) -> Self {
        Self { change, entered: BTreeMap::new(), order: VecDeque::new(), is_closed: false, bytes: 0 }
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Ignores messages that are first sent from now on.
    pub(super) fn stop_following(&mut self) {
        self.is_closed = true;
    }

    fn note(&mut self, packet: &LoggedPacket) {
        let counts = self.change.has_happened(packet.entered);
        for &Portion { id, start, end } in &packet.portions {
            let key = (packet.from == Side::Server, id);
            if !self.entered.contains_key(&key) {
                if self.is_closed {
                    continue;
                }
                self.order.push_back(key);
                if self.order.len() > RECENT {
                    self.order.pop_front().iter().for_each(|oldest| drop(self.entered.remove(oldest)));
                }
            }
            let again = insert(self.entered.entry(key).or_default(), start, end);
            self.bytes += if counts { again } else { 0 };
        }
    }
}

/// Adds a range to ordered ranges. Returns how many of its bytes were there before.
fn insert(ranges: &mut Vec<(u64, u64)>, start: u64, end: u64) -> u64 {
    let overlap = |&(from, to): &(u64, u64)| to.min(end).saturating_sub(from.max(start));
    let again = ranges.iter().map(overlap).sum();
    let touches = |&(from, to): &(u64, u64)| from <= end && start <= to;
    let joined = ranges
        .iter()
        .filter(|range| touches(range))
        .fold((start, end), |(first, last), (from, to)| (first.min(*from), last.max(*to)));
    ranges.retain(|range| !touches(range));
    let place = ranges.partition_point(|(from, _)| *from < joined.0);
    ranges.insert(place, joined);
    again
}

/// A log that finds repeated bytes, and passes each event on to `next`.
pub(super) fn logged(repeats: Arc<Mutex<Repeats>>, next: Option<PacketLog>) -> PacketLog {
    let mut next = next;
    Box::new(move |event| {
        if let PacketEvent::Entered(packet) = &event {
            repeats.lock().note(packet);
        }
        if let Some(next) = &mut next {
            next(event);
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlapping_bytes_are_counted_once_each() {
        let mut ranges = Vec::new();
        assert_eq!(insert(&mut ranges, 0, 100), 0);
        assert_eq!(insert(&mut ranges, 200, 300), 0);
        assert_eq!(insert(&mut ranges, 50, 250), 100);
        assert_eq!(ranges, [(0, 300)]);
        assert_eq!(insert(&mut ranges, 0, 300), 300);
        assert_eq!(insert(&mut ranges, 300, 301), 0);
    }
}
