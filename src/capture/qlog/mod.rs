//! Traces in qlog: the events of a run's QUIC connections, and the fate of their packets on the link.
//!
//! Each end of a connection has its own trace, in two [forms](form::Form).

mod end;
mod events;
mod file;
mod form;
mod frames;
mod json;
mod wire;

use std::{fmt, io, net::SocketAddr, sync::Arc};

pub use self::file::{OpenFile, QlogOutput};
use self::{
    end::End,
    file::{Common, Subject},
    form::vantage_point,
    wire::{Flight, Wire},
};
use crate::{
    capture::epoch::Epoch,
    path::{Exit, Observer, PacketView, Side, StopSignal},
    trace::{QuicEvent, QuicTrace, QuicTracer},
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
    stop: StopSignal,
    connections: Vec<Connection>,
    wire: PerDirection<Wire>,
    failed: Option<io::Error>,
    /// Set when nothing more is written, because the run has ended or writing failed.
    is_closed: bool,
}

struct Connection {
    original_id: Vec<u8>,
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
            common: Common { title, epoch, open },
            has_link,
            stop,
            connections: Vec::new(),
            wire: PerDirection::default(),
            failed: None,
            is_closed: false,
        })))
    }

    /// An observer that records the fate of packets on a path.
    pub fn observer(&self) -> Box<dyn Observer> {
        Box::new(self.clone())
    }

    /// The tracer of the connections.
    pub fn tracer(&self) -> Arc<dyn QuicTracer> {
        Arc::new(self.clone())
    }

    /// Ends all traces. They are marked as complete if the run `is_whole`. Returns the first write error.
    pub fn finish(&self, is_whole: bool) -> io::Result<()> {
        let log = &mut *self.0.lock();
        log.failed.take().map_or(Ok(()), Err)?;
        if std::mem::replace(&mut log.is_closed, true) {
            return Ok(());
        }
        for end in log.connections.iter_mut().flat_map(|connection| connection.ends.iter_mut().flatten()) {
            end.file.finish(&log.common, is_whole)?;
        }
        Ok(())
    }
}

impl QuicTracer for Qlog {
    fn trace(&self, side: Side, original_id: &[u8]) -> Option<Box<dyn QuicTrace>> {
        let log = &mut *self.0.lock();
        let connection = log.connection(side, original_id);
        let group = original_id.iter().map(|byte| format!("{byte:02x}")).collect();
        let name = format!("{}-{}", connection + 1, vantage_point(side));
        let subject = Subject { side, protocol: "QUIC", group, name };
        log.connections[connection].ends[side.outgoing()] = Some(End::new(subject));
        Some(Box::new(EndTrace { log: self.clone(), connection, side }))
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
        self.log.0.lock().record(self.connection, self.side, at, event);
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
        if log.is_closed {
            return;
        }
        let Some(datagram) = packet.datagram() else { return };
        let Some(connection) = log.wire[packet.direction].enter(packet.number, datagram, packet.at) else {
            return;
        };
        let addresses = match packet.direction {
            Direction::ToServer => (packet.from, packet.to),
            Direction::ToClient => (packet.to, packet.from),
        };
        let Connection { addresses: known, ends, .. } = &mut log.connections[connection];
        let addresses = *known.get_or_insert(addresses);
        if let Some(end) = &mut ends[packet.direction] {
            let written = end.start(&mut log.common, packet.at, Some(addresses));
            log.note(written);
        }
        if !log.has_link {
            log.wire[packet.direction].leave(packet.number, false, false);
        }
    }

    fn left(&mut self, packet: &PacketView<'_>, exit: Exit) {
        let log = &mut *self.0.lock();
        if log.is_closed || !log.has_link {
            return;
        }
        let (arrived, more) = match exit {
            Exit::Arrived { more, .. } => (true, more),
            Exit::Dropped(_) => (false, false),
        };
        let way = packet.direction;
        if let Some((flight, is_overtaken)) = log.wire[way].leave(packet.number, arrived, more) {
            log.write_fate(packet, &flight, exit, is_overtaken);
            log.close_finished(flight.connection, way);
        }
    }

    fn reads_ciphertext(&self) -> bool {
        false
    }
}

impl Log {
    /// The connection with this id that has no trace of this side yet.
    fn connection(&mut self, side: Side, original_id: &[u8]) -> usize {
        let is_it = |connection: &Connection| {
            connection.original_id == original_id && connection.ends[side.outgoing()].is_none()
        };
        self.connections.iter().rposition(is_it).unwrap_or_else(|| {
            let ends = PerDirection::from_fn(|_| None);
            self.connections.push(Connection { original_id: original_id.to_vec(), addresses: None, ends });
            self.connections.len() - 1
        })
    }

    fn record(&mut self, connection: usize, side: Side, at: Time, event: &QuicEvent<'_>) {
        if self.is_closed {
            return;
        }
        let Connection { addresses, ends, .. } = &mut self.connections[connection];
        let Some(end) = &mut ends[side.outgoing()] else { return };
        match event {
            QuicEvent::Encrypted(ciphertext) => {
                if let Some(packet) = end.sealed.take() {
                    self.wire[side.outgoing()].seal(connection, packet, ciphertext);
                }
                return;
            }
            QuicEvent::Sent { packet, .. } => end.sealed = Some((packet.packet_type, packet.number)),
            _ => {}
        }
        let written = end.start(&mut self.common, at, *addresses);
        let written = written.and_then(|()| end.write(&mut self.common, at, event));
        self.note(written);
    }

    /// Writes the fate of a copy of a datagram to the trace of its sender.
    fn write_fate(&mut self, packet: &PacketView<'_>, flight: &Flight, exit: Exit, is_overtaken: bool) {
        let Some(end) = &mut self.connections[flight.connection].ends[packet.direction] else { return };
        let written = end.write_fate(&mut self.common, packet, flight, exit, is_overtaken);
        self.note(written);
    }

    /// Ends the trace of an end that is gone, once the fate of its packets is known.
    fn close_finished(&mut self, connection: usize, way: Direction) {
        let Some(end) = &mut self.connections[connection].ends[way] else { return };
        if end.is_over && !self.is_closed && !self.wire[way].carries(connection) {
            let written = end.file.finish(&self.common, true);
            self.note(written);
        }
    }

    fn note(&mut self, written: io::Result<()>) {
        if let Err(error) = written {
            self.failed.get_or_insert(error);
            self.is_closed = true;
            self.stop.set();
        }
    }
}

impl fmt::Debug for Qlog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Qlog").finish_non_exhaustive()
    }
}
