//! Traces in qlog: the events of a run's connections, and the fate of their packets on the link.
//!
//! Each end of a connection has its own trace, in two [forms](form::Form).

mod arq;
mod end;
mod events;
mod file;
mod files;
mod form;
mod frames;
mod json;
mod tcp;
mod wire;

use std::{fmt, io, net::SocketAddr, sync::Arc};

pub(crate) use self::files::OpenFile;
use self::{
    end::End,
    file::{Common, Subject},
    form::{Protocol, vantage_point},
    tcp::{OnWire, TcpConnections},
    wire::{PacketId, Wire},
};
use crate::{
    arq::ConnectionId,
    capture::{
        epoch::Epoch,
        missing::Missing,
        recording::{Recorder, Tracer},
    },
    path::{Exit, Observer, PacketView, Side, StopSignal, TcpInfo},
    trace::{ArqEvent, ArqTrace, ArqTracer, QuicEvent, QuicTrace, QuicTracer, Tag, TcpEnd, TcpTracer},
    unit::{Direction, Mutex, PerDirection, Time},
};

/// Options of the traces of a run.
pub struct QlogOptions {
    /// Describes the run: the command, the transport and the seed.
    pub title: String,
    /// When time zero of the path was.
    pub epoch: Epoch,
    /// Whether the path has a link. Then observers learn what happens to each packet.
    pub has_link: bool,
    /// Opens the files.
    pub open: OpenFile,
    /// Set if a file cannot be written, to end the run.
    pub stop: StopSignal,
}

/// The traces of one run. Clones share them.
#[derive(Clone)]
pub struct Qlog(Arc<Mutex<Log>>);

struct Log {
    common: Common,
    has_link: bool,
    connections: Vec<Connection>,
    wire: PerDirection<Wire>,
    tcp: TcpConnections,
    /// Number of packets that the path could not show.
    unseen: u64,
}

struct Connection {
    /// The destination connection id of the client's first QUIC packet, the id of an ARQ client, or the sequence number
    /// of a TCP client's SYN.
    id: Vec<u8>,
    /// The client's address and the server's, once they are known.
    addresses: Option<(SocketAddr, SocketAddr)>,
    /// The two ends, by the direction in which each sends.
    ends: PerDirection<Option<End>>,
}

impl Qlog {
    /// Begins the traces of a run.
    pub fn new(options: QlogOptions) -> Self {
        let QlogOptions { title, epoch, has_link, open, stop } = options;
        Self(Arc::new(Mutex::new(Log {
            common: Common::new(title, epoch, open, stop),
            has_link,
            connections: Vec::new(),
            wire: PerDirection::default(),
            tcp: TcpConnections::default(),
            unseen: 0,
        })))
    }

    fn begin(&self, side: Side, protocol: Protocol, id: &[u8]) -> EndTrace {
        let connection = self.0.lock().begin(side, protocol, id);
        EndTrace { log: self.clone(), connection, side }
    }
}

impl Recorder for Qlog {
    /// An observer that records the fate of packets.
    fn observer(&self) -> Box<dyn Observer> {
        Box::new(self.clone())
    }

    /// Ends all traces. They are marked as complete if the run `is_whole`.
    fn finish(&self, is_whole: bool) -> io::Result<Missing> {
        let Log { common, connections, wire, unseen, .. } = &mut *self.0.lock();
        let unseen = *unseen;
        for end in connections.iter_mut().flat_map(|connection| connection.ends.iter_mut().flatten()) {
            end.file.finish(common, is_whole && unseen == 0);
        }
        let forgotten = wire.iter().map(Wire::forgotten).sum();
        common.finish().map(|left_out| Missing { left_out, unseen, forgotten })
    }
}

impl Tracer for Qlog {}

impl QuicTracer for Qlog {
    fn trace(&self, side: Side, original_id: &[u8]) -> Option<Box<dyn QuicTrace>> {
        Some(Box::new(self.begin(side, Protocol::Quic, original_id)))
    }
}

impl ArqTracer for Qlog {
    fn trace_arq(&self, side: Side, client: ConnectionId) -> Box<dyn ArqTrace> {
        Box::new(self.begin(side, Protocol::Arq, &client.0.to_be_bytes()))
    }
}

impl TcpTracer for Qlog {
    fn record(&self, at: Time, of: &TcpEnd, info: &TcpInfo) {
        let Log { common, connections, tcp, .. } = &mut *self.0.lock();
        let number = tcp.number((of.client, of.server)).filter(|_| !common.is_closed);
        let end = number.and_then(|number| connections[number].ends[of.side.outgoing()].as_mut());
        if let Some(end) = end {
            end.write_info(common, at, info);
        }
    }
}

/// Receives the events of one end.
struct EndTrace {
    log: Qlog,
    connection: usize,
    side: Side,
}

impl QuicTrace for EndTrace {
    fn record(&mut self, at: Time, event: &QuicEvent<'_>) {
        let log = &mut *self.log.0.lock();
        log.with_end(self, at, |end, common, wire| match event {
            QuicEvent::Encrypted(ciphertext) => {
                if let Some((packet_type, number)) = end.sealed.take() {
                    let packet = PacketId::Quic(packet_type, number);
                    let tag = Tag::of_ciphertext(ciphertext);
                    wire.seal(self.connection, packet, ciphertext.len(), tag);
                }
            }
            _ => {
                if let QuicEvent::Sent { packet, .. } = event {
                    end.sealed = Some((packet.packet_type, packet.number));
                }
                end.write(common, at, event);
            }
        });
    }
}

impl ArqTrace for EndTrace {
    fn record(&mut self, at: Time, event: &ArqEvent<'_>) {
        let log = &mut *self.log.0.lock();
        log.with_end(self, at, |end, common, wire| {
            if let ArqEvent::Sent { datagram, kind } = event {
                let packet = PacketId::Segment { content: arq::content(*kind) };
                wire.seal(self.connection, packet, datagram.len(), Tag::of_segment(datagram));
            }
            end.write_arq(common, at, event);
        });
    }
}

impl Drop for EndTrace {
    fn drop(&mut self) {
        let log = &mut *self.log.0.lock();
        if let Some(end) = &mut log.connections[self.connection].ends[self.side.outgoing()] {
            end.is_over = true;
        }
        log.close_finished(self.connection, self.side.outgoing());
    }
}

impl Observer for Qlog {
    fn entered(&mut self, packet: &PacketView<'_>) {
        let log = &mut *self.0.lock();
        if log.common.is_closed {
            return;
        }
        if let Some(segment) = tcp::segment(packet) {
            log.entered_tcp(packet, segment);
        } else if let Some(datagram) = packet.datagram() {
            log.entered(packet, datagram);
        }
    }

    fn left(&mut self, packet: &PacketView<'_>, exit: Exit) {
        let log = &mut *self.0.lock();
        if !log.common.is_closed {
            log.left(packet, exit);
        }
    }

    fn missed(&mut self, packets: u64) {
        self.0.lock().unseen += packets;
    }

    fn reads_ciphertext(&self) -> bool {
        false
    }
}

impl Log {
    /// Begins the trace of one end of the connection with this id. Returns the connection.
    fn begin(&mut self, side: Side, protocol: Protocol, id: &[u8]) -> usize {
        let connection = self.connection(side, id);
        let group = id.iter().map(|byte| format!("{byte:02x}")).collect();
        let name = format!("{}-{}", connection + 1, vantage_point(side));
        let subject = Subject { side, protocol, group, name };
        self.connections[connection].ends[side.outgoing()] = Some(End::new(subject));
        connection
    }

    /// The connection with this id that has no trace of this side yet.
    fn connection(&mut self, side: Side, id: &[u8]) -> usize {
        let is_it =
            |connection: &Connection| connection.id == id && connection.ends[side.outgoing()].is_none();
        self.connections.iter().rposition(is_it).unwrap_or_else(|| {
            let ends = PerDirection::from_fn(|_| None);
            self.connections.push(Connection { id: id.to_vec(), addresses: None, ends });
            self.connections.len() - 1
        })
    }

    /// Begins the trace of the end if its addresses are known, and calls `write`, unless the traces have ended.
    fn with_end(
        &mut self,
        EndTrace { connection, side, .. }: &EndTrace,
        at: Time,
        write: impl FnOnce(&mut End, &mut Common, &mut Wire),
    ) {
        if self.common.is_closed {
            return;
        }
        let Connection { addresses, ends, .. } = &mut self.connections[*connection];
        if let Some(end) = &mut ends[side.outgoing()] {
            end.start(&mut self.common, at, *addresses);
            write(end, &mut self.common, &mut self.wire[side.outgoing()]);
        }
    }

    fn entered(&mut self, packet: &PacketView<'_>, datagram: &[u8]) {
        let wire = &mut self.wire[packet.direction];
        let Some(connection) = wire.enter(packet.number, datagram, packet.at) else { return };
        let addresses = packet.client_and_server();
        let Connection { addresses: known, ends, .. } = &mut self.connections[connection];
        let addresses = *known.get_or_insert(addresses);
        if let Some(end) = &mut ends[packet.direction] {
            end.start(&mut self.common, packet.at, Some(addresses));
        }
        if !self.has_link {
            wire.leave(packet.number, false, false, |_, _| {});
        }
    }

    /// Writes a segment of the kernel's TCP to the trace of its sender.
    fn entered_tcp(&mut self, packet: &PacketView<'_>, segment: OnWire<'_>) {
        let (way, header, next) = (packet.direction, segment.header, self.connections.len());
        let Some(tcp) = self.tcp.of_entering(packet, &header, next) else { return };
        let (number, segment) = (tcp.number, tcp.enter(way, segment));
        let change = tcp.change(way, &header, false);
        if number == next {
            let id = header.sequence.to_be_bytes();
            for side in [Side::Client, Side::Server] {
                self.begin(side, Protocol::Tcp, &id);
            }
            self.connections[number].addresses = Some(packet.client_and_server());
        }
        if self.has_link {
            self.wire[way].enter_as(packet.number, number, PacketId::Tcp(segment.number), packet.at);
        }
        let Connection { addresses, ends, .. } = &mut self.connections[number];
        if let Some(end) = &mut ends[way] {
            end.start(&mut self.common, packet.at, *addresses);
            end.write_tcp(&mut self.common, packet.at, &segment, change);
        }
    }

    /// Writes a segment of the kernel's TCP that arrived to the trace of its receiver. `number` is the sender's, if the
    /// link tells which segment it is.
    fn arrived_tcp(&mut self, packet: &PacketView<'_>, segment: OnWire<'_>, number: Option<u64>) {
        let (way, header) = (packet.direction, segment.header);
        let Some(tcp) = self.tcp.of_leaving(packet) else { return };
        let segment = tcp.arrive(way, segment, number);
        let (number, change) = (tcp.number, tcp.change(way.reverse(), &header, true));
        let is_over = tcp.is_over();
        let Connection { addresses, ends, .. } = &mut self.connections[number];
        if let Some(end) = &mut ends[way.reverse()] {
            end.start(&mut self.common, packet.at, *addresses);
            end.write_tcp(&mut self.common, packet.at, &segment, change);
        }
        ends.iter_mut().flatten().for_each(|end| end.is_over |= is_over);
        self.close_finished(number, way.reverse());
        self.close_finished(number, way);
    }

    /// Writes the fate of a copy of a packet to the trace of its sender.
    fn left(&mut self, packet: &PacketView<'_>, exit: Exit) {
        if !self.has_link {
            if let Some(segment) = tcp::segment(packet) {
                self.arrived_tcp(packet, segment, None);
            }
            return;
        }
        let (arrived, more) = match exit {
            Exit::Arrived { more, .. } => (true, more),
            Exit::Dropped(_) => (false, false),
        };
        let (way, mut of) = (packet.direction, None);
        let mut received = None;
        let Self { common, connections, wire, .. } = self;
        wire[way].leave(packet.number, arrived, more, |flight, is_overtaken| {
            of = Some(flight.connection);
            received = flight.packets.first().copied();
            if let Some(end) = &mut connections[flight.connection].ends[way] {
                end.write_fate(common, packet, flight, exit, is_overtaken);
            }
        });
        let Some(connection) = of else { return };
        // The receiver discards a segment with a wrong checksum.
        if let (Some(PacketId::Tcp(number)), Exit::Arrived { intact: true, .. }) = (received, exit)
            && let Some(segment) = tcp::segment(packet)
        {
            self.arrived_tcp(packet, segment, Some(number));
        }
        self.close_finished(connection, way);
    }

    /// Ends the trace of an end that is gone, once the fate of its packets is known.
    fn close_finished(&mut self, connection: usize, way: Direction) {
        let Some(end) = &mut self.connections[connection].ends[way] else { return };
        if end.is_over && !self.common.is_closed && !self.wire[way].carries(connection) {
            // An interrupt cuts connections short.
            let is_complete = !self.common.is_interrupted();
            end.file.finish(&mut self.common, is_complete);
        }
    }
}

impl fmt::Debug for Qlog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Qlog").finish_non_exhaustive()
    }
}
