//! Hosts without a link, whose packets observers see as this machine sends and receives them.

use std::{
    fmt::Debug,
    io::{self, IoSliceMut},
    net::{IpAddr, SocketAddr},
    sync::Arc,
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use quinn::{
    AsyncUdpSocket,
    udp::{RecvMeta, Transmit},
};

use super::{
    segments::{Segments, may_observe_tcp},
    shown::Shown,
    stamps::Stamps,
};
use crate::{
    link::QueueVisit,
    path::{
        BoxFuture, Connected, DatagramError, Datagrams, Host, Listener, Observers, PacketView, PathError,
        Payload, Received, Side, ThreadUsage, Timers,
        layered_quic::{LayeredQuic, QuicLayer},
        packet::header_bytes,
    },
    unit::{Direction, Mutex},
};

/// Shows observers the packets of hosts without a link: datagrams at their sockets, and the segments of the kernel's
/// TCP if this process [may](super::may_observe_tcp) read them.
///
/// All segments of the hosts were shown once this is dropped, after the hosts.
#[derive(Debug)]
pub(crate) struct SocketObservers {
    shown: Arc<Mutex<Shown>>,
    segments: Arc<Segments>,
    is_empty: bool,
    _stamps: Option<Stamps>,
}

impl SocketObservers {
    /// Shows them to `observers`.
    pub(crate) fn new(observers: Observers) -> Self {
        let is_empty = observers.is_empty();
        let stamps = (!is_empty && may_observe_tcp()).then(|| Stamps::switch_on().ok()).flatten();
        let shown = Arc::new(Mutex::new(Shown::new(observers)));
        let segments = Arc::new(Segments::new(shown.clone()));
        Self { shown, segments, is_empty, _stamps: stamps }
    }

    /// The host at this end, observed. The host itself if there are no observers.
    pub(crate) fn host(&self, side: Side, host: Arc<dyn Host>) -> Arc<dyn Host> {
        if self.is_empty {
            return host;
        }
        let end = End { side, timers: host.timers().clone(), shown: self.shown.clone() };
        Arc::new(ObservedHost { host, end, segments: self.segments.clone() })
    }
}

impl Drop for SocketObservers {
    fn drop(&mut self) {
        self.segments.end();
    }
}

/// One end, as its sockets see it.
#[derive(Debug, Clone)]
struct End {
    side: Side,
    timers: Arc<Timers>,
    shown: Arc<Mutex<Shown>>,
}

impl End {
    fn sent(&self, datagram: &[u8], from: SocketAddr, to: SocketAddr) {
        let mut shown = self.shown.lock();
        shown.entered(&self.view(self.side.outgoing(), datagram, from, to));
    }

    fn received(&self, datagram: &[u8], from: SocketAddr, to: SocketAddr) {
        let mut shown = self.shown.lock();
        shown.left(&self.view(self.side.outgoing().reverse(), datagram, from, to));
    }

    fn view<'a>(
        &self,
        direction: Direction,
        datagram: &'a [u8],
        from: SocketAddr,
        to: SocketAddr,
    ) -> PacketView<'a> {
        let ip_bytes = datagram.len() + header_bytes(to);
        let payload = Payload::Udp(datagram);
        let (at, queue) = (self.timers.now(), QueueVisit::default());
        PacketView { direction, number: 0, at, from, to, ip_bytes, payload, ecn: 0, queue }
    }
}

#[derive(Debug)]
struct ObservedHost {
    host: Arc<dyn Host>,
    end: End,
    segments: Arc<Segments>,
}

impl ObservedHost {
    fn datagrams(&self, socket: Arc<dyn Datagrams>) -> Arc<dyn Datagrams> {
        Arc::new(ObservedDatagrams { socket, end: self.end.clone() })
    }

    fn quic(&self, socket: Arc<dyn AsyncUdpSocket>) -> Arc<dyn AsyncUdpSocket> {
        Arc::new(LayeredQuic(ObservedQuic { socket, end: self.end.clone() }))
    }
}

impl Host for ObservedHost {
    fn timers(&self) -> &Arc<Timers> {
        self.host.timers()
    }

    fn origin(&self) -> Instant {
        self.host.origin()
    }

    fn unix_time(&self) -> Duration {
        self.host.unix_time()
    }

    fn busy_time(&self) -> Option<Duration> {
        self.host.busy_time()
    }

    fn usage(&self) -> Option<ThreadUsage> {
        self.host.usage()
    }

    fn spawn(&self, name: &'static str, task: BoxFuture<'static, ()>) {
        self.host.spawn(name, task);
    }

    fn udp_bind(&self, local: SocketAddr) -> Result<Arc<dyn Datagrams>, PathError> {
        Ok(self.datagrams(self.host.udp_bind(local)?))
    }

    fn udp_connect(&self, peer: SocketAddr) -> Result<Arc<dyn Datagrams>, PathError> {
        Ok(self.datagrams(self.host.udp_connect(peer)?))
    }

    fn quic_bind(&self, local: SocketAddr) -> Result<Arc<dyn AsyncUdpSocket>, PathError> {
        Ok(self.quic(self.host.quic_bind(local)?))
    }

    fn quic_connect(&self, peer: SocketAddr) -> Result<Arc<dyn AsyncUdpSocket>, PathError> {
        Ok(self.quic(self.host.quic_connect(peer)?))
    }

    fn dropped_datagrams(&self, local: SocketAddr) -> Option<u64> {
        self.host.dropped_datagrams(local)
    }

    fn tcp_connect(&self, peer: SocketAddr) -> BoxFuture<'_, Result<Connected, PathError>> {
        self.segments.watch(peer, self.end.side, &self.host);
        self.host.tcp_connect(peer)
    }

    fn tcp_listen(&self, local: SocketAddr) -> Result<Box<dyn Listener>, PathError> {
        let listener = self.host.tcp_listen(local)?;
        self.segments.watch(listener.local_addr(), self.end.side, &self.host);
        Ok(listener)
    }

    fn resolution(&self) -> Duration {
        self.host.resolution()
    }
}

#[derive(Debug)]
struct ObservedDatagrams {
    socket: Arc<dyn Datagrams>,
    end: End,
}

impl Datagrams for ObservedDatagrams {
    fn local_addr(&self) -> SocketAddr {
        self.socket.local_addr()
    }

    fn poll_recv(&self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<Result<Received, DatagramError>> {
        let received = ready!(self.socket.poll_recv(cx, buffer))?;
        self.end.received(&buffer[..received.len], received.from, self.local_addr());
        Poll::Ready(Ok(received))
    }

    fn try_send(&self, payload: &[u8], to: SocketAddr, from: Option<IpAddr>) -> Result<(), DatagramError> {
        self.socket.try_send(payload, to, from)?;
        self.end.sent(payload, self.local_addr(), to);
        Ok(())
    }

    fn writable(&self) -> BoxFuture<'_, Result<(), DatagramError>> {
        self.socket.writable()
    }
}

#[derive(Debug)]
struct ObservedQuic {
    socket: Arc<dyn AsyncUdpSocket>,
    end: End,
}

impl QuicLayer for ObservedQuic {
    fn socket(&self) -> &Arc<dyn AsyncUdpSocket> {
        &self.socket
    }

    fn try_send(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        self.socket.try_send(transmit)?;
        let from = self.socket.local_addr()?;
        let size = transmit.segment_size.unwrap_or(transmit.contents.len()).max(1);
        transmit
            .contents
            .chunks(size)
            .for_each(|datagram| self.end.sent(datagram, from, transmit.destination));
        Ok(())
    }

    fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        let filled = ready!(self.socket.poll_recv(cx, buffers, meta))?;
        let to = self.socket.local_addr()?;
        for (buffer, meta) in buffers.iter().zip(meta.iter()).take(filled) {
            let datagrams = buffer[..meta.len].chunks(meta.stride.max(1));
            datagrams.for_each(|datagram| self.end.received(datagram, meta.addr, to));
        }
        Poll::Ready(Ok(filled))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::path::{
        Exit, Observer,
        direct::{DirectHost, runtime},
    };

    /// The direction, the number and the bytes of each packet, and whether it left.
    type Log = Arc<Mutex<Vec<(Direction, u64, Vec<u8>, bool)>>>;

    struct Recorder(Log);

    impl Recorder {
        fn record(&self, packet: &PacketView<'_>, left: bool) {
            let bytes = packet.datagram().unwrap().to_vec();
            self.0.lock().push((packet.direction, packet.number, bytes, left));
        }
    }

    impl Observer for Recorder {
        fn entered(&mut self, packet: &PacketView<'_>) {
            self.record(packet, false);
        }

        fn left(&mut self, packet: &PacketView<'_>, exit: Exit) {
            assert_eq!(exit, Exit::Arrived { intact: true, more: false });
            self.record(packet, true);
        }
    }

    #[test]
    fn observers_see_what_sockets_send_and_receive() {
        let log = Log::default();
        let mut observers = Observers::default();
        observers.push(Box::new(Recorder(log.clone())));
        runtime().unwrap().block_on(async {
            let host: Arc<dyn Host> = DirectHost::new().unwrap();
            let observed = SocketObservers::new(observers);
            let [client, server] = [Side::Client, Side::Server].map(|side| observed.host(side, host.clone()));
            let there = server.udp_bind("127.0.0.1:0".parse().unwrap()).unwrap();
            let here = client.udp_connect(there.local_addr()).unwrap();
            let mut buffer = [0; 16];
            for message in [&b"first"[..], b"second"] {
                here.send(message, there.local_addr(), None).await.unwrap();
                there.recv(&mut buffer).await.unwrap();
            }
            there.send(b"back", here.local_addr(), None).await.unwrap();
            here.recv(&mut buffer).await.unwrap();
        });
        let seen = |direction, number, bytes: &[u8]| {
            [false, true].map(|left| (direction, number, bytes.to_vec(), left))
        };
        let expected = [
            seen(Direction::ToServer, 0, b"first"),
            seen(Direction::ToServer, 1, b"second"),
            seen(Direction::ToClient, 0, b"back"),
        ];
        assert_eq!(*log.lock(), expected.concat());
    }
}
