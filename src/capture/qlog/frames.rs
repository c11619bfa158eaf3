//! Frames of QUIC in qlog.

use super::{form::Form, json::Json};
use crate::wire::quic::{Ack, Frame};

/// The `ack_delay_exponent` of both ends. quinn uses the default (RFC 9000 section 18.2).
const ACK_DELAY_EXPONENT: u32 = 3;

/// Adds a frame.
pub(super) fn frame(json: &mut Json, form: Form, frame: &Frame<'_>) {
    json.open('{');
    json.plain("frame_type", name(frame));
    match *frame {
        Frame::Padding { length } => match form {
            Form::Version03 => json.field("payload_length", length),
            Form::Sequence => raw(json, length),
        },
        Frame::Ping | Frame::HandshakeDone => {}
        Frame::Ack(ack) => acknowledgement(json, &ack),
        Frame::ResetStream { id, error, final_size } => {
            json.field("stream_id", id);
            application_error(json, form, error);
            json.field("final_size", final_size);
        }
        Frame::StopSending { id, error } => {
            json.field("stream_id", id);
            application_error(json, form, error);
        }
        Frame::Crypto { offset, length } => {
            json.field("offset", offset);
            payload(json, form, length);
        }
        Frame::NewToken(token) => {
            json.open_field("token", '{');
            match form {
                Form::Version03 => json.field("length", token.len()),
                Form::Sequence => raw(json, token.len() as u64),
            }
            json.close('}');
        }
        Frame::Stream { id, offset, length, fin } => {
            json.field("stream_id", id);
            json.field("offset", offset);
            if fin {
                json.field("fin", true);
            }
            payload(json, form, length);
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
            close_error(json, form, by_application, error);
            json.string("reason", &String::from_utf8_lossy(reason));
        }
        Frame::Datagram(bytes) => match form {
            Form::Version03 => json.field("length", bytes.len()),
            Form::Sequence => raw(json, bytes.len() as u64),
        },
        // Extensions without a name in qlog.
        Frame::ImmediateAck => unknown(json, form, 0x1f),
        Frame::AckFrequency { .. } => unknown(json, form, 0xaf),
    }
    json.close('}');
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
    json.open_field("acked_ranges", '[');
    let mut ranges: Vec<(u64, u64)> = ack.ranges().collect();
    ranges.reverse();
    for (first, last) in ranges {
        json.open('[');
        json.item(first);
        json.item(last);
        json.close(']');
    }
    json.close(']');
    if let Some([ect0, ect1, ce]) = ack.ecn {
        json.field("ect0", ect0);
        json.field("ect1", ect1);
        json.field("ce", ce);
    }
}

fn raw(json: &mut Json, length: u64) {
    json.open_field("raw", '{');
    json.field("payload_length", length);
    json.close('}');
}

/// The length of a frame's data.
fn payload(json: &mut Json, form: Form, length: u64) {
    match form {
        Form::Version03 => json.field("length", length),
        Form::Sequence => raw(json, length),
    }
}

fn stream_type(json: &mut Json, bidirectional: bool) {
    json.plain("stream_type", if bidirectional { "bidirectional" } else { "unidirectional" });
}

fn unknown(json: &mut Json, form: Form, frame_type: u64) {
    match form {
        Form::Version03 => json.field("raw_frame_type", frame_type),
        Form::Sequence => json.field("frame_type_bytes", frame_type),
    }
}

/// An error code of the application, which has no name.
fn application_error(json: &mut Json, form: Form, error: u64) {
    if form == Form::Sequence {
        json.plain("error", "unknown");
    }
    json.field("error_code", error);
}

/// The error of a CONNECTION_CLOSE frame.
fn close_error(json: &mut Json, form: Form, by_application: bool, error: u64) {
    match (form, transport_error(error).filter(|_| !by_application)) {
        (_, None) => application_error(json, form, error),
        (Form::Version03, Some(name)) => json.plain("error_code", name),
        (Form::Sequence, Some(name)) => json.plain("error", name),
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
