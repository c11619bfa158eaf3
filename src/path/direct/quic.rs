//! quinn's socket, looked at again for a moment before the thread sleeps.

use std::{
    fmt::Debug,
    io::{self, IoSliceMut},
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
};

use quinn::{
    AsyncUdpSocket, UdpPoller,
    udp::{RecvMeta, Transmit},
};

use super::{after_others, linger::Linger};

/// Between two looks the other tasks of the thread have their turn, connections among them, and the reactor says what
/// has come.
#[derive(Debug)]
pub(super) struct QuicSocket {
    socket: Arc<dyn AsyncUdpSocket>,
    linger: Mutex<Linger>,
}

impl QuicSocket {
    pub(super) fn new(socket: Arc<dyn AsyncUdpSocket>, linger: Linger) -> Self {
        Self { socket, linger: Mutex::new(linger) }
    }
}

impl AsyncUdpSocket for QuicSocket {
    fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn UdpPoller>> {
        self.socket.clone().create_io_poller()
    }

    fn try_send(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        self.socket.try_send(transmit)
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

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    fn max_transmit_segments(&self) -> usize {
        self.socket.max_transmit_segments()
    }

    fn max_receive_segments(&self) -> usize {
        self.socket.max_receive_segments()
    }

    fn may_fragment(&self) -> bool {
        self.socket.may_fragment()
    }
}
