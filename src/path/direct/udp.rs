//! The kernel's UDP, with a batch of datagrams per system call.

use std::{
    fmt,
    io::{self, IoSliceMut},
    net::{IpAddr, SocketAddr},
    sync::Arc,
    task::{Context, Poll, ready},
};

use quinn::udp::{EcnCodepoint, RecvMeta, Transmit, UdpSockRef, UdpSocketState};
use socket2::{SockRef, Socket};
use tokio::io::Interest;

use super::{
    calls,
    linger::{Linger, Look, after_others},
    shun,
    socket_errors::SocketErrors,
};
use crate::{
    path::{BoxFuture, DatagramError, Datagrams, Received, Timers, packet::EcnUse, sys},
    unit::{Mutex, Room},
};

/// Buffers that one system call may fill, each with one datagram or several that the kernel coalesced (GRO).
const BATCH: usize = 8;
const BUFFER_BYTES: usize = 65_535;

pub(super) struct UdpSocket {
    io: Arc<tokio::net::UdpSocket>,
    state: UdpSocketState,
    local: SocketAddr,
    peer: Option<SocketAddr>,
    inbox: Mutex<Inbox>,
    errors: SocketErrors,
    ecn: EcnUse,
}

impl UdpSocket {
    pub(super) fn new(socket: Socket, peer: Option<SocketAddr>, timers: Arc<Timers>) -> io::Result<Self> {
        let state = UdpSocketState::new(UdpSockRef::from(&socket))?;
        let io = Arc::new(tokio::net::UdpSocket::from_std(socket.into())?);
        let local = io.local_addr()?;
        leave_out_unread(SockRef::from(&*io), local.ip())?;
        let inbox = Inbox { batch: Batch::new(), linger: Linger::new(timers) };
        let errors = SocketErrors::new(&io);
        Ok(Self { io, state, local, peer, inbox: Mutex::new(inbox), errors, ecn: EcnUse::default() })
    }

    /// Sends by the simplest sufficient call. With control messages the kernel would look up the route again for each
    /// datagram of a connected socket.
    fn send(&self, payload: &[u8], to: SocketAddr, from: Option<IpAddr>) -> io::Result<()> {
        if from.is_none() {
            calls::count();
        }
        match from {
            None if self.peer == Some(to) => self.io.try_send(payload).map(drop),
            None => self.io.try_send_to(payload, to).map(drop),
            Some(_) => {
                let transmit = Transmit {
                    destination: to,
                    ecn: self.ecn.codepoint(),
                    contents: payload,
                    segment_size: None,
                    src_ip: from,
                };
                self.transmit(&transmit)
            }
        }
    }

    fn transmit(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        let send = || {
            calls::count();
            self.state.try_send(UdpSockRef::from(&*self.io), transmit)
        };
        self.io.try_io(Interest::WRITABLE, send)
    }

    fn error(&self, operation: &'static str, address: SocketAddr, source: io::Error) -> DatagramError {
        match (source.kind(), self.peer) {
            (io::ErrorKind::ConnectionRefused, Some(peer)) => DatagramError::Refused { peer },
            _ => DatagramError::Io { operation, address, source },
        }
    }
}

impl Datagrams for UdpSocket {
    fn local_addr(&self) -> SocketAddr {
        self.local
    }

    fn poll_recv(&self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<Result<Received, DatagramError>> {
        let mut inbox = self.inbox.lock();
        let Inbox { batch, linger } = &mut *inbox;
        loop {
            if let Some((received, ecn)) = batch.pop(buffer) {
                self.ecn.received(ecn);
                return Poll::Ready(Ok(received));
            }
            if let Some(e) = batch.failed.take() {
                return Poll::Ready(Err(self.error("receive on", self.local, e)));
            }
            match linger.look(|| batch.refill(&self.state, &self.io)) {
                Look::Found => continue,
                Look::OthersTurn => return after_others(cx),
                Look::Vain => {}
            }
            let readable = match self.io.poll_recv_ready(cx) {
                Poll::Ready(readable) => readable,
                Poll::Pending if self.peer.is_some() => Err(ready!(self.errors.poll(cx))),
                Poll::Pending => return Poll::Pending,
            };
            let filled = readable.and_then(|()| {
                let socket = UdpSockRef::from(&*self.io);
                self.io.try_io(Interest::READABLE, || {
                    let filled = batch.fill(&self.state, socket, BATCH);
                    if batch.filled > 0 {
                        linger.received();
                    }
                    filled
                })
            });
            match filled {
                // The last datagrams may have been received by the same call.
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                Err(e) => return Poll::Ready(Err(self.error("receive on", self.local, e))),
                Ok(()) => {}
            }
        }
    }

    fn try_send(&self, payload: &[u8], to: SocketAddr, from: Option<IpAddr>) -> Result<(), DatagramError> {
        match self.send(payload, to, from) {
            Ok(()) => Ok(()),
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => Err(DatagramError::WouldBlock),
            Err(e) if e.raw_os_error() == Some(rustix::io::Errno::MSGSIZE.raw_os_error()) => {
                Err(DatagramError::TooLarge { len: payload.len(), peer: to })
            }
            Err(e) => Err(self.error("send to", to, e)),
        }
    }

    fn try_send_run(
        &self,
        run: &[u8],
        segment: usize,
        to: SocketAddr,
        from: Option<IpAddr>,
    ) -> Result<usize, DatagramError> {
        let most = segment.saturating_mul(self.state.max_gso_segments());
        let run = &run[..run.len().min(most)];
        if run.len() > segment {
            let transmit = Transmit {
                destination: to,
                ecn: self.ecn.codepoint(),
                contents: run,
                segment_size: Some(segment),
                src_ip: from,
            };
            match self.transmit(&transmit) {
                Ok(()) => return Ok(run.len()),
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Err(DatagramError::WouldBlock),
                // Too large for the path, or the device cannot segment: single datagrams may still be sent.
                Err(_) => {}
            }
        }
        let first = &run[..segment.min(run.len())];
        self.try_send(first, to, from).map(|()| first.len())
    }

    fn use_ecn(&self) -> io::Result<()> {
        let socket = SockRef::from(&*self.io);
        let field = EcnCodepoint::Ect0 as u32;
        if self.local.is_ipv6() {
            socket.set_tclass_v6(field)?;
            socket.set_recv_tclass_v6(true)?;
        } else {
            socket.set_tos_v4(field)?;
            socket.set_recv_tos_v4(true)?;
        }
        self.ecn.begin();
        Ok(())
    }

    fn ce_received(&self) -> Option<u64> {
        self.ecn.ce_received()
    }

    fn shun(&self, sources: &[IpAddr]) -> bool {
        shun::shun(SockRef::from(&*self.io), sources).is_ok()
    }

    fn writable(&self) -> BoxFuture<'_, Result<(), DatagramError>> {
        Box::pin(async {
            let writable = self.io.writable().await;
            writable.map_err(|e| self.error("send from", self.local, e))
        })
    }
}

/// Disables control messages that are not read here, which cost time per datagram: the ECN field (RFC 3168), until
/// [`Datagrams::use_ecn`], and the destination of a socket that is bound to one address.
fn leave_out_unread(socket: SockRef<'_>, local: IpAddr) -> io::Result<()> {
    if local.is_ipv6() {
        socket.set_recv_tclass_v6(false)?;
    } else {
        socket.set_recv_tos_v4(false)?;
    }
    if local.is_unspecified() { Ok(()) } else { sys::leave_out_packet_info(&*socket, local.is_ipv6()) }
}

struct Inbox {
    batch: Batch,
    linger: Linger,
}

/// Datagrams of one system call that were not read yet.
struct Batch {
    /// `None` if there are none.
    buffers: Option<Room>,
    meta: [RecvMeta; BATCH],
    filled: usize,
    next: usize,
    /// Bytes of buffer `next` that were read.
    taken: usize,
    /// The error of a receive, for the next task that reads.
    failed: Option<io::Error>,
}

impl Batch {
    fn new() -> Self {
        Self { buffers: None, meta: [RecvMeta::default(); BATCH], filled: 0, next: 0, taken: 0, failed: None }
    }

    /// Receives into at most `buffers` buffers. Returns "would block" if the socket is empty afterwards, even if
    /// something was received: tokio then waits for the next event, which saves a system call.
    fn fill(&mut self, state: &UdpSocketState, socket: UdpSockRef<'_>, buffers: usize) -> io::Result<()> {
        let mut room = self.buffers.take().unwrap_or_else(|| Room::of(BATCH * BUFFER_BYTES));
        let mut chunks = room.chunks_mut(BUFFER_BYTES);
        let mut slices: [_; BATCH] =
            std::array::from_fn(|_| IoSliceMut::new(chunks.next().unwrap_or_default()));
        (self.filled, self.next, self.taken) = (0, 0, 0);
        calls::count();
        self.filled = state.recv(socket, &mut slices[..buffers], &mut self.meta)?;
        self.buffers = (self.filled > 0).then_some(room);
        if self.filled < buffers { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(()) }
    }

    /// Receives again; `true` if there was a datagram or an error, which the kernel reports only once.
    fn refill(&mut self, state: &UdpSocketState, io: &tokio::net::UdpSocket) -> bool {
        // After a single datagram, another is unlikely to follow at once.
        let buffers = if self.filled > 1 { BATCH } else { 1 };
        self.failed = self.fill(state, UdpSockRef::from(io), buffers).err().filter(|e| {
            // Nothing, or no more, was there.
            !matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
        });
        self.filled > 0 || self.failed.is_some()
    }

    /// Copies out the oldest datagram. Returns its ECN field, if the kernel reports that.
    fn pop(&mut self, buffer: &mut [u8]) -> Option<(Received, Option<EcnCodepoint>)> {
        let buffers = self.buffers.as_ref()?;
        let meta = &self.meta[self.next];
        let start = self.next * BUFFER_BYTES + self.taken;
        let len = meta.stride.min(meta.len - self.taken).min(buffer.len());
        buffer[..len].copy_from_slice(&buffers[start..start + len]);
        let (from, to, ecn) = (meta.addr, meta.dst_ip, meta.ecn);
        self.taken += meta.stride;
        if self.taken >= meta.len {
            (self.next, self.taken) = (self.next + 1, 0);
        }
        let more = self.next < self.filled;
        if !more {
            self.buffers = None;
        }
        Some((Received { len, from, to, transit: None, more }, ecn))
    }
}

impl fmt::Debug for UdpSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UdpSocket").field("local", &self.local).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::{net::UdpSocket as Peer, time::Duration};

    use super::*;
    use crate::path::{
        Host,
        direct::{DirectHost, runtime},
        timeout,
    };

    #[test]
    fn a_peer_that_goes_in_the_middle_of_a_quick_exchange_is_heard_of() {
        const EXCHANGES: usize = 200;
        let peer = Peer::bind("127.0.0.1:0").unwrap();
        let address = peer.local_addr().unwrap();
        let echo = std::thread::spawn(move || {
            for _ in 0..EXCHANGES {
                let (length, from) = peer.recv_from(&mut [0; 8]).unwrap();
                peer.send_to(&[0; 8][..length], from).unwrap();
            }
        });
        runtime().unwrap().block_on(async {
            let host = DirectHost::new().unwrap();
            let socket = host.udp_connect(address).unwrap();
            let mut buffer = [0; 8];
            for _ in 0..EXCHANGES {
                socket.send(b"x", address, None).await.unwrap();
                socket.recv(&mut buffer).await.unwrap();
            }
            echo.join().unwrap();
            socket.send(b"x", address, None).await.unwrap();
            let heard = timeout(&*host, Duration::from_secs(10), socket.recv(&mut buffer)).await;
            assert!(matches!(heard, Ok(Err(DatagramError::Refused { .. }))), "{heard:?}");
        });
    }
}
