//! Bulk data over a byte stream: messages with a length in their header, one after the other.

use std::{io, net::SocketAddr, sync::Arc};

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, split};

use super::{Bulk, Incoming, Moved, Nature, Outgoing};
use crate::{
    path::{BoxFuture, Connected, KernelTcp},
    transport::{
        ChannelError, Recovery, StreamSession,
        tls::{SPEAKS_TLS, is_tls_alert},
    },
    wire::transfer::{TRANSFER_HEADER_BYTES, body_length},
};

/// An end on a byte stream.
pub(super) fn bulk(StreamSession { connected, .. }: StreamSession) -> Bulk {
    let Connected { stream, peer, kernel, .. } = connected;
    let (reader, writer) = split(stream);
    let kernel: Option<Arc<dyn KernelTcp>> = kernel.map(Arc::from);
    Bulk {
        outgoing: Box::new(StreamOutgoing { peer, writer }),
        incoming: Box::new(StreamIncoming { peer, reader }),
        nature: Nature::RELIABLE,
        moved: moved(kernel.clone()),
        recovery: Box::new(move || Recovery::of_kernel(kernel.as_deref())),
    }
}

/// What the kernel's TCP has moved, as far as it tells.
pub(crate) fn moved(kernel: Option<Arc<dyn KernelTcp>>) -> Moved {
    let moved = move || {
        let info = kernel.as_ref()?.info()?;
        info.acknowledged_bytes.zip(info.received_bytes)
    };
    if moved().is_none() {
        return Moved::unknown();
    }
    let receiving = moved.clone();
    Moved::new(move || moved().map_or(0, |moved| moved.0), move || receiving().map_or(0, |moved| moved.1))
}

/// Sends messages on a byte stream.
pub(crate) struct StreamOutgoing<W> {
    pub(crate) peer: SocketAddr,
    pub(crate) writer: W,
}

/// Receives messages from a byte stream.
pub(crate) struct StreamIncoming<R> {
    pub(crate) peer: SocketAddr,
    pub(crate) reader: R,
}

impl<W: AsyncWrite + Send + Unpin> Outgoing for StreamOutgoing<W> {
    fn send(&mut self, message: Bytes) -> BoxFuture<'_, Result<(), ChannelError>> {
        Box::pin(async move {
            let written = match self.writer.write_all(&message).await {
                Ok(()) => self.writer.flush().await,
                failed => failed,
            };
            written.map_err(|e| lost(self.peer, &e))
        })
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
        Box::pin(async move { read_message(&mut self.reader).await.map_err(|e| lost(self.peer, &e)) })
    }
}

/// Reads one message. Memory is reserved as bytes arrive, not for the length that the header claims.
pub(crate) async fn read_message(reader: &mut (impl AsyncRead + Unpin)) -> io::Result<Bytes> {
    let mut header = [0; TRANSFER_HEADER_BYTES];
    reader.read_exact(&mut header).await?;
    let length = body_length(&header).ok_or_else(|| {
        let what = if is_tls_alert(&header) { SPEAKS_TLS } else { "not a transfer message" };
        io::Error::new(io::ErrorKind::InvalidData, what)
    })?;
    let mut message = BytesMut::from(&header[..]);
    let whole = TRANSFER_HEADER_BYTES + length;
    while message.len() < whole {
        let mut rest = (&mut *reader).take((whole - message.len()) as u64);
        if rest.read_buf(&mut message).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(message.freeze())
}

fn lost(peer: SocketAddr, error: &io::Error) -> ChannelError {
    let reason = match error.kind() {
        io::ErrorKind::UnexpectedEof => "the peer closed it".to_owned(),
        _ => error.to_string(),
    };
    ChannelError::Lost { peer, reason }
}
