//! Limits of a QUIC connection.

use std::time::Duration;

use crate::{serve::buffers::buffer_bytes, transport::quic::QuicLimits};

/// A client may open one bidirectional stream for this many bytes of its buffer: 128 streams at most.
const BYTES_PER_STREAM: usize = 8 << 10;

/// Unidirectional streams that a client may open, for the performance protocol and for transfers.
const UNIDIRECTIONAL_STREAMS: u32 = 16;

/// Limits of a connection beside `others`.
pub(super) fn limits(others: usize, idle: Duration) -> QuicLimits {
    let buffer = buffer_bytes(others);
    QuicLimits {
        streams: u32::try_from(buffer / BYTES_PER_STREAM).unwrap_or(u32::MAX),
        unidirectional: UNIDIRECTIONAL_STREAMS,
        receive_window: buffer as u64,
        send_buffer: buffer as u64,
        idle: Some(idle),
        keeps_alive: false,
    }
}
