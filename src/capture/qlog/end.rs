//! The events of one end of a connection.

use std::net::SocketAddr;

use super::{
    arq,
    events::{self, name},
    file::{Common, Subject, TraceFile},
    form::EventName,
    json::Json,
    tcp::{self, Change},
    wire::Flight,
};
use crate::{
    link::DropReason,
    path::{Exit, PacketView, Side, TcpInfo},
    trace::{ArqEvent, CongestionState, Metrics, PacketType, QuicEvent, QuicPacket},
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
    info: Option<TcpInfo>,
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
            info: None,
            sealed: None,
        }
    }

    /// Writes `connection_started`, once the addresses are known.
    pub(super) fn start(
        &mut self,
        common: &mut Common,
        at: Time,
        addresses: Option<(SocketAddr, SocketAddr)>,
    ) {
        let Some((client, server)) = addresses.filter(|_| !self.has_started) else { return };
        self.has_started = true;
        let (local, remote) = match self.side {
            Side::Client => (client, server),
            Side::Server => (server, client),
        };
        self.file.event(common, at, name::CONNECTION_STARTED, |json| {
            json.either(
                |json| {
                    json.plain("ip_version", if local.is_ipv4() { "v4" } else { "v6" });
                    json.plain("src_ip", &local.ip().to_string());
                    json.plain("dst_ip", &remote.ip().to_string());
                    json.field("src_port", local.port());
                    json.field("dst_port", remote.port());
                },
                |json| {
                    for (name, address) in [("local", local), ("remote", remote)] {
                        let (ip, port) = match address.is_ipv4() {
                            true => ("ip_v4", "port_v4"),
                            false => ("ip_v6", "port_v6"),
                        };
                        json.open_field(name, b'{');
                        json.plain(ip, &address.ip().to_string());
                        json.field(port, address.port());
                        json.close(b'}');
                    }
                },
            );
        });
    }

    /// Writes an event of a QUIC connection.
    pub(super) fn write(&mut self, common: &mut Common, at: Time, event: &QuicEvent<'_>) {
        let file = &mut self.file;
        match event {
            QuicEvent::Thresholds(thresholds) => {
                file.event(common, at, name::THRESHOLDS_SET, |json| events::thresholds(json, thresholds));
            }
            QuicEvent::LocalParameters(encoded) | QuicEvent::RemoteParameters(encoded) => {
                let is_local = matches!(event, QuicEvent::LocalParameters(_));
                file.event(common, at, name::PARAMETERS_SET, |json| {
                    events::transport_parameters(json, is_local, encoded);
                });
            }
            QuicEvent::Sent { packet, is_probe } => {
                file.event(common, at, name::PACKET_SENT, |json| {
                    events::packet(json, packet);
                    if *is_probe {
                        json.plain("trigger", "pto_probe");
                    }
                });
                self.close_with(common, at, packet, true);
            }
            QuicEvent::Received(packet) => {
                file.event(common, at, name::PACKET_RECEIVED, |json| events::packet(json, packet));
                self.close_with(common, at, packet, false);
            }
            QuicEvent::Ignored { packet, is_duplicate } => {
                file.event(common, at, name::PACKET_DROPPED, |json| {
                    events::dropped(json, packet, *is_duplicate);
                });
            }
            QuicEvent::Lost(lost) => {
                file.event(common, at, name::PACKET_LOST, |json| events::lost(json, lost));
            }
            QuicEvent::Metrics(metrics) => self.update(common, at, *metrics),
            QuicEvent::Congestion(state) => {
                let before = self.congestion.replace(*state);
                file.event(common, at, name::CONGESTION_UPDATED, |json| {
                    events::congestion_states(json, before, *state);
                });
            }
            QuicEvent::Established => self.establish(common, at),
            QuicEvent::Closed => self.close(common, at),
            QuicEvent::Retried => file.event(common, at, RETRIED, |_| {}),
            QuicEvent::EarlyDataRejected => file.event(common, at, EARLY_DATA_REJECTED, |_| {}),
            QuicEvent::Encrypted(_) => {}
        }
    }

    /// Writes an event of an ARQ connection.
    pub(super) fn write_arq(&mut self, common: &mut Common, at: Time, event: &ArqEvent<'_>) {
        match event {
            ArqEvent::Thresholds(thresholds) => {
                self.file.event(common, at, name::THRESHOLDS_SET, |json| {
                    events::thresholds(json, thresholds);
                });
            }
            ArqEvent::Established => self.establish(common, at),
            ArqEvent::Sent { datagram, kind } => {
                self.file.event(common, at, name::PACKET_SENT, |json| arq::sent(json, datagram, *kind));
            }
            ArqEvent::Received { datagram, is_kept } => arq::received(datagram, *is_kept, |name, fill| {
                self.file.event(common, at, name, fill);
            }),
            ArqEvent::Lost(loss) => {
                self.file.event(common, at, name::PACKET_LOST, |json| arq::lost(json, loss));
            }
            ArqEvent::Metrics(metrics) => self.update(common, at, *metrics),
            ArqEvent::Closed(error) => self.close_for(common, at, |json| arq::closed(json, *error)),
            ArqEvent::Dropped => self.close(common, at),
        }
    }

    /// Writes a segment of the kernel's TCP that was sent or received, and how the end changes its state with it.
    pub(super) fn write_tcp(
        &mut self,
        common: &mut Common,
        at: Time,
        segment: &tcp::Segment<'_>,
        change: Option<Change>,
    ) {
        let name = if segment.is_sent() { name::PACKET_SENT } else { name::PACKET_RECEIVED };
        self.file.event(common, at, name, |json| segment.write(json));
        match change {
            None => {}
            Some(Change::Established) => self.establish(common, at),
            Some(Change::Closed) => self.close_for(common, at, |json| json.plain("trigger", "clean")),
            Some(Change::Reset { is_local }) => self.close_for(common, at, |json| {
                events::owner(json, is_local);
                json.plain("trigger", "error");
            }),
        }
    }

    /// Writes what the kernel reports of a TCP connection, if it has changed.
    pub(super) fn write_info(&mut self, common: &mut Common, at: Time, info: &TcpInfo) {
        let before = self.info.replace(*info);
        if before == Some(*info) {
            return;
        }
        if before.map(|before| before.window_bytes) != Some(info.window_bytes) {
            self.file.event(common, at, name::METRICS_UPDATED, |json| {
                json.field("congestion_window", info.window_bytes);
            });
        }
        self.file.event(common, at, TCP_INFO, |json| tcp::info(json, info));
    }

    fn establish(&mut self, common: &mut Common, at: Time) {
        self.file.event(common, at, name::STATE_UPDATED, |json| json.plain("new", "handshake_complete"));
    }

    fn update(&mut self, common: &mut Common, at: Time, metrics: Metrics) {
        let before = self.metrics.replace(metrics);
        self.file.event(common, at, name::METRICS_UPDATED, |json| {
            events::metrics(json, &metrics, before.as_ref());
        });
    }

    /// Writes the fate of a copy of a datagram that this end sent.
    pub(super) fn write_fate(
        &mut self,
        common: &mut Common,
        packet: &PacketView<'_>,
        flight: &Flight,
        exit: Exit,
        is_overtaken: bool,
    ) {
        let name = match exit {
            Exit::Arrived { .. } => DELIVERED,
            Exit::Dropped(_) => DROPPED,
        };
        self.file.event(common, packet.at, name, |json| {
            json.field("link_number", packet.number);
            json.open_field("packets", b'[');
            for packet in &flight.packets {
                json.open(b'{');
                packet.write(json);
                json.close(b'}');
            }
            json.close(b']');
            json.field("ip_length", packet.ip_bytes);
            json.millis("delay", nanos(packet.at - flight.entered));
            match exit {
                Exit::Arrived { intact, more } => {
                    json.field("copy", flight.copies + 1);
                    json.field("is_duplicated", more || flight.copies > 0);
                    json.field("is_corrupted", !intact);
                    json.field("is_overtaken", is_overtaken);
                }
                Exit::Dropped(reason) => json.plain("trigger", drop_trigger(reason)),
            }
        });
    }

    /// Writes `connection_closed`, if the packet closes the connection.
    fn close_with(&mut self, common: &mut Common, at: Time, packet: &QuicPacket<'_>, is_local: bool) {
        let frame = packet.frames().find(|frame| matches!(frame, Frame::ConnectionClose { .. }));
        if let Some(Frame::ConnectionClose { by_application, error, reason, .. }) = frame {
            self.close_for(common, at, |json| {
                events::closed(json, is_local, (by_application, error, reason));
            });
        }
    }

    /// Writes `connection_closed`, if the connection ended without a CONNECTION_CLOSE frame.
    fn close(&mut self, common: &mut Common, at: Time) {
        self.close_for(common, at, |json| {
            events::owner(json, true);
            json.either(|_| {}, |json| json.plain("trigger", "unspecified"));
        });
    }

    fn close_for(&mut self, common: &mut Common, at: Time, fill: impl FnOnce(&mut Json)) {
        if !std::mem::replace(&mut self.has_closed, true) {
            self.file.event(common, at, name::CONNECTION_CLOSED, fill);
        }
    }
}

const DELIVERED: EventName = EventName::everywhere("wirelab:packet_delivered");
const DROPPED: EventName = EventName::everywhere("wirelab:packet_dropped");
const TCP_INFO: EventName = EventName::everywhere("wirelab:tcp_info");
const RETRIED: EventName = EventName::everywhere("wirelab:retried");
const EARLY_DATA_REJECTED: EventName = EventName::everywhere("wirelab:early_data_rejected");

/// Why the link dropped a packet.
fn drop_trigger(reason: DropReason) -> &'static str {
    match reason {
        DropReason::Lost => "loss",
        DropReason::QueueFull => "queue_full",
        DropReason::Aqm => "aqm",
        DropReason::TooLarge => "mtu",
        DropReason::NoMapping => "no_mapping",
    }
}
