//! Events of QUIC in qlog.

use std::time::Duration;

use super::{
    form::Form,
    frames::{frame, transport_error},
    json::Json,
};
use crate::{
    trace::{CongestionState, LossTrigger, Lost, Metrics, PacketType, QuicPacket, Thresholds},
    unit::nanos,
    wire::quic::{Frame, parameters},
};

/// The name of an event. Its prefix is a category in version 0.3, and the name of the protocol in the drafts.
pub(super) fn name(form: Form, (category, version_03): (&str, &str), sequence: &str) -> String {
    match form {
        Form::Version03 => format!("{category}:{version_03}"),
        Form::Sequence => format!("quic:{sequence}"),
    }
}

pub(super) fn packet_type(packet_type: PacketType) -> &'static str {
    match packet_type {
        PacketType::Initial => "initial",
        PacketType::ZeroRtt => "0RTT",
        PacketType::Handshake => "handshake",
        PacketType::OneRtt => "1RTT",
    }
}

/// The type and the number of a packet.
pub(super) fn short_header(json: &mut Json, of: PacketType, number: u64) {
    json.plain("packet_type", packet_type(of));
    json.field("packet_number", number);
}

/// A packet with its frames.
pub(super) fn packet(json: &mut Json, form: Form, packet: &QuicPacket<'_>) {
    header(json, packet);
    json.open_field("raw", '{');
    json.field("length", packet.bytes);
    json.field("payload_length", packet.payload.len());
    json.close('}');
    json.open_field("frames", '[');
    packet.frames().for_each(|found| frame(json, form, &found));
    json.close(']');
}

/// The field `header` of a packet.
fn header(json: &mut Json, packet: &QuicPacket<'_>) {
    json.open_field("header", '{');
    short_header(json, packet.packet_type, packet.number);
    if let Some(LongHeader { version, destination, source }) = LongHeader::of(packet) {
        json.hex("version", version);
        json.hex("dcid", destination);
        json.hex("scid", source);
    }
    json.close('}');
}

/// The first fields of a long header (RFC 9000 section 17.2).
struct LongHeader<'a> {
    version: &'a [u8],
    destination: &'a [u8],
    source: &'a [u8],
}

impl<'a> LongHeader<'a> {
    fn of(packet: &QuicPacket<'a>) -> Option<Self> {
        if packet.packet_type == PacketType::OneRtt {
            return None;
        }
        let (version, rest) = packet.header.get(1..)?.split_at_checked(4)?;
        let (length, rest) = rest.split_first()?;
        let (destination, rest) = rest.split_at_checked(usize::from(*length))?;
        let (length, rest) = rest.split_first()?;
        let source = rest.get(..usize::from(*length))?;
        Some(Self { version, destination, source })
    }
}

pub(super) fn lost(json: &mut Json, lost: &Lost) {
    json.open_field("header", '{');
    short_header(json, lost.packet_type, lost.number);
    json.close('}');
    if lost.is_mtu_probe {
        json.field("is_mtu_probe_packet", true);
    }
    json.plain(
        "trigger",
        match lost.trigger {
            LossTrigger::PacketThreshold => "reordering_threshold",
            LossTrigger::TimeThreshold => "time_threshold",
        },
    );
}

/// A packet that was decrypted and ignored.
pub(super) fn dropped(json: &mut Json, form: Form, packet: &QuicPacket<'_>, is_duplicate: bool) {
    header(json, packet);
    json.open_field("raw", '{');
    json.field("length", packet.bytes);
    json.close('}');
    json.plain(
        "trigger",
        match (is_duplicate, form) {
            (true, _) => "duplicate",
            (false, Form::Version03) => "unexpected_packet",
            (false, Form::Sequence) => "rejected",
        },
    );
}

pub(super) fn thresholds(json: &mut Json, thresholds: &Thresholds) {
    json.field("reordering_threshold", thresholds.packets);
    json.field("time_threshold", thresholds.time);
    json.field("timer_granularity", 1);
}

/// A field of the metrics: its name and its value.
type Field<T> = (&'static str, fn(&Metrics) -> T);

/// The metrics that changed since `before`. All of them if `before` is `None`.
pub(super) fn metrics(json: &mut Json, now: &Metrics, before: Option<&Metrics>) {
    let durations: [Field<Duration>; 4] = [
        ("min_rtt", |metrics| metrics.min_rtt),
        ("smoothed_rtt", |metrics| metrics.smoothed_rtt),
        ("latest_rtt", |metrics| metrics.latest_rtt),
        ("rtt_variance", |metrics| metrics.rtt_variance),
    ];
    for (name, value) in durations {
        if before.map(value) != Some(value(now)) {
            json.millis(name, nanos(value(now)));
        }
    }
    let counts: [Field<Option<u64>>; 5] = [
        ("pto_count", |metrics| Some(u64::from(metrics.pto_count))),
        ("congestion_window", |metrics| Some(metrics.congestion_window)),
        ("bytes_in_flight", |metrics| Some(metrics.bytes_in_flight)),
        ("packets_in_flight", |metrics| Some(metrics.packets_in_flight)),
        // The initial slow start threshold is infinite (RFC 9002 section 7.3.1).
        ("ssthresh", |metrics| metrics.ssthresh.filter(|bytes| *bytes < u64::MAX)),
    ];
    for (name, value) in counts {
        if let Some(count) = value(now)
            && before.and_then(value) != Some(count)
        {
            json.field(name, count);
        }
    }
}

pub(super) fn congestion_states(json: &mut Json, old: Option<CongestionState>, new: CongestionState) {
    if let Some(old) = old {
        json.plain("old", congestion_state(old));
    }
    json.plain("new", congestion_state(new));
}

fn congestion_state(state: CongestionState) -> &'static str {
    match state {
        CongestionState::SlowStart => "slow_start",
        CongestionState::CongestionAvoidance => "congestion_avoidance",
        CongestionState::Recovery => "recovery",
    }
}

/// How a transport parameter is written.
enum Kind {
    Integer,
    Bytes,
    Flag,
}

/// The transport parameters (RFC 9000 section 18.2), and whether version 0.3 knows them too.
const PARAMETERS: [(u64, &str, Kind, bool); 18] = [
    (0x00, "original_destination_connection_id", Kind::Bytes, true),
    (0x01, "max_idle_timeout", Kind::Integer, true),
    (0x02, "stateless_reset_token", Kind::Bytes, true),
    (0x03, "max_udp_payload_size", Kind::Integer, true),
    (0x04, "initial_max_data", Kind::Integer, true),
    (0x05, "initial_max_stream_data_bidi_local", Kind::Integer, true),
    (0x06, "initial_max_stream_data_bidi_remote", Kind::Integer, true),
    (0x07, "initial_max_stream_data_uni", Kind::Integer, true),
    (0x08, "initial_max_streams_bidi", Kind::Integer, true),
    (0x09, "initial_max_streams_uni", Kind::Integer, true),
    (0x0a, "ack_delay_exponent", Kind::Integer, true),
    (0x0b, "max_ack_delay", Kind::Integer, true),
    (0x0c, "disable_active_migration", Kind::Flag, true),
    (0x0e, "active_connection_id_limit", Kind::Integer, true),
    (0x0f, "initial_source_connection_id", Kind::Bytes, true),
    (0x10, "retry_source_connection_id", Kind::Bytes, true),
    (0x20, "max_datagram_frame_size", Kind::Integer, false),
    (0x2ab2, "grease_quic_bit", Kind::Flag, false),
];

/// The transport parameters of one end, in ascending order of their ids.
pub(super) fn transport_parameters(json: &mut Json, form: Form, is_local: bool, encoded: &[u8]) {
    owner(json, form, is_local);
    for (id, name, kind, is_in_version_03) in PARAMETERS {
        let Some(found) = parameters(encoded).find(|found| found.id == id) else { continue };
        if !is_in_version_03 && form == Form::Version03 {
            continue;
        }
        match kind {
            Kind::Integer => found.integer().iter().for_each(|value| json.field(name, value)),
            Kind::Bytes => json.hex(name, found.value),
            Kind::Flag => json.field(name, true),
        }
    }
}

fn owner(json: &mut Json, form: Form, is_local: bool) {
    let name = if form == Form::Version03 { "owner" } else { "initiator" };
    json.plain(name, if is_local { "local" } else { "remote" });
}

/// The data of `connection_closed`. `None` if `frame` does not close the connection.
pub(super) fn closed(json: &mut Json, form: Form, is_local: bool, frame: &Frame<'_>) -> Option<()> {
    let Frame::ConnectionClose { by_application, error, reason, .. } = *frame else { return None };
    json.open('{');
    owner(json, form, is_local);
    let name = transport_error(error).filter(|_| !by_application);
    match (form, by_application, name) {
        (Form::Version03, true, _) => json.field("application_code", error),
        (Form::Version03, false, None) => json.field("connection_code", error),
        (Form::Version03, false, Some(name)) => json.plain("connection_code", name),
        (Form::Sequence, true, _) => {
            json.plain("application_error", "unknown");
            json.field("error_code", error);
        }
        (Form::Sequence, false, None) => {
            json.plain("connection_error", "unknown");
            json.field("error_code", error);
        }
        (Form::Sequence, false, Some(name)) => json.plain("connection_error", name),
    }
    json.string("reason", &String::from_utf8_lossy(reason));
    json.plain("trigger", if by_application || error == 0 { "application" } else { "error" });
    json.close('}');
    Some(())
}
