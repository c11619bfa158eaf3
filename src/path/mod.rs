//! Where packets travel: the one place where virtual time, loopback and a real network differ.
//!
//! A [`Host`] is one end of a path. Client and server code takes time, sleep, tasks and sockets from
//! its host and from nowhere else, so that the same code runs in virtual time ([`sim`]), on the
//! sockets of this machine ([`direct`]), and on these with the wire in between: between sockets ([`relay`]), or
//! between network namespaces ([`netns`]).

pub mod direct;
mod drops;
mod error;
mod fidelity;
mod kernel_tcp;
pub mod netns;
mod packet;
mod quinn_runtime;
pub mod relay;
pub mod sim;
#[expect(unsafe_code, reason = "system calls that no safe interface covers")]
mod sys;
pub mod tap;
mod tapped;
mod timeout;
mod timers;
pub mod wait;

use std::{
    fmt::Debug,
    future::{Future, poll_fn},
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use tokio::io::{AsyncRead, AsyncWrite};

pub use self::{
    error::{DatagramError, PathError},
    fidelity::Fidelity,
    kernel_tcp::{KernelTcp, TcpInfo},
    quinn_runtime::quinn_runtime,
    timeout::{Elapsed, timeout},
    timers::{Clock, Sleep, Timers},
};
use crate::unit::Time;

/// A future that owns what it needs and may move between threads.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// One end of a path: a clock, timers, tasks, and the sockets that the path carries.
pub trait Host: Send + Sync + Debug + 'static {
    /// The timers of this host, which also tell its time.
    fn timers(&self) -> &Arc<Timers>;

    /// The `Instant` that stands for [`Time::ZERO`], for libraries that reckon in `Instant`s.
    fn origin(&self) -> std::time::Instant;

    /// The wall clock: time since the Unix epoch. Constant plus [`Host::now`] in virtual time.
    fn unix_time(&self) -> Duration;

    /// Runs `task` in the background. `name` says what waits, should the path stall.
    fn spawn(&self, name: &'static str, task: BoxFuture<'static, ()>);

    /// A UDP socket that hears from anyone.
    fn udp_bind(&self, local: SocketAddr) -> Result<Arc<dyn Datagrams>, PathError>;

    /// A UDP socket that hears from `peer` alone, and hears of it when `peer` refuses.
    fn udp_connect(&self, peer: SocketAddr) -> Result<Arc<dyn Datagrams>, PathError>;

    /// A UDP socket for quinn, which batches and paces by itself.
    fn quic_bind(&self, local: SocketAddr) -> Result<Arc<dyn quinn::AsyncUdpSocket>, PathError>;

    /// Datagrams that found no room in the receive queues of the sockets bound to `local`, where the path has such
    /// queues and knows.
    fn dropped_datagrams(&self, _local: SocketAddr) -> Option<u64> {
        None
    }

    /// A TCP connection to `peer`, or [`PathError::Unsupported`] where the path cannot lose segments.
    fn tcp_connect(&self, peer: SocketAddr) -> BoxFuture<'_, Result<Connected, PathError>>;

    /// A TCP listener, or [`PathError::Unsupported`].
    fn tcp_listen(&self, local: SocketAddr) -> Result<Box<dyn Listener>, PathError>;

    /// Waits shorter than this say nothing: what arrives at one instant is taken in one by one. Zero in virtual time.
    fn resolution(&self) -> Duration {
        Duration::ZERO
    }

    /// What the path knows of the bytes on its wire, where the wire is ours.
    fn tap(&self) -> Option<tap::Tap> {
        None
    }

    /// The instant it is.
    fn now(&self) -> Time {
        self.timers().now()
    }

    /// Completes at `at`, precisely: tokio's own timers round to a millisecond.
    fn sleep_until(&self, at: Time) -> Sleep {
        Sleep::new(self.timers().clone(), at)
    }

    /// Completes after `duration`.
    fn sleep(&self, duration: Duration) -> Sleep {
        self.sleep_until(self.now() + duration)
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

    /// Sends the first of a run of datagrams of `segment` bytes each, of which the last may be shorter, and as many
    /// of those behind it as one system call takes. Returns the bytes that were sent; an error is the first one's.
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

    /// Has datagrams from these sources dropped before they are received, and from no others: IPv4 addresses, and of
    /// IPv6 the /64 that each is in. `false` where this path cannot.
    fn shun(&self, _: &[IpAddr]) -> bool {
        false
    }

    /// Completes when sending is worth another try.
    fn writable(&self) -> BoxFuture<'_, Result<(), DatagramError>>;
}

/// A datagram that was received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Received {
    /// Bytes of payload.
    pub len: usize,
    /// Its source.
    pub from: SocketAddr,
    /// The local address it was sent to, where the path knows it and the socket is bound to all of them.
    pub to: Option<IpAddr>,
    /// Its way over the wire, where the path knows it.
    pub transit: Option<Transit>,
    /// Whether the next one is at hand: it came by the same system call.
    pub more: bool,
}

/// A datagram's way over the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transit {
    /// When it entered the wire.
    pub entered: Time,
    /// When it reached the socket. Whoever reads the socket late adds nothing to this.
    pub arrived: Time,
}

impl dyn Datagrams {
    /// Receives one datagram; see [`Datagrams::poll_recv`].
    pub async fn recv(&self, buffer: &mut [u8]) -> Result<Received, DatagramError> {
        poll_fn(|cx| self.poll_recv(cx, buffer)).await
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

/// A byte stream and who is at its other end.
#[derive(Debug)]
pub struct Connected {
    /// The stream.
    pub stream: Box<dyn ByteStream>,
    /// The other end.
    pub peer: SocketAddr,
    /// The kernel's side of it, where it is the kernel's TCP.
    pub kernel: Option<KernelTcp>,
}

/// Waits for connections.
pub trait Listener: Send + Debug {
    /// The address it listens on.
    fn local_addr(&self) -> SocketAddr;
    /// The next connection.
    fn accept(&mut self) -> BoxFuture<'_, Result<Connected, PathError>>;
}

/// The address that means "any port of any of mine", in the family of `like`.
pub fn unspecified(like: SocketAddr) -> SocketAddr {
    let ip: IpAddr = match like {
        SocketAddr::V4(_) => std::net::Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => std::net::Ipv6Addr::UNSPECIFIED.into(),
    };
    SocketAddr::new(ip, 0)
}
