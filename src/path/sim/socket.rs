//! A UDP socket of a simulated host, as our transports and as quinn see it.

use std::{
    future::ready,
    io::{self, IoSliceMut},
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use quinn::{
    AsyncUdpSocket, UdpPoller,
    udp::{EcnCodepoint, RecvMeta, Transmit},
};

use super::network::{Network, Packet, Port};
use crate::path::{BoxFuture, Clock, DatagramError, Datagrams, Received, Side, packet::EcnUse};

pub(super) struct SimSocket {
    clock: Arc<dyn Clock>,
    network: Arc<Network>,
    side: Side,
    local: SocketAddr,
    /// The only source it receives from; `None` for any.
    peer: Option<SocketAddr>,
    port: Arc<Port>,
    ecn: EcnUse,
}

impl SimSocket {
    /// Opens `local` to receive from `peer`, or from any source; `None` if it is taken.
    pub(super) fn open(
        clock: Arc<dyn Clock>,
        network: Arc<Network>,
        side: Side,
        local: SocketAddr,
        peer: Option<SocketAddr>,
    ) -> Option<Self> {
        let (local, port) = network.open(local)?;
        Some(Self { clock, network, side, local, peer, port, ecn: EcnUse::default() })
    }

    /// Offers a datagram to the wire; `false` if it is above the MTU.
    fn send(&self, payload: &[u8], to: SocketAddr, ecn: Option<EcnCodepoint>) -> bool {
        // A multicast address cannot be a source.
        let ip = if self.local.ip().is_multicast() { self.side.ip(self.local.ip()) } else { self.local.ip() };
        let from = SocketAddr::new(ip, self.local.port());
        self.network.send(self.clock.now(), self.side, from, to, ecn, payload)
    }

    /// Takes the packet that has waited longest, or registers the waker of `cx`.
    fn take(&self, cx: &Context<'_>) -> Option<Box<Packet>> {
        self.pop(Some(cx.waker()))
    }

    /// Takes the packet that has waited longest, or registers `reader`.
    fn pop(&self, reader: Option<&Waker>) -> Option<Box<Packet>> {
        loop {
            let packet = self.port.pop(reader)?;
            if self.peer.is_none_or(|peer| peer == packet.from) {
                return Some(packet);
            }
            self.network.recycle(packet);
        }
    }

    /// Copies the payload into `buffer` and returns the packet to the network. Returns the bytes copied.
    fn copy(&self, packet: Box<Packet>, buffer: &mut [u8]) -> usize {
        let len = packet.payload.len().min(buffer.len());
        buffer[..len].copy_from_slice(&packet.payload[..len]);
        self.network.recycle(packet);
        len
    }
}

impl Datagrams for SimSocket {
    fn local_addr(&self) -> SocketAddr {
        self.local
    }

    fn poll_recv(&self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<Result<Received, DatagramError>> {
        let Some(packet) = self.take(cx) else {
            return Poll::Pending;
        };
        let (from, to, transit) = (packet.from, Some(packet.to.ip()), Some(packet.transit));
        self.ecn.received(packet.ecn);
        let len = self.copy(packet, buffer);
        Poll::Ready(Ok(Received { len, from, to, transit, more: false }))
    }

    fn try_send(&self, payload: &[u8], to: SocketAddr, _: Option<IpAddr>) -> Result<(), DatagramError> {
        match self.send(payload, to, self.ecn.codepoint()) {
            true => Ok(()),
            false => Err(DatagramError::TooLarge { len: payload.len(), peer: to }),
        }
    }

    fn use_ecn(&self) -> io::Result<()> {
        self.ecn.begin();
        Ok(())
    }

    fn ce_received(&self) -> Option<u64> {
        self.ecn.ce_received()
    }

    fn writable(&self) -> BoxFuture<'_, Result<(), DatagramError>> {
        Box::pin(ready(Ok(())))
    }
}

impl AsyncUdpSocket for SimSocket {
    fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn UdpPoller>> {
        Box::pin(AlwaysWritable)
    }

    fn try_send(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        // A datagram above the MTU vanishes, as behind a kernel: this is how quinn discovers the MTU.
        self.send(transmit.contents, transmit.destination, transmit.ecn);
        Ok(())
    }

    fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        let mut received = 0;
        for (buffer, meta) in buffers.iter_mut().zip(meta) {
            let packet = if received == 0 { self.take(cx) } else { self.pop(None) };
            let Some(packet) = packet else { break };
            let (addr, ecn, dst_ip) = (packet.from, packet.ecn, Some(packet.to.ip()));
            let len = self.copy(packet, buffer);
            *meta = RecvMeta { addr, len, stride: len, ecn, dst_ip };
            received += 1;
        }
        if received == 0 { Poll::Pending } else { Poll::Ready(Ok(received)) }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.local)
    }

    /// One packet per transmit, so that the link decides on each packet alone.
    fn max_transmit_segments(&self) -> usize {
        1
    }

    /// "Don't fragment" is set, so that quinn discovers the path's MTU.
    fn may_fragment(&self) -> bool {
        false
    }
}

#[derive(Debug)]
struct AlwaysWritable;

impl UdpPoller for AlwaysWritable {
    fn poll_writable(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl Drop for SimSocket {
    fn drop(&mut self) {
        self.network.close(self.local, &self.port);
    }
}

impl std::fmt::Debug for SimSocket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SimSocket").field("local", &self.local).finish_non_exhaustive()
    }
}
