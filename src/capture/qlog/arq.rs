//! Events of ARQ in qlog.
//!
//! The number of a packet is the sequence number of its segment, which is what acknowledgements name. A retransmission
//! keeps it, and has a field `transmission` of its own. Segments without content have no number.

use super::{
    events::{self, name},
    form::EventName,
    frames::{self, payload},
    json::Json,
    wire::Content,
};
use crate::{
    arq::{ConnectionError, DeclaredLoss, LossCause, SegmentKind},
    wire::segment::{Acknowledgement, Body, Segment},
};

/// The content that a segment of this kind has.
pub(super) fn content(kind: SegmentKind) -> Option<Content> {
    match kind {
        SegmentKind::Content { sequence, transmission, .. } => Some(Content { sequence, transmission }),
        SegmentKind::Acknowledgement | SegmentKind::Control => None,
    }
}

/// A segment that is sent.
pub(super) fn sent(json: &mut Json, datagram: &[u8], kind: SegmentKind) {
    if let Ok(segment) = Segment::parse(datagram) {
        packet(json, datagram, &segment);
    }
    if let SegmentKind::Content { copies_before, transmission, .. } = kind {
        json.field("transmission", transmission);
        json.field("is_retransmission", copies_before > 0);
    }
}

/// A datagram that arrived. Calls `event` with the name of the event and a function that adds its data.
pub(super) fn received(
    datagram: &[u8],
    is_kept: bool,
    event: impl FnOnce(EventName, &mut dyn FnMut(&mut Json)),
) {
    match Segment::parse(datagram) {
        Ok(segment) => event(name::PACKET_RECEIVED, &mut |json| {
            packet(json, datagram, &segment);
            if sequence(&segment.body).is_some() {
                json.field("is_kept", is_kept);
            }
        }),
        Err(error) => event(name::PACKET_DROPPED, &mut |json| {
            raw(json, datagram.len(), None);
            json.string("trigger", &error.to_string());
        }),
    }
}

/// A transmission that was declared lost.
pub(super) fn lost(json: &mut Json, loss: &DeclaredLoss) {
    header(json, Some(loss.sequence));
    json.field("transmission", loss.transmission);
    json.plain(
        "trigger",
        match loss.cause {
            LossCause::PacketThreshold | LossCause::DuplicateAcks => "reordering_threshold",
            LossCause::TimeThreshold => "time_threshold",
            LossCause::Timeout => "pto_expired",
        },
    );
}

/// The end of a connection.
pub(super) fn closed(json: &mut Json, error: Option<&ConnectionError>) {
    let is_remote = matches!(error, Some(ConnectionError::ResetByPeer | ConnectionError::Refused));
    events::owner(json, !is_remote);
    if let Some(error) = error {
        json.string("reason", &error.to_string());
    }
    json.plain(
        "trigger",
        match error {
            None => "clean",
            Some(ConnectionError::NoAnswer { .. }) => "handshake_timeout",
            Some(ConnectionError::Idle(_) | ConnectionError::PeerGone { .. }) => "idle_timeout",
            Some(ConnectionError::Reset) => "application",
            Some(ConnectionError::ResetByPeer | ConnectionError::Refused) => "error",
        },
    );
}

fn sequence(body: &Body<'_>) -> Option<u64> {
    match *body {
        Body::Data { sequence, .. } | Body::Fin { sequence } => Some(sequence),
        _ => None,
    }
}

fn header(json: &mut Json, number: Option<u64>) {
    json.open_field("header", b'{');
    json.plain("packet_type", "unknown");
    if let Some(number) = number {
        json.field("packet_number", number);
    }
    json.close(b'}');
}

fn raw(json: &mut Json, length: usize, payload: Option<usize>) {
    json.open_field("raw", b'{');
    json.field("length", length);
    if let Some(payload) = payload {
        json.field("payload_length", payload);
    }
    json.close(b'}');
}

fn packet(json: &mut Json, datagram: &[u8], segment: &Segment<'_>) {
    let Segment { body, acknowledgement, .. } = segment;
    header(json, sequence(body));
    let length = match body {
        Body::Data { payload, .. } => payload.len(),
        _ => 0,
    };
    raw(json, datagram.len(), Some(length));
    json.open_field("frames", b'[');
    body_frame(json, body);
    match body {
        Body::Hello(_) | Body::Challenge(_) => window(json, acknowledgement),
        Body::Reset { .. } => {}
        _ => {
            acked(json, acknowledgement);
            window(json, acknowledgement);
        }
    }
    json.close(b']');
}

fn body_frame(json: &mut Json, body: &Body<'_>) {
    let kind = match body {
        Body::Hello(_) => "wirelab:hello",
        Body::Challenge(_) => "wirelab:challenge",
        Body::Data { .. } => "wirelab:fragment",
        Body::Fin { .. } => "wirelab:fin",
        Body::Ping => "ping",
        Body::Reset { .. } => "wirelab:reset",
        Body::Ack => return,
    };
    json.open(b'{');
    json.plain("frame_type", kind);
    match body {
        Body::Hello(greeting) | Body::Challenge(greeting) => {
            json.hex("connection_id", &greeting.from.0.to_be_bytes());
            json.plain("mode", greeting.mode.name());
            json.field("has_cookie", greeting.cookie.0 != [0; 16]);
            json.field("max_datagram", greeting.max_datagram);
        }
        Body::Data { fragment, payload: bytes, .. } => {
            json.field("index", fragment.index);
            json.field("count", fragment.count);
            payload(json, bytes.len() as u64);
        }
        Body::Reset { sequence } => json.field("sequence_number", *sequence),
        Body::Fin { .. } | Body::Ping | Body::Ack => {}
    }
    json.close(b'}');
}

/// The acknowledged sequence numbers.
fn acked(json: &mut Json, Acknowledgement { next, ranges, .. }: &Acknowledgement) {
    let ranges = ranges.as_slice();
    if *next == 0 && ranges.is_empty() {
        return;
    }
    json.open(b'{');
    json.plain("frame_type", "ack");
    json.open_field("acked_ranges", b'[');
    if let Some(last) = next.checked_sub(1) {
        frames::range(json, 0, last);
    }
    // A segment lists the most important range first. qlog has them in ascending order.
    let mut after = 0;
    while let Some(range) = ranges.iter().filter(|range| range.start >= after).min_by_key(|range| range.start)
    {
        frames::range(json, range.start, range.end - 1);
        after = range.end;
    }
    json.close(b']');
    json.close(b'}');
}

/// How far the peer may send.
fn window(json: &mut Json, Acknowledgement { next, window, .. }: &Acknowledgement) {
    json.open(b'{');
    json.plain("frame_type", "wirelab:window");
    json.field("maximum", next + u64::from(*window));
    json.close(b'}');
}
