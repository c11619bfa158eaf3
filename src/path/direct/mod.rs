//! Real time on the sockets of this machine.

mod clock;
mod linger;
mod observed;
mod quic;
mod shun;
mod stream;
pub(super) mod tcp;
mod udp;
mod worker;

use std::{
    io,
    net::SocketAddr,
    pin::pin,
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, Instant, SystemTime},
};

use quinn::Runtime as _;
use socket2::{Domain, Protocol, Socket, Type};

use super::{
    BoxFuture, Connected, Datagrams, Host, Listener, PathError, Timers, drops, layered::Layered, unspecified,
};
use clock::RealClock;
use linger::Linger;
pub use observed::observed;
use quic::LingeringQuic;
pub use worker::{HostThread, Worker};

/// What sockets are asked to buffer, so that a burst is not lost on this machine. The kernel may grant less.
const SOCKET_BUFFER_BYTES: usize = 4 << 20;

/// How many tasks have their turn before the sockets are looked at again. A task that always has something to do, as with
/// a flood to read, would keep the others from hearing of theirs for so many of its turns: tokio's default is 61.
const TASKS_BETWEEN_LOOKS: u32 = 4;

/// A runtime for one thread, without timers: hosts have their own.
///
/// # Errors
///
/// Where the system has no more file descriptors.
pub fn runtime() -> io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_io().event_interval(TASKS_BETWEEN_LOOKS).build()
}

/// This machine, under the tokio runtime that it was made in.
#[derive(Debug)]
pub struct DirectHost {
    clock: Arc<RealClock>,
    timers: Arc<Timers>,
    runtime: tokio::runtime::Handle,
    ports: Ports,
}

/// Who else may listen on the ports that a host listens on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ports {
    /// Nobody.
    Own,
    /// Its workers. Nobody must be there already.
    Shared,
    /// This is such a worker: another host is there already.
    Joined,
}

impl DirectHost {
    /// This machine as a host. Needs a running tokio runtime, whose I/O driver then also fires the timers.
    ///
    /// # Errors
    ///
    /// Where the kernel refuses a timer (`timerfd_create`), as when no file descriptor is left.
    #[expect(clippy::disallowed_methods, reason = "the origin of real time on this path")]
    pub fn new() -> io::Result<Arc<Self>> {
        Self::with_origin(Instant::now(), Ports::Own)
    }

    /// Another host on this machine, under the runtime that is running here, whose clock reads as this one's.
    ///
    /// # Errors
    ///
    /// As for [`DirectHost::new`].
    pub fn sibling(&self) -> io::Result<Arc<Self>> {
        Self::with_origin(self.clock.origin(), Ports::Own)
    }

    /// This host, but whoever is a [`Worker`] of it may listen where it listens (`SO_REUSEPORT`). The kernel hands out
    /// datagrams and connections by a hash of addresses and ports, so that a client stays with one of them.
    ///
    /// What it binds first must not be taken: a second server is refused as ever.
    pub fn sharing_ports(&self) -> Arc<Self> {
        Arc::new(Self {
            clock: self.clock.clone(),
            timers: self.timers.clone(),
            runtime: self.runtime.clone(),
            ports: Ports::Shared,
        })
    }

    /// This machine as a host whose clock begins at `origin`.
    pub(super) fn with_origin(origin: Instant, ports: Ports) -> io::Result<Arc<Self>> {
        let clock = Arc::new(RealClock::new(origin)?);
        let timers = Timers::new(clock.clone());
        let runtime = tokio::runtime::Handle::current();
        runtime.spawn(clock.clone().drive(timers.clone())?);
        Ok(Arc::new(Self { clock, timers, runtime, ports }))
    }

    /// Makes its runtime that of what is called until the guard goes.
    pub(super) fn enter(&self) -> tokio::runtime::EnterGuard<'_> {
        self.runtime.enter()
    }
}

impl Host for DirectHost {
    fn timers(&self) -> &Arc<Timers> {
        &self.timers
    }

    /// Several times what it takes to read a datagram and to act on it.
    fn resolution(&self) -> Duration {
        Duration::from_micros(100)
    }

    fn origin(&self) -> Instant {
        self.clock.origin()
    }

    #[expect(clippy::disallowed_methods, reason = "here is where the wall clock is read for all")]
    fn unix_time(&self) -> Duration {
        SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
    }

    fn spawn(&self, _: &'static str, task: BoxFuture<'static, ()>) {
        self.runtime.spawn(task);
    }

    fn udp_bind(&self, local: SocketAddr) -> Result<Arc<dyn Datagrams>, PathError> {
        let _runtime = self.enter();
        const OPERATION: &str = "listen on UDP";
        let socket = bind_udp_as(local, self.ports).map_err(|e| PathError::from_io(OPERATION, local, e))?;
        udp::UdpSocket::new(socket, None, self.timers.clone())
            .map(|socket| Arc::new(socket) as Arc<dyn Datagrams>)
            .map_err(|e| PathError::from_io(OPERATION, local, e))
    }

    fn udp_connect(&self, peer: SocketAddr) -> Result<Arc<dyn Datagrams>, PathError> {
        let _runtime = self.enter();
        connect_udp(peer)
            .and_then(|socket| udp::UdpSocket::new(socket, Some(peer), self.timers.clone()))
            .map(|socket| Arc::new(socket) as Arc<dyn Datagrams>)
            .map_err(|e| PathError::from_io("reach UDP", peer, e))
    }

    fn quic_bind(&self, local: SocketAddr) -> Result<Arc<dyn quinn::AsyncUdpSocket>, PathError> {
        let _runtime = self.enter();
        bind_udp_as(local, self.ports)
            .and_then(|socket| quinn::TokioRuntime.wrap_udp_socket(socket.into()))
            .map(|socket| {
                let linger = Linger::new(self.timers.clone());
                Arc::new(Layered(LingeringQuic::new(socket, linger))) as Arc<dyn quinn::AsyncUdpSocket>
            })
            .map_err(|e| PathError::from_io("listen on QUIC", local, e))
    }

    fn dropped_datagrams(&self, local: SocketAddr) -> Option<u64> {
        drops::dropped(&[local])
    }

    fn tcp_connect(&self, peer: SocketAddr) -> BoxFuture<'_, Result<Connected, PathError>> {
        Box::pin(tcp::connect(peer, self.timers.clone()))
    }

    fn tcp_listen(&self, local: SocketAddr) -> Result<Box<dyn Listener>, PathError> {
        let _runtime = self.enter();
        let listener = tcp::TcpListener::bind(local, self.ports)
            .map_err(|e| PathError::from_io("listen on TCP", local, e))?;
        Ok(Box::new(tcp::TimedListener { listener, timers: self.timers.clone() }))
    }
}

/// Has the other tasks of this thread, and the reactor, go before this one.
fn after_others<T>(cx: &mut Context<'_>) -> Poll<T> {
    let yielding = pin!(tokio::task::yield_now());
    // It is pending once, and has then arranged for being woken.
    let _ = yielding.poll(cx);
    Poll::Pending
}

/// A UDP socket that does not block, with buffers as large as they may be.
pub(super) fn bind_udp(local: SocketAddr) -> io::Result<Socket> {
    bind_udp_as(local, Ports::Own)
}

fn bind_udp_as(local: SocketAddr, ports: Ports) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(local), Type::DGRAM, Some(Protocol::UDP))?;
    if local.is_ipv6() {
        // The IPv4 address of the same port is a socket of its own.
        socket.set_only_v6(true)?;
    }
    // Asking for more than the kernel grants is no error; granting less is the kernel's right.
    let _ = socket.set_recv_buffer_size(SOCKET_BUFFER_BYTES);
    let _ = socket.set_send_buffer_size(SOCKET_BUFFER_BYTES);
    socket.set_nonblocking(true)?;
    bind(&socket, local, ports)?;
    Ok(socket)
}

/// Binds `socket`. The first of those that share a port sets the option only once it is bound: with it, a port that
/// another server shares with its own workers would be had as well, and half of that server's clients.
fn bind(socket: &Socket, local: SocketAddr, ports: Ports) -> io::Result<()> {
    if ports == Ports::Joined {
        socket.set_reuse_port(true)?;
    }
    socket.bind(&local.into())?;
    if ports == Ports::Shared {
        socket.set_reuse_port(true)?;
    }
    Ok(())
}

/// [`bind_udp`], and it hears from `peer` alone.
pub(super) fn connect_udp(peer: SocketAddr) -> io::Result<Socket> {
    let socket = bind_udp(unspecified(peer))?;
    socket.connect(&peer.into())?;
    Ok(socket)
}
