//! Frames of QUIC in qlog.

use super::json::Json;
use crate::wire::quic::{Ack, Frame};

/// The `ack_delay_exponent` of both ends. quinn uses the default (RFC 9000 section 18.2).
const ACK_DELAY_EXPONENT: u32 = 3;

/// Adds a frame.
pub(super) fn frame(json: &mut Json, frame: &Frame<'_>) {
    json.open(b'{');
    json.plain("frame_type", name(frame));
    match *frame {
        Frame::Padding { length } => {
            json.either(|json| json.field("payload_length", length), |json| raw(json, length));
        }
        Frame::Ping | Frame::HandshakeDone => {}
        Frame::Ack(ack) => acknowledgement(json, &ack),
        Frame::ResetStream { id, error, final_size } => {
            json.field("stream_id", id);
            application_error(json, error);
            json.field("final_size", final_size);
        }
        Frame::StopSending { id, error } => {
            json.field("stream_id", id);
            application_error(json, error);
        }
        Frame::Crypto { offset, length } => {
            json.field("offset", offset);
            payload(json, length);
        }
        Frame::NewToken(token) => {
            json.open_field("token", b'{');
            payload(json, token.len() as u64);
            json.close(b'}');
        }
        Frame::Stream { id, offset, length, fin } => {
            json.field("stream_id", id);
            json.field("offset", offset);
            if fin {
                json.field("fin", true);
            }
            payload(json, length);
        }
        Frame::MaxData(maximum) => json.field("maximum", maximum),
        Frame::MaxStreamData { id, maximum } => {
            json.field("stream_id", id);
            json.field("maximum", maximum);
        }
        Frame::MaxStreams { bidirectional, maximum } => {
            stream_type(json, bidirectional);
            json.field("maximum", maximum);
        }
        Frame::DataBlocked(limit) => json.field("limit", limit),
        Frame::StreamDataBlocked { id, limit } => {
            json.field("stream_id", id);
            json.field("limit", limit);
        }
        Frame::StreamsBlocked { bidirectional, limit } => {
            stream_type(json, bidirectional);
            json.field("limit", limit);
        }
        Frame::NewConnectionId { sequence, retire_prior_to, id, reset_token } => {
            json.field("sequence_number", sequence);
            json.field("retire_prior_to", retire_prior_to);
            json.hex("connection_id", id);
            json.hex("stateless_reset_token", reset_token);
        }
        Frame::RetireConnectionId(sequence) => json.field("sequence_number", sequence),
        Frame::PathChallenge(data) | Frame::PathResponse(data) => json.hex("data", data),
        Frame::ConnectionClose { by_application, error, reason, .. } => {
            json.plain("error_space", if by_application { "application" } else { "transport" });
            close_error(json, by_application, error);
            json.string("reason", &String::from_utf8_lossy(reason));
        }
        Frame::Datagram(bytes) => payload(json, bytes.len() as u64),
        // Extensions without a name in qlog.
        Frame::ImmediateAck => unknown(json, 0x1f),
        Frame::AckFrequency { .. } => unknown(json, 0xaf),
    }
    json.close(b'}');
}

fn name(frame: &Frame<'_>) -> &'static str {
    match frame {
        Frame::Padding { .. } => "padding",
        Frame::Ping => "ping",
        Frame::Ack(_) => "ack",
        Frame::ResetStream { .. } => "reset_stream",
        Frame::StopSending { .. } => "stop_sending",
        Frame::Crypto { .. } => "crypto",
        Frame::NewToken(_) => "new_token",
        Frame::Stream { .. } => "stream",
        Frame::MaxData(_) => "max_data",
        Frame::MaxStreamData { .. } => "max_stream_data",
        Frame::MaxStreams { .. } => "max_streams",
        Frame::DataBlocked(_) => "data_blocked",
        Frame::StreamDataBlocked { .. } => "stream_data_blocked",
        Frame::StreamsBlocked { .. } => "streams_blocked",
        Frame::NewConnectionId { .. } => "new_connection_id",
        Frame::RetireConnectionId(_) => "retire_connection_id",
        Frame::PathChallenge(_) => "path_challenge",
        Frame::PathResponse(_) => "path_response",
        Frame::ConnectionClose { .. } => "connection_close",
        Frame::HandshakeDone => "handshake_done",
        Frame::Datagram(_) => "datagram",
        Frame::ImmediateAck | Frame::AckFrequency { .. } => "unknown",
    }
}

fn acknowledgement(json: &mut Json, ack: &Ack<'_>) {
    let micros = ack.delay.checked_shl(ACK_DELAY_EXPONENT).unwrap_or(u64::MAX);
    json.millis("ack_delay", micros.saturating_mul(1000));
    ranges(json, ack.ranges());
    if let Some([ect0, ect1, ce]) = ack.ecn {
        json.field("ect0", ect0);
        json.field("ect1", ect1);
        json.field("ce", ce);
    }
}

/// The acknowledged ranges, the first and the last number of each. `descending` has the highest first.
fn ranges(json: &mut Json, descending: impl Iterator<Item = (u64, u64)>) {
    const MOST: usize = 32;
    let mut ranges = [(0, 0); MOST];
    let mut count = 0;
    json.open_field("acked_ranges", b'[');
    let mut descending = descending.fuse();
    for (place, range) in ranges.iter_mut().zip(descending.by_ref()) {
        (*place, count) = (range, count + 1);
    }
    // Rare: only these need memory of their own.
    let mut lowest: Vec<(u64, u64)> = descending.collect();
    lowest.reverse();
    for (first, last) in lowest.into_iter().chain(ranges[..count].iter().rev().copied()) {
        range(json, first, last);
    }
    json.close(b']');
}

/// A range of numbers in an array.
pub(super) fn range(json: &mut Json, first: u64, last: u64) {
    json.open(b'[');
    json.item(first);
    json.item(last);
    json.close(b']');
}

fn raw(json: &mut Json, length: u64) {
    json.open_field("raw", b'{');
    json.field("payload_length", length);
    json.close(b'}');
}

/// The length of a frame's data.
pub(super) fn payload(json: &mut Json, length: u64) {
    json.either(|json| json.field("length", length), |json| raw(json, length));
}

fn stream_type(json: &mut Json, bidirectional: bool) {
    json.plain("stream_type", if bidirectional { "bidirectional" } else { "unidirectional" });
}

fn unknown(json: &mut Json, frame_type: u64) {
    let field = |name| move |json: &mut Json| json.field(name, frame_type);
    json.either(field("raw_frame_type"), field("frame_type_bytes"));
}

/// An error code of the application, which has no name.
fn application_error(json: &mut Json, error: u64) {
    json.either(|_| {}, |json| json.plain("error", "unknown"));
    json.field("error_code", error);
}

/// The error of a CONNECTION_CLOSE frame.
fn close_error(json: &mut Json, by_application: bool, error: u64) {
    match transport_error(error).filter(|_| !by_application) {
        None => application_error(json, error),
        Some(name) => json.either(|json| json.plain("error_code", &name), |json| json.plain("error", &name)),
    }
}

/// The name of a transport error (RFC 9000 section 20.1), if both forms know it.
pub(super) fn transport_error(error: u64) -> Option<String> {
    const NAMES: [&str; 14] = [
        "no_error",
        "internal_error",
        "connection_refused",
        "flow_control_error",
        "stream_limit_error",
        "stream_state_error",
        "final_size_error",
        "frame_encoding_error",
        "transport_parameter_error",
        "connection_id_limit_error",
        "protocol_violation",
        "invalid_token",
        "application_error",
        "crypto_buffer_exceeded",
    ];
    match error {
        0x100..=0x1ff => Some(format!("crypto_error_{error:#x}")),
        _ => NAMES.get(usize::try_from(error).ok()?).map(|name| (*name).to_owned()),
    }
}
