//! Two hosts of this machine with a relay between them.

use std::{
    future::ready,
    io,
    net::{IpAddr, SocketAddr},
    num::NonZeroUsize,
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use quinn::AsyncUdpSocket;

use super::{
    handle::Relay,
    options::{RelayLimits, RelayOptions},
    report::RelayReport,
};
use crate::{
    link::{Counters, LinkSpec},
    path::{
        AddressChange, BoxFuture, Connected, DatagramError, Datagrams, Host, Listener, Observers, PathError,
        Received, Side, ThreadUsage, Timers, WireBroken, drops,
        layered_quic::LayeredQuic,
        realtime::{self, Breakage, OnWire},
    },
    unit::{Mutex, PerDirection},
};

/// An experiment has one client; the others are its attempts to connect.
const CLIENTS: RelayLimits = RelayLimits { most: NonZeroUsize::MIN.saturating_add(15), idle: None };

/// A wire in real time with a host at each end. The server's sockets are reached through the relay, whose address they
/// report as theirs.
#[derive(Debug)]
pub(crate) struct Wire {
    links: PerDirection<LinkSpec>,
    seed: u64,
    observers: Mutex<Observers>,
    change: Option<AddressChange>,
    breakage: Arc<Breakage>,
    relay: Mutex<Option<Relay>>,
    /// What the kernel dropped for closed sockets of the ends; `None` if it does not tell.
    dropped: Mutex<Option<u64>>,
}

impl Wire {
    /// A wire that follows `links`, with every draw keyed by `seed`, on which the client's address may change. It
    /// starts with the server's first socket.
    pub(crate) fn new(
        links: PerDirection<LinkSpec>,
        seed: u64,
        observers: Observers,
        change: Option<AddressChange>,
    ) -> Arc<Self> {
        Arc::new(Self {
            links,
            seed,
            observers: Mutex::new(observers),
            change,
            breakage: Arc::default(),
            relay: Mutex::default(),
            dropped: Mutex::new(Some(0)),
        })
    }

    /// The host at one end: `machine`, behind the wire. Both ends' clocks must read the same.
    pub(crate) fn host(self: &Arc<Self>, side: Side, machine: Arc<dyn Host>) -> Arc<dyn Host> {
        Arc::new(RelayHost { side, machine, wire: self.clone() })
    }

    /// What the wire has done so far, to the server and to the client.
    pub(crate) fn counters(&self) -> PerDirection<Counters> {
        self.relay.lock().as_ref().map_or_else(Default::default, Relay::counters)
    }

    /// Completes when the wire carries nothing any more. One task may wait.
    pub(crate) async fn broken(&self) -> WireBroken {
        self.breakage.wait().await
    }

    /// Ends the wire. The kernel's drops at the ends are included for closed sockets only.
    pub(crate) fn finish(&self) -> RelayReport {
        let mut report = self.relay.lock().take().map_or_else(RelayReport::default, |relay| relay.report());
        let at_ends = *self.dropped.lock();
        report.fidelity.dropped = report.fidelity.dropped.zip(at_ends).map(|(relay, ends)| relay + ends);
        report
    }

    /// Where the server's socket on `local` is reached.
    fn lead_to(&self, host: &Arc<dyn Host>, local: SocketAddr) -> Result<SocketAddr, PathError> {
        let options = RelayOptions {
            listen: SocketAddr::new(local.ip(), 0),
            to: local,
            links: self.links.clone(),
            seed: self.seed,
            clients: CLIENTS,
            change: self.change.clone(),
        };
        let observers = std::mem::take(&mut *self.observers.lock());
        let relay = Relay::start_reporting(host.clone(), &options, observers, self.breakage.clone())?;
        let reached = relay.local_addr();
        *self.relay.lock() = Some(relay);
        Ok(reached)
    }

    fn closed(&self, socket: SocketAddr) {
        let mut dropped = self.dropped.lock();
        *dropped = dropped.zip(drops::dropped(&[socket])).map(|(before, more)| before + more);
    }
}

/// One end of a [`Wire`].
#[derive(Debug)]
struct RelayHost {
    side: Side,
    machine: Arc<dyn Host>,
    wire: Arc<Wire>,
}

impl RelayHost {
    /// Where the socket on `local` is reached, and the guard that it carries.
    fn attach(&self, local: SocketAddr) -> Result<(SocketAddr, CountDrops), PathError> {
        let reached = match self.side {
            Side::Client => local,
            Side::Server => self.wire.lead_to(&self.machine, local)?,
        };
        Ok((reached, CountDrops { wire: self.wire.clone(), local }))
    }

    fn datagrams(&self, socket: Arc<dyn Datagrams>) -> Result<Arc<dyn Datagrams>, PathError> {
        let (reached, _guard) = self.attach(socket.local_addr())?;
        Ok(Arc::new(RelayedDatagrams { socket, reached, _guard }))
    }

    fn unsupported(&self) -> PathError {
        PathError::Unsupported {
            what: "TCP",
            path: "relay",
            reason: "a user-space relay cannot lose a TCP segment, it can only delay bytes; use --path netns for \
                     the kernel's TCP on this link, or --path direct without it",
        }
    }
}

impl Host for RelayHost {
    fn timers(&self) -> &Arc<Timers> {
        self.machine.timers()
    }

    fn resolution(&self) -> Duration {
        realtime::resolution(&self.wire.links)
    }

    fn origin(&self) -> Instant {
        self.machine.origin()
    }

    fn unix_time(&self) -> Duration {
        self.machine.unix_time()
    }

    fn uses_ecn(&self) -> bool {
        self.wire.links.iter().any(LinkSpec::uses_ecn)
    }

    fn busy_time(&self) -> Option<Duration> {
        self.machine.busy_time()
    }

    fn usage(&self) -> Option<ThreadUsage> {
        self.machine.usage()
    }

    fn spawn(&self, name: &'static str, task: BoxFuture<'static, ()>) {
        self.machine.spawn(name, task);
    }

    fn udp_bind(&self, local: SocketAddr) -> Result<Arc<dyn Datagrams>, PathError> {
        self.datagrams(self.machine.udp_bind(local)?)
    }

    fn udp_connect(&self, peer: SocketAddr) -> Result<Arc<dyn Datagrams>, PathError> {
        self.datagrams(self.machine.udp_connect(peer)?)
    }

    fn quic_bind(&self, local: SocketAddr) -> Result<Arc<dyn AsyncUdpSocket>, PathError> {
        let socket = self.machine.quic_bind(local)?;
        let bound = socket.local_addr().map_err(|e| PathError::from_io("listen on QUIC", local, e))?;
        let (reached, _guard) = self.attach(bound)?;
        Ok(Arc::new(LayeredQuic(OnWire { socket, reached, _guard })))
    }

    fn tcp_connect(&self, _: SocketAddr) -> BoxFuture<'_, Result<Connected, PathError>> {
        Box::pin(ready(Err(self.unsupported())))
    }

    fn tcp_listen(&self, _: SocketAddr) -> Result<Box<dyn Listener>, PathError> {
        Err(self.unsupported())
    }
}

/// A UDP socket that others reach at the address of the relay.
#[derive(Debug)]
struct RelayedDatagrams {
    /// Dropped just before the socket.
    _guard: CountDrops,
    socket: Arc<dyn Datagrams>,
    reached: SocketAddr,
}

impl Datagrams for RelayedDatagrams {
    fn local_addr(&self) -> SocketAddr {
        self.reached
    }

    fn poll_recv(&self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<Result<Received, DatagramError>> {
        self.socket.poll_recv(cx, buffer)
    }

    fn try_send(&self, payload: &[u8], to: SocketAddr, from: Option<IpAddr>) -> Result<(), DatagramError> {
        self.socket.try_send(payload, to, from)
    }

    fn use_ecn(&self) -> io::Result<()> {
        self.socket.use_ecn()
    }

    fn ce_received(&self) -> Option<u64> {
        self.socket.ce_received()
    }

    fn writable(&self) -> BoxFuture<'_, Result<(), DatagramError>> {
        self.socket.writable()
    }
}

/// Counts what the kernel dropped for a socket as that closes.
#[derive(Debug)]
struct CountDrops {
    wire: Arc<Wire>,
    local: SocketAddr,
}

impl Drop for CountDrops {
    fn drop(&mut self) {
        self.wire.closed(self.local);
    }
}
