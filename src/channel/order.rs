//! Order: when each message of a byte stream arrived, and when order released it.
//!
//! Bytes behind a gap are held until it is filled. Then the header of each message tells where it ends, and when its
//! bytes arrived is known.

use std::collections::BTreeMap;

use crate::{
    unit::Time,
    wire::{EXTENDED_HEADER_BYTES, HEADER_BYTES, MessageId, Probe, probe::short_length},
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
    /// Bytes of a message that does not state that it is shorter.
    length: usize,
    /// The stream offset of the first message that has not been released.
    start: u64,
    message: Partial,
    /// Bytes behind a gap, by their stream offset.
    early: BTreeMap<u64, (Arrival, Vec<u8>)>,
    /// How many times bytes were inserted.
    insertions: u64,
}

/// The first message that has not been released.
#[derive(Debug)]
struct Partial {
    received: usize,
    head: [u8; EXTENDED_HEADER_BYTES],
    /// When the byte arrived that arrived last, and its stream offset.
    latest: Option<(Arrival, u64)>,
}

/// When bytes arrived. Those of the same instant are told apart by the order in which they were inserted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Arrival {
    insertion: u64,
    at: Time,
}

impl Default for Partial {
    fn default() -> Self {
        Self { received: 0, head: [0; EXTENDED_HEADER_BYTES], latest: None }
    }
}

impl Partial {
    /// How many bytes can be taken before it is known what comes next: those of the header, then those of the message.
    fn end(&self, usual: usize) -> usize {
        match self.head.first_chunk() {
            Some(header) if self.received >= HEADER_BYTES => {
                short_length(header).map_or(usual, |short| short.min(usual))
            }
            _ => HEADER_BYTES,
        }
    }

    /// Adds the next bytes, the last of which is at `last` in the stream.
    fn add(&mut self, arrival: Arrival, part: &[u8], last: u64) {
        if let Some(head) = self.head.get_mut(self.received..) {
            let known = head.len().min(part.len());
            head[..known].copy_from_slice(&part[..known]);
        }
        self.received += part.len();
        if self.latest.is_none_or(|(latest, _)| latest <= arrival) {
            self.latest = Some((arrival, last));
        }
    }
}

impl Order {
    /// For messages of `length` bytes each, at least a header. A message may state that it is shorter.
    pub fn new(length: usize) -> Self {
        Self {
            length: length.max(HEADER_BYTES),
            start: 0,
            message: Partial::default(),
            early: BTreeMap::new(),
            insertions: 0,
        }
    }

    /// Inserts new `bytes` at `offset` of the stream, and passes the messages that they
    /// release to `deliver`.
    pub fn insert(&mut self, now: Time, offset: u64, bytes: &[u8], mut deliver: impl FnMut(Release)) {
        self.insertions += 1;
        let arrival = Arrival { insertion: self.insertions, at: now };
        if offset > self.next() {
            self.early.insert(offset, (arrival, bytes.to_vec()));
            return;
        }
        // The first message released was completed just now: those behind it waited for it.
        let mut blocker = None;
        let mut release = |release: Release| {
            let blocker = *blocker.get_or_insert(Blocker { id: release.probe.id, last: release.last });
            let has_waited = release.arrived < now;
            deliver(Release { released: now, blocker: has_waited.then_some(blocker), ..release });
        };
        self.append(arrival, offset, bytes, &mut release);
        while let Some(entry) = self.early.first_entry()
            && *entry.key() <= self.start + self.message.received as u64
        {
            let (offset, (arrival, bytes)) = entry.remove_entry();
            self.append(arrival, offset, &bytes, &mut release);
        }
    }

    /// All bytes of the stream before this one were released.
    pub fn released(&self) -> u64 {
        self.start
    }

    /// The offset of the first byte that has not arrived. Only bytes behind it are held.
    pub(crate) fn next(&self) -> u64 {
        self.start + self.message.received as u64
    }

    /// Appends bytes without a gap, and passes the messages that are complete to `release`. Bytes that were there
    /// before are ignored.
    fn append(&mut self, arrival: Arrival, offset: u64, bytes: &[u8], mut release: impl FnMut(Release)) {
        let known = usize::try_from(self.next() - offset).unwrap_or(usize::MAX);
        let mut bytes = bytes.get(known..).unwrap_or_default();
        while !bytes.is_empty() {
            let room = self.message.end(self.length) - self.message.received;
            let (part, rest) = bytes.split_at(bytes.len().min(room));
            self.message.add(arrival, part, self.next() + part.len() as u64 - 1);
            bytes = rest;
            if self.message.received >= HEADER_BYTES && self.message.received == self.message.end(self.length)
            {
                self.complete(&mut release);
            }
        }
    }

    /// Takes the complete message, and passes it to `release` if it is a probe.
    fn complete(&mut self, mut release: impl FnMut(Release)) {
        self.start = self.next();
        let Partial { head, latest, .. } = std::mem::take(&mut self.message);
        if let Some((Arrival { at, .. }, last)) = latest
            && let Ok(probe) = Probe::parse(&head)
        {
            release(Release { probe, arrived: at, released: at, last, blocker: None });
        }
    }
}
