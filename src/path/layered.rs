//! Byte streams with one thing changed.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What one layer changes about a byte stream; the rest is passed through.
pub(crate) trait StreamLayer<S>: Unpin {
    /// Reads from the stream underneath.
    fn poll_read(
        &mut self,
        stream: Pin<&mut S>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>>
    where
        S: AsyncRead,
    {
        stream.poll_read(cx, buffer)
    }

    /// This many bytes were read.
    fn read(&mut self, _bytes: usize) {}

    /// The stream underneath has taken this many bytes.
    fn written(&mut self, _bytes: usize) {}

    /// The sending side of the stream underneath is about to be closed.
    fn closing(&mut self) {}
}

/// A byte stream with a layer on it.
#[derive(Debug)]
pub(crate) struct LayeredStream<S, L> {
    pub(crate) stream: S,
    pub(crate) layer: L,
}

impl<S, L: StreamLayer<S>> LayeredStream<S, L> {
    fn note(&mut self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(bytes)) = written {
            self.layer.written(bytes);
        }
        written
    }
}

impl<S: AsyncRead + Unpin, L: StreamLayer<S>> AsyncRead for LayeredStream<S, L> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Self { stream, layer } = self.get_mut();
        let before = buffer.filled().len();
        let read = layer.poll_read(Pin::new(stream), cx, buffer);
        layer.read(buffer.filled().len() - before);
        read
    }
}

impl<S: AsyncWrite + Unpin, L: StreamLayer<S>> AsyncWrite for LayeredStream<S, L> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.note(written)
    }

    /// Not the default, which writes the first slice only: TLS hands over several records at a time.
    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.note(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.layer.closing();
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
