//! Two hosts of this machine with a relay between them.

use std::{
    future::ready,
    net::SocketAddr,
    num::NonZeroUsize,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use quinn::AsyncUdpSocket;

use super::{ClientLimits, Relay, RelayOptions, RelayReport, Witness, lock};
use crate::{
    link::{Counters, LinkSpec, Verdict},
    path::{
        BoxFuture, Connected, Datagrams, Host, Listener, PathError, Timers, drops, fidelity,
        sim::Side,
        tap::{Stamp, Tap},
        tapped::{End, TappedDatagrams, TappedQuic},
    },
    unit::{Direction, PerDirection, Time},
    wire::Probe,
};

/// An experiment has one client; a few more are its attempts to connect.
const CLIENTS: ClientLimits = ClientLimits { most: NonZeroUsize::MIN.saturating_add(15), idle: None };

/// A wire in real time with a host at each end. The server's sockets are reached through the relay: the address that
/// they give for theirs is its.
#[derive(Debug)]
pub struct Wire {
    links: PerDirection<LinkSpec>,
    seed: u64,
    taps: PerDirection<Tap>,
    relay: Mutex<Option<Relay>>,
    /// What the kernel dropped for sockets at the ends that are closed; `None` if it does not tell.
    dropped: Mutex<Option<u64>>,
}

impl Wire {
    /// A wire that follows `links`, to the server and to the client, with every draw keyed by `seed`. It begins with
    /// the server's first socket.
    pub fn new(links: PerDirection<LinkSpec>, seed: u64) -> Arc<Self> {
        Arc::new(Self {
            links,
            seed,
            taps: Tap::pair(),
            relay: Mutex::default(),
            dropped: Mutex::new(Some(0)),
        })
    }

    /// The host at one end: `machine`, behind the wire. Both ends' clocks must read the same.
    pub fn host(self: &Arc<Self>, side: Side, machine: Arc<dyn Host>) -> Arc<dyn Host> {
        Arc::new(RelayHost { side, machine, wire: self.clone() })
    }

    /// What the wire has done so far, to the server and to the client.
    pub fn counters(&self) -> PerDirection<Counters> {
        lock(&self.relay).as_ref().map_or_else(Default::default, Relay::counters)
    }

    /// Ends the wire. What the kernel dropped at its ends is known of closed sockets only.
    pub fn finish(&self) -> RelayReport {
        let mut report = lock(&self.relay).take().map_or_else(RelayReport::default, |relay| relay.report());
        let at_ends = *lock(&self.dropped);
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
        };
        let watch = Watch { taps: self.taps.clone(), packets: 0 };
        let relay = Relay::start(host.clone(), &options, Some(Box::new(watch)))?;
        let reached = relay.local_addr();
        *lock(&self.relay) = Some(relay);
        Ok(reached)
    }

    fn closed(&self, socket: SocketAddr) {
        let mut dropped = lock(&self.dropped);
        *dropped = dropped.zip(drops::dropped(&[socket])).map(|(before, more)| before + more);
    }
}

/// Tells the taps what enters the wire and what comes out.
struct Watch {
    taps: PerDirection<Tap>,
    packets: u64,
}

impl Witness for Watch {
    fn entered(&mut self, direction: Direction, now: Time, datagram: &[u8], verdict: &Verdict) {
        self.taps[direction].entered(datagram, now, verdict);
    }

    fn leaving(&mut self, direction: Direction, entered: Time, datagram: &[u8]) {
        if let Ok(probe) = Probe::parse(datagram) {
            self.packets += 1;
            self.taps[direction].brings(probe.id, Stamp { packet: self.packets, at: entered });
        }
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
    fn tap(&self) -> &Tap {
        &self.wire.taps[self.side.outgoing()]
    }

    fn end(&self, local: SocketAddr) -> Result<End<Closing>, PathError> {
        let reached = match self.side {
            Side::Client => local,
            Side::Server => self.wire.lead_to(&self.machine, local)?,
        };
        let closing = Closing { wire: self.wire.clone(), local };
        Ok(End { tap: self.tap().clone(), reached, _guard: closing })
    }

    fn datagrams(&self, socket: Arc<dyn Datagrams>) -> Result<Arc<dyn Datagrams>, PathError> {
        let end = self.end(socket.local_addr())?;
        Ok(Arc::new(TappedDatagrams { end, socket, timers: self.machine.timers().clone() }))
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
        fidelity::resolution(&self.wire.links)
    }

    fn origin(&self) -> Instant {
        self.machine.origin()
    }

    fn unix_time(&self) -> Duration {
        self.machine.unix_time()
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
        Ok(Arc::new(TappedQuic { end: self.end(bound)?, socket }))
    }

    fn tcp_connect(&self, _: SocketAddr) -> BoxFuture<'_, Result<Connected, PathError>> {
        Box::pin(ready(Err(self.unsupported())))
    }

    fn tcp_listen(&self, _: SocketAddr) -> Result<Box<dyn Listener>, PathError> {
        Err(self.unsupported())
    }

    fn tap(&self) -> Option<Tap> {
        Some(self.tap().clone())
    }
}

/// Counts what the kernel drops for a socket until that closes.
#[derive(Debug)]
struct Closing {
    wire: Arc<Wire>,
    local: SocketAddr,
}

impl Drop for Closing {
    fn drop(&mut self) {
        self.wire.closed(self.local);
    }
}
