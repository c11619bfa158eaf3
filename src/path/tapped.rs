//! Sockets of this machine in front of a wire that tells when each datagram entered it.

use std::{
    fmt::Debug,
    io::{self, IoSliceMut},
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use quinn::{
    AsyncUdpSocket, UdpPoller,
    udp::{RecvMeta, Transmit},
};

use super::{BoxFuture, DatagramError, Datagrams, Received, Timers, Transit, tap::Tap};
use crate::wire::Probe;

/// A socket's place at the wire. It goes just before the socket does.
#[derive(Debug)]
pub(super) struct End<G> {
    pub(super) tap: Tap,
    /// Where others reach the socket.
    pub(super) reached: SocketAddr,
    /// What is to go with it.
    pub(super) _guard: G,
}

/// A socket whose datagrams are messages, each of which says when it entered the wire, or segments, of which the tap
/// was told.
#[derive(Debug)]
pub(super) struct TappedDatagrams<G> {
    pub(super) end: End<G>,
    pub(super) socket: Arc<dyn Datagrams>,
    pub(super) timers: Arc<Timers>,
}

impl<G: Debug + Send + Sync> Datagrams for TappedDatagrams<G> {
    fn local_addr(&self) -> SocketAddr {
        self.end.reached
    }

    fn poll_recv(&self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<Result<Received, DatagramError>> {
        let mut received = ready!(self.socket.poll_recv(cx, buffer))?;
        let message = buffer.get(..received.len).and_then(|datagram| Probe::parse(datagram).ok());
        let entered = message.and_then(|probe| self.end.tap.datagram(probe.id));
        received.transit = entered.map(|stamp| Transit { entered: stamp.at, arrived: self.timers.now() });
        Poll::Ready(Ok(received))
    }

    fn try_send(&self, payload: &[u8], to: SocketAddr, from: Option<IpAddr>) -> Result<(), DatagramError> {
        // Before it is sent: the wire may have it before this thread goes on.
        self.end.tap.posted(payload);
        self.socket.try_send(payload, to, from)
    }

    fn writable(&self) -> BoxFuture<'_, Result<(), DatagramError>> {
        self.socket.writable()
    }
}

/// A socket of quinn's, whose packet protection tells the tap what is in each datagram.
#[derive(Debug)]
pub(super) struct TappedQuic<G> {
    pub(super) end: End<G>,
    pub(super) socket: Arc<dyn AsyncUdpSocket>,
}

impl<G: Debug + Send + Sync + 'static> AsyncUdpSocket for TappedQuic<G> {
    fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn UdpPoller>> {
        self.socket.clone().create_io_poller()
    }

    fn try_send(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        // Before it is sent: the wire may have it before this thread goes on.
        self.end.tap.posted(transmit.contents);
        self.socket.try_send(transmit)
    }

    fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        self.socket.poll_recv(cx, buffers, meta)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.end.reached)
    }

    /// One packet per transmit, as in virtual time: the two are to send the same packets.
    fn max_transmit_segments(&self) -> usize {
        1
    }

    fn max_receive_segments(&self) -> usize {
        self.socket.max_receive_segments()
    }

    /// The wire refuses what is above its MTU.
    fn may_fragment(&self) -> bool {
        false
    }
}
