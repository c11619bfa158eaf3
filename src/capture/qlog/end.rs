//! The events of one end of a connection.

use std::{io, net::SocketAddr};

use super::{
    events,
    file::{Common, Subject, TraceFile},
    form::Form,
    json::Json,
    wire::Flight,
};
use crate::{
    link::DropReason,
    path::{Exit, PacketView, Side},
    trace::{CongestionState, Metrics, PacketType, QuicEvent, QuicPacket},
    unit::{Time, nanos},
    wire::quic::Frame,
};

/// The trace of one end of a connection.
pub(super) struct End {
    pub(super) file: TraceFile,
    side: Side,
    /// Whether `connection_started` was written.
    has_started: bool,
    /// Whether `connection_closed` was written.
    has_closed: bool,
    /// Whether the end has dropped its connection.
    pub(super) is_over: bool,
    metrics: Option<Metrics>,
    congestion: Option<CongestionState>,
    /// The packet that was sealed last.
    pub(super) sealed: Option<(PacketType, u64)>,
}

impl End {
    pub(super) fn new(subject: Subject) -> Self {
        Self {
            side: subject.side,
            file: TraceFile::new(subject),
            has_started: false,
            has_closed: false,
            is_over: false,
            metrics: None,
            congestion: None,
            sealed: None,
        }
    }

    /// Writes `connection_started`, once the addresses are known.
    pub(super) fn start(
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

    /// Writes an event of the connection.
    pub(super) fn write(&mut self, common: &mut Common, at: Time, event: &QuicEvent<'_>) -> io::Result<()> {
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

    /// Writes the fate of a copy of a datagram that this end sent.
    pub(super) fn write_fate(
        &mut self,
        common: &mut Common,
        packet: &PacketView<'_>,
        flight: &Flight,
        exit: Exit,
        is_overtaken: bool,
    ) -> io::Result<()> {
        self.file.event(common, packet.at, |_, json| {
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
            let name = match exit {
                Exit::Arrived { intact, more } => {
                    json.field("copy", flight.copies + 1);
                    json.field("is_duplicated", more || flight.copies > 0);
                    json.field("is_corrupted", !intact);
                    json.field("is_overtaken", is_overtaken);
                    "wirelab:packet_delivered"
                }
                Exit::Dropped(reason) => {
                    json.plain("trigger", drop_trigger(reason));
                    "wirelab:packet_dropped"
                }
            };
            json.close('}');
            Some(name.to_owned())
        })
    }

    /// Writes `connection_closed`, if the packet closes the connection.
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

/// Why the link dropped a packet.
fn drop_trigger(reason: DropReason) -> &'static str {
    match reason {
        DropReason::Lost => "loss",
        DropReason::QueueFull => "queue_full",
        DropReason::Aqm => "aqm",
        DropReason::TooLarge => "mtu",
    }
}

/// Adds the data of an event, and returns its name. Returns `None` if the event is not written. `metrics` and
/// `congestion` are the state before the event.
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
