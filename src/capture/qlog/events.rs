//! Events of QUIC in qlog.

use std::time::Duration;

use super::{
    form::EventName,
    frames::{frame, transport_error},
    json::Json,
};
use crate::{
    trace::{CongestionState, LossTrigger, Lost, Metrics, PacketType, QuicPacket, Thresholds},
    unit::nanos,
    wire::quic::parameters,
};

/// The name of an event: its category and its name in version 0.3, and its name in the drafts.
macro_rules! published {
    ($category:literal, $version_03:literal, $sequence:literal) => {
        EventName::published(
            concat!($category, ":", $version_03),
            concat!("quic:", $sequence),
            concat!("wirelab:", $sequence),
        )
    };
}

/// Names of events of the published schemas.
pub(super) mod name {
    use super::EventName;

    pub(in super::super) const CONNECTION_STARTED: EventName =
        published!("connectivity", "connection_started", "connection_started");
    pub(in super::super) const CONNECTION_CLOSED: EventName =
        published!("connectivity", "connection_closed", "connection_closed");
    pub(in super::super) const STATE_UPDATED: EventName =
        published!("connectivity", "connection_state_updated", "connection_state_updated");
    pub(in super::super) const PARAMETERS_SET: EventName =
        published!("transport", "parameters_set", "parameters_set");
    pub(in super::super) const PACKET_SENT: EventName = published!("transport", "packet_sent", "packet_sent");
    pub(in super::super) const PACKET_RECEIVED: EventName =
        published!("transport", "packet_received", "packet_received");
    pub(in super::super) const PACKET_DROPPED: EventName =
        published!("transport", "packet_dropped", "packet_dropped");
    pub(in super::super) const THRESHOLDS_SET: EventName =
        published!("recovery", "parameters_set", "recovery_parameters_set");
    pub(in super::super) const METRICS_UPDATED: EventName =
        published!("recovery", "metrics_updated", "recovery_metrics_updated");
    pub(in super::super) const CONGESTION_UPDATED: EventName =
        published!("recovery", "congestion_state_updated", "congestion_state_updated");
    pub(in super::super) const PACKET_LOST: EventName = published!("recovery", "packet_lost", "packet_lost");
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
pub(super) fn packet(json: &mut Json, packet: &QuicPacket<'_>) {
    header(json, packet);
    json.open_field("raw", b'{');
    json.field("length", packet.bytes);
    json.field("payload_length", packet.payload.len());
    json.close(b'}');
    json.open_field("frames", b'[');
    packet.frames().for_each(|found| frame(json, &found));
    json.close(b']');
}

/// The field `header` of a packet.
fn header(json: &mut Json, packet: &QuicPacket<'_>) {
    json.open_field("header", b'{');
    short_header(json, packet.packet_type, packet.number);
    if let Some(LongHeader { version, destination, source }) = LongHeader::of(packet) {
        json.hex("version", version);
        json.hex("dcid", destination);
        json.hex("scid", source);
    }
    json.close(b'}');
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
    json.open_field("header", b'{');
    short_header(json, lost.packet_type, lost.number);
    json.close(b'}');
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
pub(super) fn dropped(json: &mut Json, packet: &QuicPacket<'_>, is_duplicate: bool) {
    header(json, packet);
    json.open_field("raw", b'{');
    json.field("length", packet.bytes);
    json.close(b'}');
    match is_duplicate {
        true => json.plain("trigger", "duplicate"),
        false => json.either(
            |json| json.plain("trigger", "unexpected_packet"),
            |json| json.plain("trigger", "rejected"),
        ),
    }
}

pub(super) fn thresholds(json: &mut Json, thresholds: &Thresholds) {
    json.field("reordering_threshold", thresholds.packets);
    json.field("time_threshold", thresholds.time);
    json.field("timer_granularity", 1u32);
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
    // ARQ has no RTT before the first sample.
    let has_rtt = !now.smoothed_rtt.is_zero();
    for (name, value) in durations {
        if before.map(value) != Some(value(now)) && has_rtt {
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
pub(super) fn transport_parameters(json: &mut Json, is_local: bool, encoded: &[u8]) {
    owner(json, is_local);
    for (id, name, kind, is_in_version_03) in PARAMETERS {
        let Some(found) = parameters(encoded).find(|found| found.id == id) else { continue };
        let write = |json: &mut Json| match kind {
            Kind::Integer => found.integer().iter().for_each(|value| json.field(name, *value)),
            Kind::Bytes => json.hex(name, found.value),
            Kind::Flag => json.field(name, true),
        };
        match is_in_version_03 {
            true => write(json),
            false => json.either(|_| {}, write),
        }
    }
}

/// Which end does something.
pub(super) fn owner(json: &mut Json, is_local: bool) {
    let end = if is_local { "local" } else { "remote" };
    json.either(|json| json.plain("owner", end), |json| json.plain("initiator", end));
}

/// The data of `connection_closed`, for a CONNECTION_CLOSE frame.
pub(super) fn closed(json: &mut Json, is_local: bool, (by_application, error, reason): (bool, u64, &[u8])) {
    owner(json, is_local);
    match transport_error(error).filter(|_| !by_application) {
        Some(name) => json.either(
            |json| json.plain("connection_code", &name),
            |json| json.plain("connection_error", &name),
        ),
        None => {
            let (code, name) = match by_application {
                true => ("application_code", "application_error"),
                false => ("connection_code", "connection_error"),
            };
            json.either(
                |json| json.field(code, error),
                |json| {
                    json.plain(name, "unknown");
                    json.field("error_code", error);
                },
            );
        }
    }
    json.string("reason", &String::from_utf8_lossy(reason));
    json.plain("trigger", if by_application || error == 0 { "application" } else { "error" });
}
