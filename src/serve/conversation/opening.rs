//! Finds out from its first bytes what a byte stream carries.
//!
//! A stream that begins with a probe that requests a report belongs to a measurement. There is no protocol negotiation
//! (ALPN or a greeting) for this: TCP has no place for it, and a client must be able to measure any echo server. Such
//! a server returns the request itself, which tells the client that there is no report. The messages of a
//! [transfer](crate::wire::transfer) are recognised in the same way. Any other stream is copied from its first byte on.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};

use super::aborted::Aborted;
use crate::{
    path::timeout,
    serve::worker::Worker,
    wire::{
        HEADER_BYTES,
        probe::{MAGIC, message_length},
        transfer,
    },
};

/// How long to wait for the rest of a possible header. Few plain streams begin with a `W`, and they wait no longer
/// than this.
const HEADER_WAIT: Duration = Duration::from_secs(5);

/// The beginning of a stream.
pub(crate) struct Opening {
    /// The bytes that have been read.
    pub(crate) bytes: Vec<u8>,
    pub(crate) kind: StreamKind,
}

/// What a stream carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StreamKind {
    /// Bytes for the service.
    Plain,
    /// Probes of a measurement. All its messages have the length that the first one states.
    Measured {
        /// Bytes of each message.
        message_len: usize,
    },
    /// A transfer.
    Transfer,
}

/// Reads more of a stream that begins with `bytes` until its kind is known.
pub(super) async fn read_kind<R: AsyncRead + Unpin>(
    worker: &Worker,
    bytes: &mut Vec<u8>,
    reader: &mut R,
) -> Result<StreamKind, Aborted> {
    let could_be = |magic: [u8; 4], bytes: &[u8]| magic.iter().zip(bytes).all(|(a, b)| a == b);
    while bytes.len() < HEADER_BYTES && (could_be(MAGIC, bytes) || could_be(transfer::MAGIC, bytes)) {
        let mut rest = [0; HEADER_BYTES];
        let rest = &mut rest[bytes.len()..];
        match timeout(&*worker.host, HEADER_WAIT, reader.read(rest)).await {
            Ok(Ok(0)) | Err(_) => break,
            Ok(Ok(read)) => bytes.extend_from_slice(&rest[..read]),
            Ok(Err(_)) => return Err(Aborted::Broken),
        }
    }
    let message_len = bytes.first_chunk().and_then(message_length);
    Ok(match message_len.filter(|len| *len <= worker.options.max_message) {
        Some(message_len) => StreamKind::Measured { message_len },
        // Of any version: the answer tells the client which version this server has.
        None if bytes.first_chunk().and_then(transfer::version).is_some() => StreamKind::Transfer,
        None => StreamKind::Plain,
    })
}
