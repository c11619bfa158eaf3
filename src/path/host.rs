//! One end of a path: its clock, its timers, its tasks and its sockets.

use std::{
    fmt::Debug,
    future::{Future, poll_fn},
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncWrite};

use super::{
    error::{DatagramError, PathError},
    randomness::Randomness,
    rejected::Rejected,
    timers::{Sleep, Timers},
    usage::ThreadUsage,
};
use crate::unit::{Room, Time};

/// Time for the last packets of a closed connection to leave this host, so that its peer does not have to time out.
pub(crate) const CLOSING: Duration = Duration::from_millis(20);

/// A future that owns what it needs and may move between threads.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// One end of a path: a clock, timers, tasks, and the sockets that the path carries.
pub trait Host: Send + Sync + Debug + 'static {
    /// The timers of this host, which also tell its time.
    fn timers(&self) -> &Arc<Timers>;

    /// The `Instant` that stands for [`Time::ZERO`], for libraries that use `Instant`.
    fn origin(&self) -> web_time::Instant;

    /// The wall clock: time since the Unix epoch. Constant plus [`Host::now`] in virtual time.
    fn unix_time(&self) -> Duration;

    /// The source of randomness for cryptography in virtual time. `None` means the system.
    fn randomness(&self) -> Option<&Randomness> {
        None
    }

    /// Whether all that uses it runs on the thread that made it, so that nothing needs a mutex.
    fn is_one_thread(&self) -> bool {
        false
    }

    /// Whether packets must be encrypted. `false` only in virtual time, if the link neither alters nor forges packets
    /// and no observer [reads ciphertext](super::Observer::reads_ciphertext).
    fn needs_encryption(&self) -> bool {
        true
    }

    /// Runs `task` in the background. A stalled simulation reports its tasks by `name`.
    fn spawn(&self, name: &'static str, task: BoxFuture<'static, ()>);

    /// A UDP socket that receives from any source.
    fn udp_bind(&self, local: SocketAddr) -> Result<Arc<dyn Datagrams>, PathError>;

    /// A UDP socket that receives from `peer` only, and reports an error when `peer` refuses a datagram.
    fn udp_connect(&self, peer: SocketAddr) -> Result<Arc<dyn Datagrams>, PathError>;

    /// A UDP socket for quinn, which does its own batching and pacing.
    fn quic_bind(&self, local: SocketAddr) -> Result<Arc<dyn quinn::AsyncUdpSocket>, PathError>;

    /// A UDP socket for quinn that talks to `peer` alone. It fails when `peer` refuses a datagram, where the path hears
    /// of that.
    fn quic_connect(&self, peer: SocketAddr) -> Result<Arc<dyn quinn::AsyncUdpSocket>, PathError> {
        self.quic_bind(unspecified(peer))
    }

    /// Its place among the hosts that listen on the same ports.
    fn port_share(&self) -> PortShare {
        PortShare::ALONE
    }

    /// Datagrams dropped because the receive queue of the socket bound to `local` was full; `None` if the path has no
    /// such queues or does not know.
    fn dropped_datagrams(&self, _local: SocketAddr) -> Option<u64> {
        None
    }

    /// This host, for one of several TCP connections at a time. They run the kernel's congestion controller of this
    /// name, and do not report the kernel's counters, which include all connections. `None` if the path sets no
    /// controller.
    fn beside_others(&self, _controller: &'static str) -> Option<Arc<dyn Host>> {
        None
    }

    /// A TCP connection to `peer`, or [`PathError::Unsupported`] where the path cannot lose segments.
    fn tcp_connect(&self, peer: SocketAddr) -> BoxFuture<'_, Result<Connected, PathError>>;

    /// A TCP listener, or [`PathError::Unsupported`].
    fn tcp_listen(&self, local: SocketAddr) -> Result<Box<dyn Listener>, PathError>;

    /// Waits shorter than this are not evidence of blocking: packets that arrive at one instant are read one by one.
    /// Zero in virtual time.
    fn resolution(&self) -> Duration {
        Duration::ZERO
    }

    /// Whether the link marks packets or changes their ECN field (RFC 3168). Transports that can send ECN-capable
    /// packets then do.
    fn uses_ecn(&self) -> bool {
        false
    }

    /// Datagrams that entered the link before this instant have been received or dropped, and so have those that
    /// answered them at once: none of them comes back later. `None` if the path does not know.
    fn settled_before(&self) -> Option<Time> {
        None
    }

    /// How long the calling thread has run or waited for a core. `None` in virtual time.
    fn busy_time(&self) -> Option<Duration> {
        None
    }

    /// The usage of the calling thread so far. `None` in virtual time.
    fn usage(&self) -> Option<ThreadUsage> {
        None
    }

    /// The current time.
    fn now(&self) -> Time {
        self.timers().now()
    }

    /// Completes at `at`. tokio's timers would round to a millisecond.
    fn sleep_until(&self, at: Time) -> Sleep {
        Sleep::new(self.timers().clone(), at)
    }

    /// Completes after `duration`.
    fn sleep(&self, duration: Duration) -> Sleep {
        self.sleep_until(self.now() + duration)
    }
}

/// The place of a host among those that listen on the same ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PortShare {
    /// Its number, from 0, in the order in which they bind.
    pub index: u8,
    /// How many there are, at least one.
    pub of: u8,
}

impl PortShare {
    /// A host that shares its ports with no other.
    pub(crate) const ALONE: Self = Self { index: 0, of: 1 };

    /// Whether a connection whose id begins with this byte is this host's.
    pub(crate) fn owns(self, first_byte: u8) -> bool {
        first_byte % self.of == self.index
    }
}

/// A UDP socket that yields one datagram at a time and reports what goes wrong with each.
pub trait Datagrams: Send + Sync + Debug {
    /// The address it is bound to.
    fn local_addr(&self) -> SocketAddr;

    /// Receives one datagram into `buffer`, which should hold 65,535 bytes: what does not fit is cut off.
    /// One task at a time may wait here.
    fn poll_recv(&self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<Result<Received, DatagramError>>;

    /// Sends one datagram, or returns [`DatagramError::WouldBlock`]. Any number of tasks may send.
    ///
    /// `from` is the local address to send from, for a socket bound to all of them.
    fn try_send(&self, payload: &[u8], to: SocketAddr, from: Option<IpAddr>) -> Result<(), DatagramError>;

    /// Sends the first of a run of datagrams of `segment` bytes each, the last of which may be shorter, and as many of
    /// the following ones as one system call takes. Returns the number of bytes sent, or the first datagram's error.
    fn try_send_run(
        &self,
        run: &[u8],
        segment: usize,
        to: SocketAddr,
        from: Option<IpAddr>,
    ) -> Result<usize, DatagramError> {
        let first = &run[..segment.min(run.len())];
        self.try_send(first, to, from).map(|()| first.len())
    }

    /// Sends ECN-capable datagrams from now on, with ECT(0) (RFC 3168), and counts those that arrive marked.
    ///
    /// Returns an error if the kernel refuses an option.
    fn use_ecn(&self) -> io::Result<()> {
        Ok(())
    }

    /// Datagrams that arrived marked with Congestion Experienced, since [`use_ecn`](Self::use_ecn). `None` without that
    /// call, and if the socket does not read the ECN field.
    fn ce_received(&self) -> Option<u64> {
        None
    }

    /// Datagrams dropped because they were not authentic. `None` if the socket does not authenticate datagrams.
    fn rejected(&self) -> Option<Rejected> {
        None
    }

    /// Moves the sources of datagrams rejected since the last call into `sources`. A socket keeps only a few dozen
    /// between calls.
    fn take_rejected(&self, _sources: &mut Vec<IpAddr>) {}

    /// Drops datagrams from these sources, and from no others, before they are received: by address for IPv4, by /64
    /// for IPv6. Returns `false` if the path cannot.
    fn shun(&self, _: &[IpAddr]) -> bool {
        false
    }

    /// Completes when the socket may have room to send.
    fn writable(&self) -> BoxFuture<'_, Result<(), DatagramError>>;
}

/// A datagram that was received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Received {
    /// Bytes of payload.
    pub len: usize,
    /// Its source.
    pub from: SocketAddr,
    /// The local address it was sent to, if the path knows it and the socket is bound to all addresses.
    pub to: Option<IpAddr>,
    /// When it entered the wire and arrived, if the path knows.
    pub transit: Option<Transit>,
    /// Whether the next datagram was received by the same system call.
    pub more: bool,
}

/// When a datagram entered the wire and arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transit {
    /// When it entered the wire.
    pub entered: Time,
    /// When it reached the socket, which may be earlier than the read.
    pub arrived: Time,
    /// How long it waited in the queue of the link.
    pub queued: Duration,
}

impl dyn Datagrams {
    /// Receives one datagram; see [`Datagrams::poll_recv`].
    pub async fn recv(&self, buffer: &mut [u8]) -> Result<Received, DatagramError> {
        poll_fn(|cx| self.poll_recv(cx, buffer)).await
    }

    /// Passes the next datagram to `take`, in a buffer that the sockets of a thread share; see
    /// [`Datagrams::poll_recv`].
    pub(crate) async fn recv_with(&self, mut take: impl FnMut(&[u8])) -> Result<(), DatagramError> {
        poll_fn(|cx| {
            let mut room = Room::of(usize::from(u16::MAX));
            let received = ready!(self.poll_recv(cx, &mut room))?;
            take(&room[..received.len]);
            Poll::Ready(Ok(()))
        })
        .await
    }

    /// Sends one datagram, waiting for room in the socket's buffer; see [`Datagrams::try_send`].
    pub async fn send(
        &self,
        payload: &[u8],
        to: SocketAddr,
        from: Option<IpAddr>,
    ) -> Result<(), DatagramError> {
        loop {
            match self.try_send(payload, to, from) {
                Err(DatagramError::WouldBlock) => self.writable().await?,
                done => return done,
            }
        }
    }
}

/// A TCP connection, or something that behaves like one.
pub trait ByteStream: AsyncRead + AsyncWrite + Send + Unpin + Debug {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin + Debug> ByteStream for T {}

/// A byte stream and its peer.
#[derive(Debug)]
pub struct Connected {
    /// The stream.
    pub stream: Box<dyn ByteStream>,
    /// This end's address.
    pub local: SocketAddr,
    /// The address of the other end.
    pub peer: SocketAddr,
    /// The statistics of the kernel's TCP, if it is the kernel's.
    pub kernel: Option<Box<dyn KernelTcp>>,
}

/// What the kernel reports of a TCP connection.
pub trait KernelTcp: Send + Sync + Debug {
    /// The state of the connection; `None` if the kernel does not tell.
    fn info(&self) -> Option<TcpInfo>;

    /// How often duplicate acknowledgements began a recovery (RFC 6675); `None` if the kernel's counter includes
    /// other connections.
    fn fast_recoveries(&self) -> Option<u64>;

    /// The kernel's counters of retransmissions; `None` if they include other connections.
    fn retransmissions(&self) -> Option<TcpRetransmissions>;
}

/// Counters of `/proc/net/netstat`: why the kernel's TCP retransmitted segments, and which of them the peer reported as
/// duplicates. `None` for counters that the kernel does not have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TcpRetransmissions {
    /// Retransmissions because later segments were acknowledged, by RACK (RFC 8985) or at duplicate acknowledgements:
    /// `TCPFastRetrans`.
    pub fast: Option<u64>,
    /// Retransmissions in slow start after a timeout: `TCPSlowStartRetrans`.
    pub slow_start: Option<u64>,
    /// Expiries of the retransmission timer: `TCPTimeouts`.
    pub timeouts: Option<u64>,
    /// Tail loss probes (RFC 8985 section 7): `TCPLossProbes`.
    pub probes: Option<u64>,
    /// Reports of the peer that it received data twice (RFC 2883), in order or not: `TCPDSACKRecv` and
    /// `TCPDSACKOfoRecv`.
    pub duplicates: Option<u64>,
}

/// `TCP_INFO` (tcp(7)). The counters cover the whole connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TcpInfo {
    /// Retransmitted segments.
    pub retransmitted_segments: u64,
    /// The congestion window in bytes.
    pub window_bytes: u64,
    /// Bytes that the peer has acknowledged; `None` on kernels before 4.1.
    pub acknowledged_bytes: Option<u64>,
    /// Bytes received in order; `None` on kernels before 4.1.
    pub received_bytes: Option<u64>,
    /// How long the peer's receive window kept data from being sent.
    pub window_closed: Duration,
    /// How long the send buffer was too small to keep the connection busy.
    pub buffer_full: Duration,
    /// Segments that the peer acknowledged as marked (`tcpi_delivered_ce`); `None` on kernels before 4.18.
    pub acknowledged_ce: Option<u64>,
    /// Retransmission timeouts; `None` on kernels before 6.7.
    pub timeouts: Option<u64>,
    /// Recoveries begun by a timeout, each with one timeout or more; `None` on kernels before 6.7.
    pub timeout_recoveries: Option<u64>,
}

/// Waits for connections.
pub trait Listener: Send + Debug {
    /// The address it listens on.
    fn local_addr(&self) -> SocketAddr;
    /// The next connection.
    fn accept(&mut self) -> BoxFuture<'_, Result<Connected, PathError>>;
}

/// The address that means "any port of any of mine", in the family of `like`.
pub(crate) fn unspecified(like: SocketAddr) -> SocketAddr {
    let ip: IpAddr = match like {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    SocketAddr::new(ip, 0)
}
