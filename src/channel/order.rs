//! Order: when each message of a byte stream arrived, and when order released it.
//!
//! A stream of an experiment is a sequence of messages of one known length, so bytes that arrive out of
//! order can be assigned to messages before the bytes ahead of them arrive. A length prefix would not allow that.

use std::collections::VecDeque;

use crate::{
    unit::Time,
    wire::{EXTENDED_HEADER_BYTES, HEADER_BYTES, MessageId, Probe},
};

/// A released message, and the bytes that decided when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Release {
    /// The message.
    pub probe: Probe,
    /// When its last byte arrived.
    pub arrived: Time,
    /// When order released it.
    pub released: Time,
    /// Stream offset of the byte that arrived last: of those that arrived together, the highest.
    pub last: u64,
    /// What it waited for: of the earlier bytes, the one that arrived last.
    pub blocker: Option<Blocker>,
}

/// The byte that a message waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Blocker {
    /// Its message.
    pub id: MessageId,
    /// Its stream offset.
    pub last: u64,
}

/// Puts one direction of a stream in order.
#[derive(Debug)]
pub struct Order {
    length: usize,
    /// The number of the first message that has not been released.
    first: u64,
    waiting: VecDeque<Partial>,
}

#[derive(Debug)]
struct Partial {
    received: usize,
    head: [u8; EXTENDED_HEADER_BYTES],
    /// When the last byte arrived, and its stream offset.
    complete: Option<(Time, u64)>,
}

impl Default for Partial {
    fn default() -> Self {
        Self { received: 0, head: [0; EXTENDED_HEADER_BYTES], complete: None }
    }
}

impl Order {
    /// For messages of `length` bytes each, at least a header.
    pub fn new(length: usize) -> Self {
        Self { length: length.max(HEADER_BYTES), first: 0, waiting: VecDeque::new() }
    }

    /// Inserts new `bytes` at `offset` of the stream, and passes the messages that they
    /// release to `deliver`.
    pub fn insert(&mut self, now: Time, offset: u64, bytes: &[u8], deliver: impl FnMut(Release)) {
        let (mut offset, mut bytes) = (offset, bytes);
        while !bytes.is_empty() {
            let (number, at) = (offset / self.length as u64, (offset % self.length as u64) as usize);
            let (part, rest) = bytes.split_at(bytes.len().min(self.length - at));
            self.insert_part(now, number, at, part);
            offset += part.len() as u64;
            bytes = rest;
        }
        self.release(now, deliver);
    }

    /// All bytes of the stream before this one were released.
    pub fn released(&self) -> u64 {
        self.first * self.length as u64
    }

    /// Inserts bytes of one message. Those of a released message are ignored.
    fn insert_part(&mut self, now: Time, number: u64, at: usize, part: &[u8]) {
        let Some(index) = number.checked_sub(self.first) else {
            return;
        };
        let index = index as usize;
        if index >= self.waiting.len() {
            self.waiting.resize_with(index + 1, Partial::default);
        }
        let message = &mut self.waiting[index];
        message.received += part.len();
        if let Some(head) = message.head.get_mut(at..) {
            let known = head.len().min(part.len());
            head[..known].copy_from_slice(&part[..known]);
        }
        if message.received == self.length {
            let start = number * self.length as u64;
            message.complete = Some((now, start + (at + part.len()) as u64 - 1));
        }
    }

    /// Releases the complete messages at the front. The first of them was completed just now:
    /// those behind it waited for it.
    fn release(&mut self, now: Time, mut deliver: impl FnMut(Release)) {
        let mut blocker = None;
        while let Some((arrived, last)) = self.waiting.front().and_then(|message| message.complete) {
            let Some(message) = self.waiting.pop_front() else {
                break;
            };
            self.first += 1;
            let Ok(probe) = Probe::parse(&message.head) else {
                continue;
            };
            let blocker = *blocker.get_or_insert(Blocker { id: probe.id, last });
            deliver(Release {
                probe,
                arrived,
                released: now,
                last,
                blocker: (arrived < now).then_some(blocker),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LENGTH: usize = 40;

    fn stream(messages: u64) -> Vec<u8> {
        let mut bytes = Vec::new();
        for seq in 0..messages {
            let mut message = [0; LENGTH];
            probe(seq).fill(&mut message);
            bytes.extend_from_slice(&message);
        }
        bytes
    }

    fn probe(seq: u64) -> Probe {
        Probe::new(MessageId { flow: 0, seq }, Time::from_nanos(seq))
    }

    fn insert(order: &mut Order, now: u64, offset: usize, bytes: &[u8]) -> Vec<Release> {
        let mut deliveries = Vec::new();
        order.insert(Time::from_nanos(now), offset as u64, bytes, |d| deliveries.push(d));
        deliveries
    }

    #[test]
    fn a_message_in_order_is_released_as_it_arrives() {
        let bytes = stream(1);
        let mut order = Order::new(LENGTH);
        assert_eq!(insert(&mut order, 1, 0, &bytes[..30]), []);
        let released = insert(&mut order, 2, 30, &bytes[30..]);
        let now = Time::from_nanos(2);
        assert_eq!(
            released,
            [Release {
                probe: probe(0),
                arrived: now,
                released: now,
                last: LENGTH as u64 - 1,
                blocker: None
            }]
        );
    }

    #[test]
    fn messages_behind_a_gap_wait_for_the_one_that_fills_it() {
        let bytes = stream(3);
        let mut order = Order::new(LENGTH);
        assert_eq!(insert(&mut order, 1, LENGTH, &bytes[LENGTH..2 * LENGTH]), []);
        assert_eq!(insert(&mut order, 2, 2 * LENGTH, &bytes[2 * LENGTH..]), []);
        let released = insert(&mut order, 9, 0, &bytes[..LENGTH]);
        let waits: Vec<_> = released
            .iter()
            .map(|d| (d.probe.id.seq, d.arrived.as_nanos(), d.blocker.map(|b| b.id.seq)))
            .collect();
        assert_eq!(waits, [(0, 9, None), (1, 1, Some(0)), (2, 2, Some(0))]);
    }

    #[test]
    fn of_two_gaps_the_one_filled_last_is_what_was_waited_for() {
        let bytes = stream(3);
        let mut order = Order::new(LENGTH);
        assert_eq!(insert(&mut order, 1, 2 * LENGTH, &bytes[2 * LENGTH..]), []);
        assert_eq!(insert(&mut order, 2, LENGTH, &bytes[LENGTH..2 * LENGTH]), []);
        let released = insert(&mut order, 3, 0, &bytes[..LENGTH]);
        assert_eq!(released[2].blocker.map(|b| b.id), Some(MessageId { flow: 0, seq: 0 }));
    }

    #[test]
    fn the_byte_that_decides_is_the_one_that_came_last_wherever_it_stands() {
        let bytes = stream(2);
        let mut order = Order::new(LENGTH);
        assert_eq!(insert(&mut order, 1, 10, &bytes[10..2 * LENGTH]), []);
        assert_eq!(order.released(), 0);
        let released = insert(&mut order, 2, 0, &bytes[..10]);
        assert_eq!((released[0].last, released[1].last), (9, 2 * LENGTH as u64 - 1));
        assert_eq!(released[1].blocker.map(|blocker| blocker.last), Some(9));
        assert_eq!(order.released(), 2 * LENGTH as u64);
    }

    proptest! {
        #[test]
        fn every_message_is_released_once_and_in_order_whatever_the_cuts(
            cuts in prop::collection::btree_set(1usize..LENGTH * 10, 0..30),
            shuffle in prop::collection::vec(any::<prop::sample::Index>(), 40),
        ) {
            let bytes = stream(10);
            let mut edges: Vec<usize> = cuts.into_iter().collect();
            edges.insert(0, 0);
            edges.push(bytes.len());
            let mut parts: Vec<_> = edges.windows(2).map(|w| w[0]..w[1]).collect();
            let mut order = Order::new(LENGTH);
            let (mut released, mut now) = (Vec::new(), 0);
            for pick in shuffle.iter().chain(shuffle.iter()) {
                if parts.is_empty() { break }
                let part = parts.swap_remove(pick.index(parts.len()));
                now += 1;
                released.extend(insert(&mut order, now, part.start, &bytes[part]));
            }
            prop_assert!(parts.is_empty());
            let ids: Vec<_> = released.iter().map(|d| d.probe.id.seq).collect();
            prop_assert_eq!(ids, (0..10).collect::<Vec<_>>());
            for delivery in &released {
                let waited = delivery.arrived < delivery.released;
                prop_assert_eq!(waited, delivery.blocker.is_some());
            }
        }
    }
}
