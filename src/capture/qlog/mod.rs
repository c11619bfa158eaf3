//! qlog: what the ends of a run's QUIC connections do and believe, and what became of their packets on the wire.
//!
//! Each end of a connection has a trace of its own, in two [forms](form::Form).

mod events;
mod file;
mod form;
mod frames;
mod json;
mod wire;

use std::{fmt, io, net::SocketAddr, sync::Arc};

pub use self::file::{OpenFile, QlogOutput};
use self::{
    file::{Common, Subject, TraceFile},
    form::{Form, vantage_point},
    json::Json,
    wire::{Flight, Wire},
};
use crate::{
    capture::recorder::Epoch,
    link::DropReason,
    path::{Exit, Observer, PacketView, Side, StopSignal},
    trace::{CongestionState, Metrics, PacketType, QuicEvent, QuicPacket, QuicTrace, QuicTracer},
    unit::{Direction, Mutex, PerDirection, Time, nanos},
    wire::quic::Frame,
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
    /// Is set if a file cannot be written, to end the run.
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
    /// The client's address and the server's, once a packet was seen.
    addresses: Option<(SocketAddr, SocketAddr)>,
    /// The traces by the direction in which each end sends.
    ends: PerDirection<Option<End>>,
}

struct End {
    file: TraceFile,
    side: Side,
    /// Whether the event that names the addresses was written.
    has_started: bool,
    /// Whether the event that a connection was closed was written.
    has_closed: bool,
    /// Whether the end is gone.
    is_over: bool,
    metrics: Option<Metrics>,
    congestion: Option<CongestionState>,
    /// The packet that was sealed last.
    sealed: Option<(PacketType, u64)>,
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

    /// An observer that learns what becomes of packets on a path.
    pub fn observer(&self) -> Box<dyn Observer> {
        Box::new(self.clone())
    }

    /// What traces the connections.
    pub fn tracer(&self) -> Arc<dyn QuicTracer> {
        Arc::new(self.clone())
    }

    /// Ends all traces; they are complete if the run `is_whole`. Returns the first write error.
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
        log.connections[connection].ends[side.outgoing()] = Some(End {
            file: TraceFile::new(Subject { side, protocol: "QUIC", group, name }),
            side,
            has_started: false,
            has_closed: false,
            is_over: false,
            metrics: None,
            congestion: None,
            sealed: None,
        });
        Some(Box::new(EndTrace { log: self.clone(), connection, side }))
    }
}

/// The trace of one end.
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

    /// Writes what became of a copy of a datagram to the trace of its sender.
    fn write_fate(&mut self, packet: &PacketView<'_>, flight: &Flight, exit: Exit, is_overtaken: bool) {
        let Some(end) = &mut self.connections[flight.connection].ends[packet.direction] else { return };
        let (name, drop) = match exit {
            Exit::Arrived { .. } => ("wirelab:packet_delivered", None),
            Exit::Dropped(reason) => ("wirelab:packet_dropped", Some(reason)),
        };
        let written = end.file.event(&mut self.common, packet.at, |_, json| {
            json.open('{');
            json.field("link_number", packet.number);
            json.open_field("packets", '[');
            for (packet_type, number) in &flight.packets {
                json.open('{');
                events::short_header(json, *packet_type, *number);
                json.close('}');
            }
            json.close(']');
            json.field("ip_length", packet.ip_bytes);
            json.millis("delay", nanos(packet.at - flight.entered));
            match exit {
                Exit::Arrived { intact, more } => {
                    json.field("copy", flight.copies + 1);
                    json.field("is_duplicated", more || flight.copies > 0);
                    json.field("is_corrupted", !intact);
                    json.field("is_overtaken", is_overtaken);
                }
                Exit::Dropped(_) => {}
            }
            if let Some(reason) = drop {
                json.plain(
                    "trigger",
                    match reason {
                        DropReason::Lost => "loss",
                        DropReason::QueueFull => "queue_full",
                        DropReason::TooLarge => "mtu",
                    },
                );
            }
            json.close('}');
            Some(name.to_owned())
        });
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

impl End {
    /// Writes the event that names the addresses, as soon as they are known.
    fn start(
        &mut self,
        common: &mut Common,
        at: Time,
        addresses: Option<(SocketAddr, SocketAddr)>,
    ) -> io::Result<()> {
        let Some((client, server)) = addresses.filter(|_| !self.has_started) else { return Ok(()) };
        self.has_started = true;
        let (local, remote) = match self.side {
            Side::Client => (client, server),
            Side::Server => (server, client),
        };
        self.file.event(common, at, |form, json| {
            json.open('{');
            match form {
                Form::Version03 => {
                    json.plain("ip_version", if local.is_ipv4() { "v4" } else { "v6" });
                    json.plain("src_ip", local.ip());
                    json.plain("dst_ip", remote.ip());
                    json.field("src_port", local.port());
                    json.field("dst_port", remote.port());
                }
                Form::Sequence => {
                    for (name, address) in [("local", local), ("remote", remote)] {
                        let version = if address.is_ipv4() { "v4" } else { "v6" };
                        json.open_field(name, '{');
                        json.plain(&format!("ip_{version}"), address.ip());
                        json.field(&format!("port_{version}"), address.port());
                        json.close('}');
                    }
                }
            }
            json.close('}');
            Some(events::name(form, ("connectivity", "connection_started"), "connection_started"))
        })
    }

    fn write(&mut self, common: &mut Common, at: Time, event: &QuicEvent<'_>) -> io::Result<()> {
        let before = (self.metrics, self.congestion);
        match event {
            QuicEvent::Metrics(metrics) => self.metrics = Some(*metrics),
            QuicEvent::Congestion(state) => self.congestion = Some(*state),
            _ => {}
        }
        self.file.event(common, at, |form, json| {
            json.open('{');
            let name = data(form, json, event, before);
            json.close('}');
            name
        })?;
        match event {
            QuicEvent::Sent { packet, .. } => self.close(common, at, packet, true),
            QuicEvent::Received(packet) => self.close(common, at, packet, false),
            _ => Ok(()),
        }
    }

    /// Writes that the connection was closed, if the packet closes it.
    fn close(
        &mut self,
        common: &mut Common,
        at: Time,
        packet: &QuicPacket<'_>,
        is_local: bool,
    ) -> io::Result<()> {
        let is_close = |frame: &_| matches!(frame, Frame::ConnectionClose { .. });
        let Some(frame) = packet.frames().find(is_close).filter(|_| !self.has_closed) else { return Ok(()) };
        self.has_closed = true;
        self.file.event(common, at, |form, json| {
            events::closed(json, form, is_local, &frame)?;
            Some(events::name(form, ("connectivity", "connection_closed"), "connection_closed"))
        })
    }
}

/// Adds the data of an event, and returns its name. `None` if it is not written.
fn data(
    form: Form,
    json: &mut Json,
    event: &QuicEvent<'_>,
    (metrics, congestion): (Option<Metrics>, Option<CongestionState>),
) -> Option<String> {
    let name = match event {
        QuicEvent::Thresholds(thresholds) => {
            events::thresholds(json, thresholds);
            (("recovery", "parameters_set"), "recovery_parameters_set")
        }
        QuicEvent::LocalParameters(encoded) => {
            events::transport_parameters(json, form, true, encoded);
            (("transport", "parameters_set"), "parameters_set")
        }
        QuicEvent::RemoteParameters(encoded) => {
            events::transport_parameters(json, form, false, encoded);
            (("transport", "parameters_set"), "parameters_set")
        }
        QuicEvent::Sent { packet, is_probe } => {
            events::packet(json, form, packet);
            if *is_probe {
                json.plain("trigger", "pto_probe");
            }
            (("transport", "packet_sent"), "packet_sent")
        }
        QuicEvent::Received(packet) => {
            events::packet(json, form, packet);
            (("transport", "packet_received"), "packet_received")
        }
        QuicEvent::Ignored { packet, is_duplicate } => {
            events::dropped(json, form, packet, *is_duplicate);
            (("transport", "packet_dropped"), "packet_dropped")
        }
        QuicEvent::Lost(lost) => {
            events::lost(json, lost);
            (("recovery", "packet_lost"), "packet_lost")
        }
        QuicEvent::Metrics(now) => {
            events::metrics(json, now, metrics.as_ref());
            (("recovery", "metrics_updated"), "recovery_metrics_updated")
        }
        QuicEvent::Congestion(now) => {
            events::congestion_states(json, congestion, *now);
            (("recovery", "congestion_state_updated"), "congestion_state_updated")
        }
        QuicEvent::Established => {
            json.plain("new", "handshake_complete");
            (("connectivity", "connection_state_updated"), "connection_state_updated")
        }
        QuicEvent::Retried => return Some("wirelab:retried".to_owned()),
        QuicEvent::EarlyDataRejected => return Some("wirelab:early_data_rejected".to_owned()),
        QuicEvent::Encrypted(_) => return None,
    };
    Some(events::name(form, name.0, name.1))
}

impl fmt::Debug for Qlog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Qlog").finish_non_exhaustive()
    }
}
