//! The errors that the kernel reports on a connected UDP socket, such as ICMP port unreachable.

use std::{
    fmt, io,
    sync::Arc,
    task::{Context, Poll, ready},
};

use tokio::{io::Interest, net::UdpSocket};

use crate::{path::BoxFuture, unit::Mutex};

/// Waits for errors. epoll does not report such a socket as readable, so waiting for tokio's `readable` alone would
/// miss them.
pub(super) struct SocketErrors {
    io: Arc<UdpSocket>,
    event: Mutex<BoxFuture<'static, ()>>,
}

impl SocketErrors {
    pub(super) fn new(io: &Arc<UdpSocket>) -> Self {
        Self { io: io.clone(), event: Mutex::new(next_event(io.clone())) }
    }

    /// The next error.
    pub(super) fn poll(&self, cx: &mut Context<'_>) -> Poll<io::Error> {
        let mut event = self.event.lock();
        loop {
            ready!(event.as_mut().poll(cx));
            *event = next_event(self.io.clone());
            let taken = self.io.try_io(Interest::ERROR, || {
                let none = || io::Error::from(io::ErrorKind::WouldBlock);
                // "Would block" makes tokio wait for the next one.
                self.io.take_error()?.map_or_else(|| Err(none()), Ok)
            });
            if let Ok(error) = taken {
                return Poll::Ready(error);
            }
        }
    }
}

fn next_event(io: Arc<UdpSocket>) -> BoxFuture<'static, ()> {
    Box::pin(async move {
        // Fails only when the runtime ends, and then no task is left.
        let _ = io.ready(Interest::ERROR).await;
    })
}

impl fmt::Debug for SocketErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SocketErrors").field("io", &self.io).finish_non_exhaustive()
    }
}
