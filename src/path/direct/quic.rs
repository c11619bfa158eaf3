//! quinn's socket, polled again for a moment before the thread sleeps.

use std::{
    fmt::Debug,
    io::{self, IoSliceMut},
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
};

use quinn::{AsyncUdpSocket, udp::RecvMeta};

use super::linger::{Linger, after_others};
use crate::path::layered_quic::QuicLayer;

/// Between two polls the other tasks of the thread have their turn, connections among them, and the reactor reports new
/// datagrams.
#[derive(Debug)]
pub(super) struct LingeringQuic {
    socket: Arc<dyn AsyncUdpSocket>,
    linger: Mutex<Linger>,
}

impl LingeringQuic {
    pub(super) fn new(socket: Arc<dyn AsyncUdpSocket>, linger: Linger) -> Self {
        Self { socket, linger: Mutex::new(linger) }
    }
}

impl QuicLayer for LingeringQuic {
    fn socket(&self) -> &Arc<dyn AsyncUdpSocket> {
        &self.socket
    }

    fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        let received = self.socket.poll_recv(cx, buffers, meta);
        let mut linger = self.linger.lock().unwrap_or_else(PoisonError::into_inner);
        match received {
            Poll::Ready(_) => linger.received(),
            Poll::Pending if linger.stays_awake() => return after_others(cx),
            Poll::Pending => {}
        }
        received
    }
}
