//! A host whose sockets are in a namespace.

use std::{
    io,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use quinn::AsyncUdpSocket;

use super::{namespace::Namespace, tcp::Tcp, world::World};
use crate::path::{
    BoxFuture, Connected, Datagrams, Host, Listener, PathError, Side, ThreadUsage, Timers,
    direct::{DirectHost, Ports},
    layered_quic::LayeredQuic,
    realtime::OnWire,
};

/// One end of a [`World`], under the tokio runtime that it was made in.
///
/// Its threads need not be in its namespace: a socket stays in the namespace in which it was made.
#[derive(Debug)]
pub struct NetnsHost {
    direct: Arc<DirectHost>,
    namespace: Arc<Namespace>,
    tcp: Tcp,
    resolution: Duration,
    uses_ecn: bool,
}

impl NetnsHost {
    /// The host at one end, whose TCP uses the kernel's congestion controller of this name.
    ///
    /// Fails like [`DirectHost::new`].
    pub fn new(world: &World, side: Side, controller: &'static str) -> io::Result<Arc<Self>> {
        let namespace = world.namespace(side).clone();
        let tcp = Tcp { namespace: namespace.clone(), controller, is_alone: true };
        let direct = DirectHost::with_origin(world.origin, Ports::Own)?;
        Ok(Arc::new(Self { direct, namespace, tcp, resolution: world.resolution, uses_ecn: world.uses_ecn }))
    }

    fn within<T: Send>(
        &self,
        operation: &'static str,
        address: SocketAddr,
        make: impl FnOnce() -> Result<T, PathError> + Send,
    ) -> Result<T, PathError> {
        self.namespace.within(make).map_err(|e| PathError::from_io(operation, address, e))?
    }
}

impl Host for NetnsHost {
    fn timers(&self) -> &Arc<Timers> {
        self.direct.timers()
    }

    fn resolution(&self) -> Duration {
        self.resolution
    }

    fn origin(&self) -> Instant {
        self.direct.origin()
    }

    fn unix_time(&self) -> Duration {
        self.direct.unix_time()
    }

    fn uses_ecn(&self) -> bool {
        self.uses_ecn
    }

    fn busy_time(&self) -> Option<Duration> {
        self.direct.busy_time()
    }

    fn usage(&self) -> Option<ThreadUsage> {
        self.direct.usage()
    }

    fn spawn(&self, name: &'static str, task: BoxFuture<'static, ()>) {
        self.direct.spawn(name, task);
    }

    fn udp_bind(&self, local: SocketAddr) -> Result<Arc<dyn Datagrams>, PathError> {
        self.within("listen on UDP", local, || self.direct.udp_bind(local))
    }

    fn udp_connect(&self, peer: SocketAddr) -> Result<Arc<dyn Datagrams>, PathError> {
        self.within("reach UDP", peer, || self.direct.udp_connect(peer))
    }

    fn quic_bind(&self, local: SocketAddr) -> Result<Arc<dyn AsyncUdpSocket>, PathError> {
        let socket = self.within("listen on QUIC", local, || self.direct.quic_bind(local))?;
        let bound = socket.local_addr().map_err(|e| PathError::from_io("listen on QUIC", local, e))?;
        Ok(Arc::new(LayeredQuic(OnWire { _guard: (), socket, reached: bound })))
    }

    fn beside_others(&self, controller: &'static str) -> Option<Arc<dyn Host>> {
        let tcp = Tcp { controller, is_alone: false, ..self.tcp.clone() };
        let (direct, namespace) = (self.direct.clone(), self.namespace.clone());
        Some(Arc::new(Self { direct, namespace, tcp, resolution: self.resolution, uses_ecn: self.uses_ecn }))
    }

    fn tcp_connect(&self, peer: SocketAddr) -> BoxFuture<'_, Result<Connected, PathError>> {
        Box::pin(self.tcp.connect(peer))
    }

    fn tcp_listen(&self, local: SocketAddr) -> Result<Box<dyn Listener>, PathError> {
        let _runtime = self.direct.enter();
        self.tcp.listen(local)
    }
}
