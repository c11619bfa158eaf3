//! TCP connections, as whoever forwards their segments sees them: which bytes of a stream entered the wire when, and
//! when they reached the other end.
//!
//! The two ends of a connection look into the same [`Connections`]. The sender says which bytes its next message is
//! on the wire ([`StreamTap::send`]), and the receiver, once it has read that message, asks how they came
//! ([`StreamTap::receive`]).

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use super::bytes::{Passage, Stamp, StreamBytes};
use crate::unit::{Direction, PerDirection, Time};

/// The client's port and the server's: what tells the connections of two hosts apart.
pub(crate) type Ports = (u16, u16);

/// What a TCP segment's header says (RFC 9293 section 3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) ports: Ports,
    pub(crate) sequence: u32,
    pub(crate) syn: bool,
    /// Bytes of payload.
    pub(crate) length: u32,
}

/// Payload on its way, as the receiver will know it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Carriage {
    ports: Ports,
    range: (u64, u64),
    stamp: Stamp,
}

/// All connections over one wire.
#[derive(Debug, Clone, Default)]
pub(crate) struct Connections(Arc<Mutex<BTreeMap<Ports, PerDirection<Stream>>>>);

/// One direction of a connection.
#[derive(Debug, Default)]
struct Stream {
    /// The sequence number of the stream's first byte, once its SYN was seen.
    first: Option<u32>,
    /// Behind the furthest byte that has been sent.
    sent: u64,
    segments: u64,
    bytes: StreamBytes,
    /// Where the messages stand that were sent and not received.
    messages: VecDeque<(u64, u64)>,
}

impl Stream {
    /// Where a segment's payload stands in the stream: sequence numbers come again every 4 GiB.
    fn range(&mut self, segment: Segment) -> Option<(u64, u64)> {
        if segment.syn {
            self.first = Some(segment.sequence.wrapping_add(1));
        }
        let first = self.first?;
        let from_furthest = segment.sequence.wrapping_sub(first.wrapping_add(self.sent as u32)).cast_signed();
        let start = self.sent.checked_add_signed(from_furthest.into())?;
        let end = start + u64::from(segment.length);
        self.sent = self.sent.max(end);
        (segment.length > 0).then_some((start, end))
    }
}

impl Connections {
    /// `segment` was offered to the wire at `now`. What it carries is to be handed to [`drop`](Self::drop) or
    /// [`arrive`](Self::arrive).
    pub(crate) fn enter(&self, direction: Direction, segment: Segment, now: Time) -> Option<Carriage> {
        let mut connections = self.lock();
        let stream = &mut connections.entry(segment.ports).or_default()[direction];
        let range = stream.range(segment)?;
        let stamp = Stamp { packet: stream.segments, at: now };
        stream.segments += 1;
        stream.bytes.enter(range, stamp, false);
        Some(Carriage { ports: segment.ports, range, stamp })
    }

    /// It will not reach its receiver.
    pub(crate) fn drop(&self, direction: Direction, carriage: &Carriage) {
        if let Some(streams) = self.lock().get_mut(&carriage.ports) {
            streams[direction].bytes.enter(carriage.range, carriage.stamp, true);
        }
    }

    /// It reached its receiver, intact, at `now`.
    pub(crate) fn arrive(&self, direction: Direction, carriage: &Carriage, now: Time) {
        if let Some(streams) = self.lock().get_mut(&carriage.ports) {
            streams[direction].bytes.arrive(carriage.range, carriage.stamp, now);
        }
    }

    /// The tap of the end that sends in `outgoing`; `written` is how many bytes it has given to TCP.
    pub(crate) fn tap(&self, ports: Ports, outgoing: Direction, written: Arc<AtomicU64>) -> StreamTap {
        StreamTap { connections: self.clone(), ports, outgoing, written }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Ports, PerDirection<Stream>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One end's view of its connection.
#[derive(Debug, Clone)]
pub(crate) struct StreamTap {
    connections: Connections,
    ports: Ports,
    outgoing: Direction,
    written: Arc<AtomicU64>,
}

impl StreamTap {
    /// The next message begins with the next byte that is given to TCP, and is `length` bytes long there. Returns
    /// where it ends.
    pub(crate) fn send(&self, length: u64) -> u64 {
        let start = self.written();
        self.stream(self.outgoing, |stream| stream.messages.push_back((start, start + length)));
        start + length
    }

    /// How many bytes were given to TCP.
    pub(crate) fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    /// The next message was received: when the last of its bytes reached this host, and how.
    pub(crate) fn receive(&self) -> Option<(Time, Passage)> {
        self.stream(self.outgoing.reverse(), |stream| {
            let (start, end) = stream.messages.pop_front()?;
            let completion = stream.bytes.completion((start, end));
            stream.bytes.forget(end);
            completion
        })?
    }

    fn stream<T>(&self, direction: Direction, look: impl FnOnce(&mut Stream) -> T) -> Option<T> {
        let mut connections = self.connections.lock();
        connections.get_mut(&self.ports).map(|streams| look(&mut streams[direction]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PORTS: Ports = (40_000, 80);

    fn at(nanos: u64) -> Time {
        Time::from_nanos(nanos)
    }

    fn segment(sequence: u32, length: u32) -> Segment {
        Segment { ports: PORTS, sequence, syn: false, length }
    }

    fn open(first: u32) -> (Connections, StreamTap, StreamTap) {
        let connections = Connections::default();
        let syn = Segment { syn: true, ..segment(first.wrapping_sub(1), 0) };
        assert!(connections.enter(Direction::ToServer, syn, at(0)).is_none());
        let client = connections.tap(PORTS, Direction::ToServer, Arc::default());
        let server = connections.tap(PORTS, Direction::ToClient, Arc::default());
        (connections, client, server)
    }

    #[test]
    fn a_message_has_arrived_with_the_last_of_its_bytes_also_where_numbers_begin_again() {
        for first in [1, u32::MAX - 50] {
            let (connections, client, server) = open(first);
            client.send(100);
            let parts = [(0, 60), (60, 40)].map(|(start, length)| segment(first.wrapping_add(start), length));
            let lost = connections.enter(Direction::ToServer, parts[0], at(1)).unwrap();
            connections.drop(Direction::ToServer, &lost);
            let second = connections.enter(Direction::ToServer, parts[1], at(2)).unwrap();
            connections.arrive(Direction::ToServer, &second, at(12));
            let again = connections.enter(Direction::ToServer, parts[0], at(30)).unwrap();
            connections.arrive(Direction::ToServer, &again, at(40));
            let (arrived, passage) = server.receive().unwrap();
            assert_eq!(
                (arrived, passage.first.at, passage.copy.at, passage.dropped),
                (at(40), at(1), at(30), true)
            );
        }
    }

    #[test]
    fn what_was_not_announced_or_not_delivered_is_not_known() {
        let (connections, client, server) = open(1);
        assert!(server.receive().is_none());
        client.send(10);
        connections.enter(Direction::ToServer, segment(1, 10), at(1));
        assert!(server.receive().is_none());
    }
}
