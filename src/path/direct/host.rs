//! This machine as a host.

use std::{
    io,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use super::{
    bind::{Ports, bind_udp_as, connect_udp},
    calls,
    clock::{RealClock, busy_time},
    quic::QuicSocket,
    steer, tcp, udp,
};
use crate::path::{
    BoxFuture, Connected, Datagrams, Host, Listener, PathError, PortShare, ThreadUsage, Timers, drops, sys,
};

/// Polls of tasks between polls of the sockets. A task that is always ready, as under a flood, delays the other tasks'
/// sockets by as many of its polls; tokio's default is 61.
const POLLS_BETWEEN_EVENTS: u32 = 4;

/// A runtime for one thread, without timers: hosts have their own.
///
/// Returns an error if the system has no more file descriptors.
pub fn runtime() -> io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_io().event_interval(POLLS_BETWEEN_EVENTS).build()
}

/// This machine, under the tokio runtime in which it was made.
#[derive(Debug)]
pub struct DirectHost {
    pub(super) clock: Arc<RealClock>,
    timers: Arc<Timers>,
    runtime: tokio::runtime::Handle,
    ports: Ports,
}

impl DirectHost {
    /// This machine as a host. Requires a running tokio runtime, whose I/O driver also fires the timers.
    ///
    /// Returns an error if the kernel refuses a timer (`timerfd_create`), for example because no file descriptor is
    /// left.
    #[expect(clippy::disallowed_methods, reason = "the origin of real time on this path")]
    pub fn new() -> io::Result<Arc<Self>> {
        Self::with_origin(Instant::now(), Ports::Own)
    }

    /// Another host on this machine, under the runtime of the caller, with the same clock.
    ///
    /// Fails like [`DirectHost::new`].
    pub(crate) fn sibling(&self) -> io::Result<Arc<Self>> {
        Self::with_origin(self.clock.origin(), Ports::Own)
    }

    /// This host, `workers - 1` of whose [workers](super::Worker) may listen on its ports (`SO_REUSEPORT`). The kernel
    /// distributes datagrams and connections by a hash of addresses and ports, so that a client stays with one of them;
    /// QUIC's also stay when the client's address changes.
    ///
    /// The first to bind a port must find it free: a second server is refused.
    pub fn sharing_ports(&self, workers: u8) -> Arc<Self> {
        Arc::new(Self {
            clock: self.clock.clone(),
            timers: self.timers.clone(),
            runtime: self.runtime.clone(),
            ports: Ports::Shared(PortShare { index: 0, of: workers.max(1) }),
        })
    }

    /// This machine as a host whose clock starts at `origin`.
    pub(in crate::path) fn with_origin(origin: Instant, ports: Ports) -> io::Result<Arc<Self>> {
        let clock = Arc::new(RealClock::new(origin)?);
        let timers = Timers::new(clock.clone());
        let runtime = tokio::runtime::Handle::current();
        runtime.spawn(clock.clone().drive(timers.clone())?);
        Ok(Arc::new(Self { clock, timers, runtime, ports }))
    }

    /// Enters its runtime until the guard is dropped.
    pub(in crate::path) fn enter(&self) -> tokio::runtime::EnterGuard<'_> {
        self.runtime.enter()
    }

    /// A socket for quinn, with the task that sends what waits in it.
    fn quic(&self, socket: QuicSocket) -> Arc<dyn quinn::AsyncUdpSocket> {
        let socket = Arc::new(socket);
        self.spawn("the sender of a QUIC socket's runs", Box::pin(socket.send_waiting()));
        socket
    }
}

impl Host for DirectHost {
    fn timers(&self) -> &Arc<Timers> {
        &self.timers
    }

    /// Several times the time that it takes to read a datagram and to respond.
    fn resolution(&self) -> Duration {
        Duration::from_micros(100)
    }

    fn origin(&self) -> Instant {
        self.clock.origin()
    }

    #[expect(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
    fn unix_time(&self) -> Duration {
        SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
    }

    fn busy_time(&self) -> Option<Duration> {
        busy_time()
    }

    fn usage(&self) -> Option<ThreadUsage> {
        sys::thread_usage().map(|usage| ThreadUsage { socket_calls: calls::so_far(), ..usage })
    }

    fn spawn(&self, _: &'static str, task: BoxFuture<'static, ()>) {
        self.runtime.spawn(task);
    }

    fn udp_bind(&self, local: SocketAddr) -> Result<Arc<dyn Datagrams>, PathError> {
        let _runtime = self.enter();
        const OPERATION: &str = "listen on UDP";
        let socket =
            bind_udp_as(local, self.ports).map_err(|e| PathError::from_server_io(OPERATION, local, e))?;
        udp::UdpSocket::new(socket, None, self.timers.clone())
            .map(|socket| Arc::new(socket) as Arc<dyn Datagrams>)
            .map_err(|e| PathError::from_server_io(OPERATION, local, e))
    }

    fn udp_connect(&self, peer: SocketAddr) -> Result<Arc<dyn Datagrams>, PathError> {
        let _runtime = self.enter();
        connect_udp(peer)
            .and_then(|socket| udp::UdpSocket::new(socket, Some(peer), self.timers.clone()))
            .map(|socket| Arc::new(socket) as Arc<dyn Datagrams>)
            .map_err(|e| PathError::from_client_io("reach UDP", peer, e))
    }

    fn quic_bind(&self, local: SocketAddr) -> Result<Arc<dyn quinn::AsyncUdpSocket>, PathError> {
        let _runtime = self.enter();
        let bound = bind_udp_as(local, self.ports).and_then(|socket| {
            if let Ports::Joined(share) = self.ports {
                steer::by_connection_id(&socket, share)?;
            }
            Ok(socket)
        });
        bound
            .and_then(|socket| QuicSocket::new(socket, None, self.timers.clone()))
            .map(|socket| self.quic(socket))
            .map_err(|e| PathError::from_server_io("listen on QUIC", local, e))
    }

    fn quic_connect(&self, peer: SocketAddr) -> Result<Arc<dyn quinn::AsyncUdpSocket>, PathError> {
        let _runtime = self.enter();
        connect_udp(peer)
            .and_then(|socket| QuicSocket::new(socket, Some(peer), self.timers.clone()))
            .map(|socket| self.quic(socket))
            .map_err(|e| PathError::from_client_io("reach QUIC", peer, e))
    }

    fn port_share(&self) -> PortShare {
        match self.ports {
            Ports::Own => PortShare::ALONE,
            Ports::Shared(share) | Ports::Joined(share) => share,
        }
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
            .map_err(|e| PathError::from_server_io("listen on TCP", local, e))?;
        Ok(Box::new(tcp::TimedListener { listener, timers: self.timers.clone() }))
    }
}
