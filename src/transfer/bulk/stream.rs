//! Bulk data over a byte stream: messages with a length in their header, one after the other.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, split};

use super::{Bulk, Incoming, Moved, Nature, Outgoing};
use crate::{
    path::{BoxFuture, Connected, KernelTcp},
    transport::{
        ChannelError, Recovery, StreamSession,
        tls::{SPEAKS_TLS, is_tls_alert},
    },
    wire::transfer::{Piece, TRANSFER_HEADER_BYTES, VERSION, body_length, version},
};

/// Bytes reserved for the first message before anything has arrived.
const UNPROVEN: usize = 4 << 10;

/// An end on a byte stream.
pub(super) fn bulk(StreamSession { connected, wire_bytes, .. }: StreamSession) -> Bulk {
    let Connected { stream, peer, kernel, .. } = connected;
    let (reader, writer) = split(stream);
    let kernel: Option<Arc<dyn KernelTcp>> = kernel.map(Arc::from);
    let received = Arc::<AtomicU64>::default();
    Bulk {
        outgoing: Box::new(StreamOutgoing { peer, writer }),
        incoming: Box::new(StreamIncoming { peer, messages: Messages::counted(reader, received.clone()) }),
        nature: Nature::RELIABLE,
        moved: moved(kernel.clone(), wire_bytes, received),
        recovery: Arc::new(move || Recovery::of_kernel(kernel.as_deref())),
    }
}

/// The counters of a stream: `received` counts the bytes that were read from it, and the kernel's TCP those that were
/// acknowledged. `wire_bytes` returns how many bytes of TCP a message takes.
pub(crate) fn moved(
    kernel: Option<Arc<dyn KernelTcp>>,
    wire_bytes: fn(usize) -> u64,
    received: Arc<AtomicU64>,
) -> Moved {
    let by_kernel = move || kernel.as_ref()?.info()?.acknowledged_bytes;
    let acknowledged = by_kernel()
        .map(|before| move || bytes_of_messages(by_kernel().unwrap_or(0).saturating_sub(before), wire_bytes));
    Moved::new(acknowledged, move || received.load(Ordering::Relaxed))
}

/// The bytes of messages in the first `bytes` of a TCP connection. May be too low by the overhead of one record.
fn bytes_of_messages(bytes: u64, wire_bytes: fn(usize) -> u64) -> u64 {
    let message = Nature::RELIABLE.message_bytes;
    let (whole, rest) = (bytes / wire_bytes(message), bytes % wire_bytes(message));
    let overhead = wire_bytes(usize::try_from(rest).unwrap_or(usize::MAX)) - rest;
    whole * message as u64 + rest.saturating_sub(overhead)
}

/// Sends messages on a byte stream.
pub(crate) struct StreamOutgoing<W> {
    pub(crate) peer: SocketAddr,
    pub(crate) writer: W,
}

/// Receives messages from a byte stream.
pub(crate) struct StreamIncoming<R> {
    pub(crate) peer: SocketAddr,
    pub(crate) messages: Messages<R>,
}

impl<W: AsyncWrite + Send + Unpin> StreamOutgoing<W> {
    async fn write(&mut self, mut message: impl Buf) -> Result<(), ChannelError> {
        let written = match self.writer.write_all_buf(&mut message).await {
            Ok(()) => self.writer.flush().await,
            failed => failed,
        };
        written.map_err(|e| lost(self.peer, &e))
    }
}

impl<W: AsyncWrite + Send + Unpin> Outgoing for StreamOutgoing<W> {
    fn send(&mut self, message: Bytes) -> BoxFuture<'_, Result<(), ChannelError>> {
        Box::pin(self.write(message))
    }

    fn send_piece(&mut self, piece: Piece) -> BoxFuture<'_, Result<(), ChannelError>> {
        Box::pin(async move { self.write(Buf::chain(&piece.header()[..], piece.bytes)).await })
    }

    fn finish(&mut self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            // If this fails, the stream has ended all the same.
            let _ = self.writer.shutdown().await;
        })
    }
}

impl<R: AsyncRead + Send + Unpin> Incoming for StreamIncoming<R> {
    fn recv(&mut self) -> BoxFuture<'_, Result<Bytes, ChannelError>> {
        Box::pin(async move { self.messages.next().await.map_err(|e| lost(self.peer, &e)) })
    }
}

/// The messages of a byte stream.
pub(crate) struct Messages<R> {
    reader: R,
    /// The part of the next message that has been read. Reuses the memory of earlier messages.
    buffer: BytesMut,
    /// Whether a whole message has arrived. Memory for later messages is reserved at once.
    proven: bool,
    /// Counts the bytes read, of incomplete messages too.
    received: Arc<AtomicU64>,
}

impl<R: AsyncRead + Unpin> Messages<R> {
    #[cfg(any(real_time, test))]
    pub(crate) fn new(reader: R) -> Self {
        Self::counted(reader, Arc::default())
    }

    /// Like [`Self::new`], but adds the number of bytes read to `received`.
    pub(crate) fn counted(reader: R, received: Arc<AtomicU64>) -> Self {
        Self { reader, buffer: BytesMut::new(), proven: false, received }
    }

    /// The next message. Before the first is complete, memory is reserved as bytes arrive, not for the length that its
    /// header claims.
    pub(crate) async fn next(&mut self) -> io::Result<Bytes> {
        self.fill(TRANSFER_HEADER_BYTES, 0).await?;
        let length = self.buffer.first_chunk().and_then(body_length).ok_or_else(|| self.unreadable())?;
        let whole = TRANSFER_HEADER_BYTES + length;
        // Also reads the next header if it is there, which saves a system call.
        self.fill(whole, TRANSFER_HEADER_BYTES).await?;
        self.proven = true;
        Ok(self.buffer.split_to(whole).freeze())
    }

    /// What has been read beyond the last message.
    #[cfg(real_time)]
    pub(crate) fn unread(self) -> Bytes {
        self.buffer.freeze()
    }

    /// The error for bytes that do not begin a message of this version.
    fn unreadable(&self) -> io::Error {
        if self.buffer.first_chunk().and_then(version).is_some_and(|version| version != VERSION) {
            return io::Error::new(io::ErrorKind::InvalidData, OtherVersion);
        }
        let what = if is_tls_alert(&self.buffer) { SPEAKS_TLS } else { "not a transfer message" };
        io::Error::new(io::ErrorKind::InvalidData, what)
    }

    /// Reads until the buffer holds `bytes`, and up to `more` beyond if they are available.
    async fn fill(&mut self, bytes: usize, more: usize) -> io::Result<()> {
        while self.buffer.len() < bytes {
            let missing = bytes + more - self.buffer.len();
            self.buffer.reserve(if self.proven {
                missing
            } else {
                missing.min(self.buffer.len().max(UNPROVEN))
            });
            let mut rest = (&mut self.reader).take(missing as u64);
            let read = rest.read_buf(&mut self.buffer).await?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.received.fetch_add(read as u64, Ordering::Relaxed);
        }
        Ok(())
    }
}

/// A message has another version.
#[derive(Debug, thiserror::Error)]
#[error("another version")]
struct OtherVersion;

/// Whether a message could not be read because it has another version.
pub(super) fn is_other_version(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<OtherVersion>())
}

fn lost(peer: SocketAddr, error: &io::Error) -> ChannelError {
    if is_other_version(error) {
        return ChannelError::OtherVersion(peer);
    }
    let reason = match error.kind() {
        io::ErrorKind::UnexpectedEof => "the peer closed it".to_owned(),
        _ => error.to_string(),
    };
    ChannelError::Lost { peer, reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_records_add_is_no_message() {
        /// The length in TLS records of 16 KiB each.
        fn in_records(length: usize) -> u64 {
            (length + length.div_ceil(1 << 14) * 22) as u64
        }
        let message = Nature::RELIABLE.message_bytes;
        for messages in [1, 2, 1000] {
            let wire = messages * in_records(message);
            assert_eq!(bytes_of_messages(wire, in_records), messages * message as u64);
            let more = bytes_of_messages(wire + in_records(20_000), in_records) - messages * message as u64;
            assert!((20_000 - 22..=20_000).contains(&more), "{more}");
        }
        assert_eq!(bytes_of_messages(22, in_records), 0, "a record without content");
        assert_eq!(bytes_of_messages(70_000, |length| length as u64), 70_000);
    }
}
