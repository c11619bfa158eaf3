//! quinn's socket, polled again for a moment before the thread sleeps.

use std::{
    fmt,
    io::{self, IoSliceMut},
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use quinn::{
    AsyncUdpSocket, UdpPoller,
    udp::{RecvMeta, Transmit, UdpSockRef, UdpSocketState},
};
use rustix::net::connect_unspec;
use socket2::{SockRef, Socket};
use tokio::{io::Interest, net::UdpSocket, sync::Notify};

use super::{
    bind::is_gone,
    calls,
    linger::{Linger, after_others},
    run::Run,
    socket_errors::SocketErrors,
};
use crate::{
    path::{BoxFuture, StopSignal, Stopped, Timers},
    unit::Mutex,
};

/// Between two polls the other tasks of the thread have their turn, connections among them, and the reactor reports new
/// datagrams.
#[derive(Debug)]
pub(super) struct QuicSocket {
    io: Arc<UdpSocket>,
    /// Of a connected socket.
    peer: Option<SocketAddr>,
    receiving: UdpSocketState,
    /// What the kernel can do for datagrams that leave by the present route.
    sending: Mutex<UdpSocketState>,
    /// Datagrams that wait for those that quinn sends next, to leave with the same call.
    run: Mutex<Run>,
    /// Wakes the task that sends the run if nothing follows.
    waits: Arc<Notify>,
    linger: Mutex<Linger>,
    /// Of a connected socket.
    errors: Option<SocketErrors>,
    /// Set when nothing listens at the peer. The system call that learns this may be one that sends.
    refused: StopSignal,
    /// Wakes the task that receives.
    hears_refusal: Mutex<Stopped>,
}

impl QuicSocket {
    pub(super) fn new(socket: Socket, peer: Option<SocketAddr>, timers: Arc<Timers>) -> io::Result<Self> {
        let receiving = UdpSocketState::new(UdpSockRef::from(&socket))?;
        let sending = Mutex::new(UdpSocketState::new(UdpSockRef::from(&socket))?);
        let io = Arc::new(UdpSocket::from_std(socket.into())?);
        let errors = peer.map(|_| SocketErrors::new(&io));
        let (linger, refused) = (Mutex::new(Linger::new(timers)), StopSignal::default());
        let hears_refusal = Mutex::new(refused.stopped());
        Ok(Self {
            io,
            peer,
            receiving,
            sending,
            run: Mutex::default(),
            waits: Arc::default(),
            linger,
            errors,
            refused,
            hears_refusal,
        })
    }

    /// Sends each run that still waits once the tasks before this one have had their turn. Ends when the socket is
    /// dropped.
    pub(super) fn send_waiting(self: &Arc<Self>) -> impl Future<Output = ()> + Send + use<> {
        let (socket, waits) = (Arc::downgrade(self), self.waits.clone());
        async move {
            loop {
                waits.notified().await;
                loop {
                    let Some(socket) = socket.upgrade() else { return };
                    if socket.send_run(&mut socket.run.lock()).is_ok() {
                        break;
                    }
                    let io = socket.io.clone();
                    drop(socket);
                    // This fails only when the runtime shuts down, which ends this task too.
                    let _ = io.writable().await;
                }
            }
        }
    }

    /// Waits for something to receive. Fails for good once the peer has refused a datagram.
    fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Poll::Ready(readable) = self.io.poll_recv_ready(cx) {
            return Poll::Ready(readable);
        }
        let Some(errors) = &self.errors else { return Poll::Pending };
        while let Poll::Ready(error) = errors.poll(cx) {
            self.note(&error);
        }
        let mut hears = self.hears_refusal.lock();
        Pin::new(&mut *hears).poll(cx).map(|()| Err(io::ErrorKind::ConnectionRefused.into()))
    }

    fn note(&self, error: &io::Error) {
        if error.kind() == io::ErrorKind::ConnectionRefused {
            self.refused.set();
        }
    }

    fn send(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        self.io.try_io(Interest::WRITABLE, || {
            calls::count();
            self.sending.lock().try_send(UdpSockRef::from(&*self.io), transmit)
        })
    }

    /// Sends what waits. Fails only if the socket has no room, and then it goes on waiting.
    fn send_run(&self, run: &mut Run) -> io::Result<()> {
        if let Some(waiting) = run.transmit() {
            self.deliver(&waiting)?;
            run.truncate(0);
        }
        Ok(())
    }

    /// Sends datagrams now. Fails only if the socket has no room.
    fn deliver(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        let sent = match self.send(transmit) {
            Err(e) if e.kind() != io::ErrorKind::WouldBlock && self.moves() => self.send(transmit),
            sent => sent,
        };
        match sent {
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => Err(e),
            // A datagram that cannot be sent is lost like any other; quinn looks for the MTU by sending larger ones.
            Err(e) => {
                self.note(&e);
                Ok(())
            }
            Ok(()) => {
                self.linger.lock().moved(transmit.contents.len());
                Ok(())
            }
        }
    }

    /// Takes another address if this machine no longer has that of a connected socket, which the kernel chose as it was
    /// connected. Returns whether it took one. The server then validates it (RFC 9000 section 9).
    fn moves(&self) -> bool {
        let Some((peer, local)) = self.peer.zip(self.io.local_addr().ok()) else { return false };
        if !is_gone(local.ip()) {
            return false;
        }
        let socket = SockRef::from(&*self.io);
        // The kernel chooses an address only for a socket that has none.
        let moved = connect_unspec(&*self.io).is_ok() && socket.connect(&peer.into()).is_ok();
        // The errors of the old address look as if the kernel could not segment datagrams.
        match UdpSocketState::new(UdpSockRef::from(&*self.io)) {
            Ok(anew) if moved => *self.sending.lock() = anew,
            _ => {}
        }
        moved
    }
}

impl Drop for QuicSocket {
    fn drop(&mut self) {
        self.waits.notify_one();
    }
}

impl AsyncUdpSocket for QuicSocket {
    fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn UdpPoller>> {
        Box::pin(Writable { io: self.io.clone(), event: Mutex::default() })
    }

    fn try_send(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        let mut run = self.run.lock();
        let waited = !run.is_empty();
        match run.add(transmit, self.max_transmit_segments()) {
            Some(before) if waited => self.send_run(&mut run).inspect_err(|_| run.truncate(before)),
            Some(_) => {
                self.waits.notify_one();
                Ok(())
            }
            None => {
                self.send_run(&mut run)?;
                self.deliver(transmit)
            }
        }
    }

    fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        let mut linger = self.linger.lock();
        loop {
            match self.poll_readable(cx) {
                Poll::Ready(readable) => readable?,
                Poll::Pending if linger.stays_awake() => return after_others(cx),
                Poll::Pending => return Poll::Pending,
            }
            let receive = || {
                calls::count();
                self.receiving.recv(UdpSockRef::from(&*self.io), buffers, meta)
            };
            match self.io.try_io(Interest::READABLE, receive) {
                Ok(received) => {
                    linger.received();
                    let longest = meta[..received].iter().map(|batch| batch.len).max();
                    linger.moved(longest.unwrap_or(0));
                    return Poll::Ready(Ok(received));
                }
                Err(e) => self.note(&e),
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.io.local_addr()
    }

    fn max_transmit_segments(&self) -> usize {
        self.sending.lock().max_gso_segments()
    }

    fn max_receive_segments(&self) -> usize {
        self.receiving.gro_segments()
    }

    fn may_fragment(&self) -> bool {
        self.receiving.may_fragment()
    }
}

/// Waits until a socket has room to send, for one connection.
struct Writable {
    io: Arc<UdpSocket>,
    event: Mutex<Option<BoxFuture<'static, io::Result<()>>>>,
}

impl UdpPoller for Writable {
    fn poll_writable(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut event = self.event.lock();
        // Mostly there is room, and then nothing needs to wait.
        if event.is_none() && self.io.try_io(Interest::WRITABLE, || Ok(())).is_ok() {
            return Poll::Ready(Ok(()));
        }
        let io = self.io.clone();
        let writable = event.get_or_insert_with(|| Box::pin(async move { io.writable().await }));
        let writable = ready!(writable.as_mut().poll(cx));
        *event = None;
        Poll::Ready(writable)
    }
}

impl fmt::Debug for Writable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writable").field("io", &self.io).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::path::{
        Host,
        direct::{DirectHost, connect_udp, runtime},
    };

    /// The system calls that send this many runs of ten datagrams, all of which arrive.
    fn calls(runs: usize) -> u64 {
        const SEGMENT: usize = 1000;
        runtime().unwrap().block_on(async {
            let peer = UdpSocket::bind("127.0.0.1:0").await.unwrap();
            let destination = peer.local_addr().unwrap();
            let host = DirectHost::new().unwrap();
            let own = connect_udp(destination).unwrap();
            let socket = Arc::new(QuicSocket::new(own, Some(destination), host.timers().clone()).unwrap());
            host.spawn("the sender of runs", Box::pin(socket.send_waiting()));
            let contents = &[7; 10 * SEGMENT][..];
            // The reactor has not looked at the new socket yet.
            socket.io.writable().await.unwrap();
            let before = calls::so_far();
            for _ in 0..runs {
                let segment_size = Some(SEGMENT);
                let run = Transmit { destination, ecn: None, contents, segment_size, src_ip: None };
                socket.try_send(&run).unwrap();
            }
            for datagram in 0..10 * runs {
                let arrived = peer.recv(&mut [0; 2 * SEGMENT]).await.unwrap();
                assert_eq!(arrived, SEGMENT, "{datagram}");
            }
            let more = peer.try_recv(&mut [0; 1]).map_err(|e| e.kind());
            assert_eq!(more, Err(io::ErrorKind::WouldBlock));
            calls::so_far() - before
        })
    }

    #[test]
    fn two_runs_leave_with_one_call_and_one_that_nothing_follows_leaves_as_well() {
        assert_eq!([1, 2, 3, 4].map(calls), [1, 1, 2, 2]);
    }
}
