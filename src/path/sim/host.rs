//! A host in virtual time.

use std::{
    future::ready,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use web_time::Instant;

use super::{executor::Executor, network::Network, socket::SimSocket};
use crate::{
    path::{BoxFuture, Clock, Connected, Datagrams, Host, Listener, PathError, Randomness, Side, Timers},
    unit::Time,
};

/// The Unix time of the virtual clock's origin: 2027-01-15, within the validity of our certificates.
pub(crate) const UNIX_ORIGIN: Duration = Duration::from_secs(1_800_000_000);

/// What the hosts of a simulation share.
#[derive(Debug, Clone)]
pub(super) struct Machinery {
    /// Stands for the virtual clock's zero.
    pub(super) origin: Instant,
    pub(super) clock: Arc<VirtualClock>,
    pub(super) timers: Arc<Timers>,
    pub(super) executor: Arc<Executor>,
    pub(super) network: Arc<Network>,
    pub(super) randomness: Randomness,
    pub(super) needs_encryption: bool,
}

/// The clock of a simulation, which its world moves.
#[derive(Debug, Default)]
pub(super) struct VirtualClock(AtomicU64);

impl VirtualClock {
    /// Moves the clock to `at`; never back.
    pub(super) fn advance(&self, at: Time) {
        // Only this thread moves it, so no atomic maximum is needed.
        self.0.store(self.now().max(at).as_nanos(), Ordering::Relaxed);
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Time {
        Time::from_nanos(self.0.load(Ordering::Relaxed))
    }
    fn arm(&self, _: Time) {}
}

/// One end of a simulation.
#[derive(Debug)]
pub(crate) struct SimHost {
    side: Side,
    machinery: Machinery,
}

impl SimHost {
    pub(super) fn new(machinery: Machinery, side: Side) -> Self {
        Self { side, machinery }
    }

    fn open(
        &self,
        operation: &'static str,
        local: SocketAddr,
        peer: Option<SocketAddr>,
    ) -> Result<Arc<SimSocket>, PathError> {
        let address = SocketAddr::new(self.local_ip(local.ip()), local.port());
        SimSocket::open(
            self.machinery.clock.clone(),
            self.machinery.network.clone(),
            self.side,
            address,
            peer,
        )
        .map(Arc::new)
        .ok_or(PathError::InUse { operation, address })
    }

    fn local_ip(&self, asked: IpAddr) -> IpAddr {
        if asked.is_unspecified() { self.side.ip(asked) } else { asked }
    }

    fn unsupported(&self) -> PathError {
        PathError::Unsupported {
            what: "TCP",
            path: "sim",
            reason: "the simulated wire carries UDP packets only, and a relay of bytes cannot lose a TCP \
                     segment; use --path netns for the kernel's TCP on this wire, or --path direct without it",
        }
    }
}

impl Host for SimHost {
    fn timers(&self) -> &Arc<Timers> {
        &self.machinery.timers
    }

    fn origin(&self) -> Instant {
        self.machinery.origin
    }

    fn unix_time(&self) -> Duration {
        UNIX_ORIGIN + (self.machinery.clock.now() - Time::ZERO)
    }

    fn uses_ecn(&self) -> bool {
        self.machinery.network.uses_ecn()
    }

    fn settled_before(&self) -> Option<Time> {
        Some(self.machinery.network.settled_before(self.machinery.clock.now()))
    }

    fn is_one_thread(&self) -> bool {
        true
    }

    fn randomness(&self) -> Option<&Randomness> {
        Some(&self.machinery.randomness)
    }

    fn needs_encryption(&self) -> bool {
        self.machinery.needs_encryption
    }

    fn spawn(&self, name: &'static str, task: BoxFuture<'static, ()>) {
        self.machinery.executor.spawn(name, task);
    }

    fn udp_bind(&self, local: SocketAddr) -> Result<Arc<dyn Datagrams>, PathError> {
        Ok(self.open("bind UDP", local, None)?)
    }

    fn udp_connect(&self, peer: SocketAddr) -> Result<Arc<dyn Datagrams>, PathError> {
        let local = SocketAddr::new(self.side.ip(peer.ip()), 0);
        Ok(self.open("bind UDP", local, Some(peer))?)
    }

    fn quic_bind(&self, local: SocketAddr) -> Result<Arc<dyn quinn::AsyncUdpSocket>, PathError> {
        Ok(self.open("bind QUIC", local, None)?)
    }

    fn tcp_connect(&self, _: SocketAddr) -> BoxFuture<'_, Result<Connected, PathError>> {
        Box::pin(ready(Err(self.unsupported())))
    }

    fn tcp_listen(&self, _: SocketAddr) -> Result<Box<dyn Listener>, PathError> {
        Err(self.unsupported())
    }
}
