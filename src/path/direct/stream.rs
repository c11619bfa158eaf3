//! A TCP stream, polled again for a moment before the thread sleeps. UDP and QUIC sockets do the same, so that
//! transports are compared and not ways of waiting.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::{
    io::{AsyncRead, ReadBuf},
    net::TcpStream,
};

use super::{
    calls,
    linger::{Linger, after_others},
};
use crate::path::layered::StreamLayer;

impl StreamLayer<TcpStream> for Linger {
    fn poll_read(
        &mut self,
        stream: Pin<&mut TcpStream>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = stream.poll_read(cx, buffer);
        match read {
            Poll::Ready(_) => {
                calls::count();
                self.received();
            }
            Poll::Pending if self.stays_awake() => return after_others(cx),
            Poll::Pending => {}
        }
        read
    }

    fn written(&mut self, _: usize) {
        calls::count();
    }
}
