//! TCP connections, as seen on the link: when which bytes of a stream entered it, and when they arrived.
//!
//! The two ends of a connection share the [`Connections`]. The sender reports which bytes on the wire are its next
//! message ([`StreamTap::send`]). After reading that message, the receiver asks how they arrived
//! ([`StreamTap::receive`]).

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use super::{
    bytes::{Landed, Passage, Stamp, StreamBytes},
    carried::Carried,
    cause::LossCause,
    coverage::Extent,
    truth::{Truth, TruthFigures, Verdict},
};
use crate::{
    path::{Connected, LayeredStream, StreamLayer},
    unit::{Direction, Mutex, PerDirection, Time},
    wire::{ip::TcpSegment, tcp::Sequence},
};

/// The client's port and the server's, which identify a connection of two hosts.
pub(super) type Ports = (u16, u16);

/// The payload of a segment on the link.
#[derive(Debug, Clone, Copy)]
pub(super) struct Carriage {
    ports: Ports,
    range: (u64, u64),
    stamp: Stamp,
}

impl Carriage {
    /// The number of the segment. It counts the segments with payload in one direction of a connection, from 0.
    pub(super) fn number(&self) -> u64 {
        self.stamp.packet
    }
}

/// All connections over one wire.
#[derive(Debug, Clone, Default)]
pub(super) struct Connections {
    streams: Arc<Mutex<BTreeMap<Ports, PerDirection<Stream>>>>,
    /// Whether only the [`Truth`] is recorded, and not how each byte arrived.
    only_truth: bool,
    /// Whether the [`Truth`] keeps verdicts on segments.
    keeps_verdicts: bool,
}

/// One direction of a connection.
#[derive(Debug, Default)]
struct Stream {
    numbers: Sequence,
    segments: u64,
    bytes: StreamBytes,
    /// The fate of the segments. Kernel TCP does not report its losses, so each retransmission counts as a declared
    /// loss.
    truth: Truth,
    /// The ranges of messages that were sent and not received.
    messages: VecDeque<(u64, u64)>,
    /// Messages that were received.
    received: u64,
}

impl Connections {
    /// Connections that record only the [`Truth`].
    pub(super) fn only_truth() -> Self {
        Self { only_truth: true, ..Self::default() }
    }

    /// Keeps verdicts on segments for [`Self::take_verdicts`].
    pub(super) fn keep_verdicts(&mut self) {
        self.keeps_verdicts = true;
    }

    /// Passes the verdicts since the last call to `take`.
    pub(super) fn take_verdicts(&self, mut take: impl FnMut(Direction, u64, Verdict)) {
        if !self.keeps_verdicts {
            return;
        }
        for streams in self.streams.lock().values_mut() {
            for direction in Direction::BOTH {
                let verdicts = streams[direction].truth.take_verdicts();
                verdicts.into_iter().for_each(|(number, verdict)| take(direction, number, verdict));
            }
        }
    }

    /// The [`Truth`] of all connections.
    pub(super) fn truth(&self) -> TruthFigures {
        let mut sum = TruthFigures::default();
        let streams = self.streams.lock();
        streams.values().flatten().for_each(|stream| sum += &stream.truth.figures());
        sum
    }

    /// `segment` was offered to the link at `now`. The result is to be passed to [`drop`](Self::drop) or
    /// [`arrive`](Self::arrive).
    pub(super) fn enter(&self, direction: Direction, segment: TcpSegment, now: Time) -> Option<Carriage> {
        let mut connections = self.streams.lock();
        let ports = match direction {
            Direction::ToServer => (segment.from, segment.to),
            Direction::ToClient => (segment.to, segment.from),
        };
        let stream = &mut connections.entry(ports).or_default()[direction];
        if self.keeps_verdicts {
            stream.truth.keep_verdicts();
        }
        let (range, _) = stream.numbers.send(&segment)?;
        let range = (range.start, range.end);
        let stamp = Stamp { packet: stream.segments, at: now };
        stream.segments += 1;
        if !self.only_truth {
            stream.bytes.enter(range, stamp, false);
        }
        let mut data = stream.truth.list();
        data.push(Extent { stream: 0, start: range.0, end: range.1, ends_stream: false });
        stream.truth.sent(stamp.packet, now, data, Some(LossCause::Unknown));
        Some(Carriage { ports, range, stamp })
    }

    /// The segment does not reach its receiver.
    pub(super) fn drop(&self, direction: Direction, carriage: &Carriage) {
        if let Some(streams) = self.streams.lock().get_mut(&carriage.ports) {
            let stream = &mut streams[direction];
            if !self.only_truth {
                stream.bytes.enter(carriage.range, carriage.stamp, true);
            }
            stream.truth.dropped(carriage.stamp.packet);
        }
    }

    /// The segment reached its receiver intact at `now`, after `queued` in the queue.
    pub(super) fn arrive(&self, direction: Direction, carriage: &Carriage, now: Time, queued: Duration) {
        if let Some(streams) = self.streams.lock().get_mut(&carriage.ports) {
            let stream = &mut streams[direction];
            if !self.only_truth {
                let landed = Landed { stamp: carriage.stamp, at: now, queued };
                stream.bytes.arrive(carriage.range, landed);
            }
            stream.truth.arrived(carriage.stamp.packet);
        }
    }

    /// The parts of messages in a segment.
    pub(super) fn carried(&self, direction: Direction, carriage: &Carriage) -> Vec<Carried> {
        let connections = self.streams.lock();
        connections.get(&carriage.ports).map_or_else(Vec::new, |streams| {
            let stream = &streams[direction];
            let (start, end) = carriage.range;
            let numbered = (stream.received..).zip(&stream.messages);
            let overlapping = numbered.filter(|(_, message)| message.0 < end && start < message.1);
            let part = |(place, message): (u64, &(u64, u64))| Carried::Tcp {
                place,
                start: start.max(message.0) - message.0,
                end: end.min(message.1) - message.0,
            };
            overlapping.map(part).collect()
        })
    }

    /// The tap of the end that sends in `outgoing`, and its connection, whose written bytes are counted.
    pub(super) fn tap(
        &self,
        ports: Ports,
        outgoing: Direction,
        connected: Connected,
    ) -> (Connected, StreamTap) {
        let written = Arc::<AtomicU64>::default();
        let stream =
            Box::new(LayeredStream { stream: connected.stream, layer: WrittenBytes(written.clone()) });
        let tap = StreamTap { connections: self.clone(), ports, outgoing, written };
        (Connected { stream, ..connected }, tap)
    }
}

/// One end's view of its connection.
#[derive(Debug, Clone)]
pub struct StreamTap {
    connections: Connections,
    ports: Ports,
    outgoing: Direction,
    written: Arc<AtomicU64>,
}

impl StreamTap {
    /// The next message begins with the next byte written to TCP, and is `length` bytes long there. Returns the offset
    /// of its end.
    pub(crate) fn send(&self, length: u64) -> u64 {
        let start = self.written();
        self.stream(self.outgoing, |stream| stream.messages.push_back((start, start + length)));
        start + length
    }

    /// Bytes written to TCP so far.
    pub(crate) fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    /// The next message was received. Returns when the last of its bytes reached this host, and how.
    pub(crate) fn receive(&self) -> Option<(Time, Passage)> {
        self.stream(self.outgoing.reverse(), |stream| {
            let (start, end) = stream.messages.pop_front()?;
            stream.received += 1;
            let completion = stream.bytes.completion((start, end));
            stream.bytes.forget(end);
            completion
        })?
    }

    fn stream<T>(&self, direction: Direction, look: impl FnOnce(&mut Stream) -> T) -> Option<T> {
        let mut connections = self.connections.streams.lock();
        connections.get_mut(&self.ports).map(|streams| look(&mut streams[direction]))
    }
}

/// Counts the bytes written to a stream.
#[derive(Debug)]
struct WrittenBytes(Arc<AtomicU64>);

impl<S> StreamLayer<S> for WrittenBytes {
    fn written(&mut self, bytes: usize) {
        self.0.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PORTS: Ports = (40_000, 80);

    fn at(nanos: u64) -> Time {
        Time::from_nanos(nanos)
    }

    fn segment(sequence: u32, length: u32) -> TcpSegment {
        TcpSegment { from: PORTS.0, to: PORTS.1, sequence, length, ..TcpSegment::default() }
    }

    fn tap(connections: &Connections, outgoing: Direction) -> StreamTap {
        StreamTap { connections: connections.clone(), ports: PORTS, outgoing, written: Arc::default() }
    }

    fn open(first: u32) -> (Connections, StreamTap, StreamTap) {
        let connections = Connections::default();
        let syn = TcpSegment { syn: true, ..segment(first.wrapping_sub(1), 0) };
        assert!(connections.enter(Direction::ToServer, syn, at(0)).is_none());
        let client = tap(&connections, Direction::ToServer);
        let server = tap(&connections, Direction::ToClient);
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
            connections.arrive(Direction::ToServer, &second, at(12), Duration::ZERO);
            let again = connections.enter(Direction::ToServer, parts[0], at(30)).unwrap();
            connections.arrive(Direction::ToServer, &again, at(40), Duration::ZERO);
            let (arrived, passage) = server.receive().unwrap();
            assert_eq!(
                (arrived, passage.first.at, passage.copy.at, passage.dropped),
                (at(40), at(1), at(30), true)
            );
        }
    }

    #[test]
    fn a_segment_carries_the_parts_of_the_messages_that_it_overlaps() {
        let (connections, client, server) = open(1);
        client.send(10);
        client.written.store(10, Ordering::Relaxed);
        client.send(10);
        let first = connections.enter(Direction::ToServer, segment(1, 15), at(1)).unwrap();
        let part = |place, start, end| Carried::Tcp { place, start, end };
        assert_eq!(connections.carried(Direction::ToServer, &first), [part(0, 0, 10), part(1, 0, 5)]);
        connections.arrive(Direction::ToServer, &first, at(2), Duration::ZERO);
        server.receive().unwrap();
        let second = connections.enter(Direction::ToServer, segment(16, 5), at(3)).unwrap();
        assert_eq!(connections.carried(Direction::ToServer, &second), [part(1, 5, 10)]);
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
