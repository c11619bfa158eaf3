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
