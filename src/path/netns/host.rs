//! A host whose sockets are in a namespace.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use quinn::{
    AsyncUdpSocket, UdpPoller,
    udp::{RecvMeta, Transmit},
};

use super::{Namespace, World, tcp::Tcp};
use crate::path::{
    BoxFuture, Connected, Datagrams, Host, Listener, PathError, Timers, direct::DirectHost, sim::Side,
};

/// One end of a [`World`], under the tokio runtime that it was made in.
///
/// Its threads need not be in its namespace: a socket stays in the one that it was made in.
#[derive(Debug)]
pub struct NetnsHost {
    direct: Arc<DirectHost>,
    namespace: Arc<Namespace>,
    tcp: Tcp,
}

impl NetnsHost {
    /// The host at one end, whose TCP follows the kernel's congestion controller of this name.
    ///
    /// # Errors
    ///
    /// As for [`DirectHost::new`].
    pub fn new(world: &World, side: Side, controller: &'static str) -> io::Result<Arc<Self>> {
        let namespace = world.namespace(side).clone();
        let connections = world.forwarder.connections().clone();
        let tcp = Tcp { namespace: namespace.clone(), connections, controller };
        Ok(Arc::new(Self { direct: DirectHost::with_origin(world.origin)?, namespace, tcp }))
    }

    fn within<T: Send>(
        &self,
        (operation, address): (&'static str, SocketAddr),
        make: impl FnOnce() -> Result<T, PathError> + Send,
    ) -> Result<T, PathError> {
        self.namespace.within(make).map_err(|e| PathError::from_io(operation, address, e))?
    }
}

impl Host for NetnsHost {
    fn timers(&self) -> &Arc<Timers> {
        self.direct.timers()
    }

    fn origin(&self) -> Instant {
        self.direct.origin()
    }

    fn unix_time(&self) -> Duration {
        self.direct.unix_time()
    }

    fn spawn(&self, name: &'static str, task: BoxFuture<'static, ()>) {
        self.direct.spawn(name, task);
    }

    fn udp_bind(&self, local: SocketAddr) -> Result<Arc<dyn Datagrams>, PathError> {
        self.within(("listen on UDP", local), || self.direct.udp_bind(local))
    }

    fn udp_connect(&self, peer: SocketAddr) -> Result<Arc<dyn Datagrams>, PathError> {
        self.within(("reach UDP", peer), || self.direct.udp_connect(peer))
    }

    fn quic_bind(&self, local: SocketAddr) -> Result<Arc<dyn AsyncUdpSocket>, PathError> {
        let socket = self.within(("listen on QUIC", local), || self.direct.quic_bind(local))?;
        Ok(Arc::new(OnePacketEach(socket)))
    }

    fn tcp_connect(&self, peer: SocketAddr) -> BoxFuture<'_, Result<Connected, PathError>> {
        Box::pin(self.tcp.connect(peer))
    }

    fn tcp_listen(&self, local: SocketAddr) -> Result<Box<dyn Listener>, PathError> {
        let _runtime = self.direct.enter();
        self.tcp.listen(local)
    }
}

/// A socket that quinn gives one packet at a time, as on the other paths, and the kernel none to cut up.
#[derive(Debug)]
struct OnePacketEach(Arc<dyn AsyncUdpSocket>);

impl AsyncUdpSocket for OnePacketEach {
    fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn UdpPoller>> {
        self.0.clone().create_io_poller()
    }

    fn try_send(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        self.0.try_send(transmit)
    }

    fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        buffers: &mut [io::IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        self.0.poll_recv(cx, buffers, meta)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }

    fn max_transmit_segments(&self) -> usize {
        1
    }

    fn max_receive_segments(&self) -> usize {
        self.0.max_receive_segments()
    }

    fn may_fragment(&self) -> bool {
        self.0.may_fragment()
    }
}
