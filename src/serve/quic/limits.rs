//! Limits of a QUIC connection.

use crate::{
    serve::{buffers::buffer_bytes, options::Options},
    transport::quic::QuicLimits,
};

/// At first a client may open one stream for this many bytes of its buffer: 2048 streams at most.
const BYTES_PER_STREAM: usize = 512;

/// The first limits of a connection beside `others`. They grow as they fill.
pub(super) fn limits(others: usize, options: &Options) -> QuicLimits {
    let buffer = buffer_bytes(others);
    let streams = u32::try_from(buffer / BYTES_PER_STREAM).unwrap_or(u32::MAX).min(options.max_streams);
    let window = (buffer as u64).min(options.max_window);
    QuicLimits {
        streams,
        // For the performance protocol and for transfers.
        unidirectional: streams,
        max_streams: options.max_streams,
        receive_window: window,
        send_buffer: window,
        max_window: options.max_window,
        idle: Some(options.idle),
        keeps_alive: false,
    }
}
