//! The wire in real time: a relay between sockets, which delays and drops datagrams by the same [`Link`] as in virtual
//! time.
//!
//! [`Relay`] forwards between one UDP server and any number of clients, which share its one wire. [`Wire`] puts it between
//! two hosts of this machine, for an experiment.
//!
//! One thread receives, and sends what is due. It counts what it sends late and what it cannot send.

mod clients;
mod engine;
mod host;
mod socket;

use std::{
    io,
    net::SocketAddr,
    num::NonZeroUsize,
    os::fd::OwnedFd,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use rustix::event::{EventfdFlags, eventfd};

pub use self::host::Wire;
use self::{
    engine::{Engine, State},
    socket::RelaySocket,
};
use super::{Fidelity, Host, Observers, PathError, WireBroken, drops, realtime::Breakage};
use crate::{
    link::{Counters, LinkSpec},
    unit::PerDirection,
};

#[cfg(doc)]
use crate::link::Link;

/// What a relay does.
#[derive(Debug, Clone)]
pub struct RelayOptions {
    /// Where clients reach it.
    pub listen: SocketAddr,
    /// Where it sends what they send.
    pub to: SocketAddr,
    /// The wire to the server and to the client.
    pub links: PerDirection<LinkSpec>,
    /// Keys every draw of the wire.
    pub seed: u64,
    /// Limits on clients.
    pub clients: ClientLimits,
}

/// Limits on the clients that a relay knows at a time.
#[derive(Debug, Clone, Copy)]
pub struct ClientLimits {
    /// The largest number of clients. A further one displaces the one that has been idle for longest.
    pub most: NonZeroUsize,
    /// A client is forgotten after this time without a datagram from it or for it; `None`: never.
    pub idle: Option<Duration>,
}

/// A relay's counters.
#[derive(Debug, Clone, Default)]
pub struct RelayReport {
    /// What the wire did, to the server and to the client.
    pub wire: PerDirection<Counters>,
    /// How true it was to its model.
    pub fidelity: Fidelity,
    /// Datagrams that were forwarded, to the server and to the client.
    pub sent: PerDirection<u64>,
    /// Counts of clients.
    pub clients: ClientCounts,
    /// ICMP port unreachable messages from the server's host.
    pub refused: u64,
}

/// Counts of a relay's clients.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ClientCounts {
    /// Clients known now.
    pub known: u64,
    /// Clients ever accepted; one that returns after it was forgotten counts again.
    pub accepted: u64,
    /// Clients forgotten because they were idle.
    pub idle: u64,
    /// Clients displaced by others.
    pub displaced: u64,
    /// Datagrams discarded because the system had no socket left for their client.
    pub refused: u64,
}

/// A relay that runs until it is dropped.
#[derive(Debug)]
pub struct Relay {
    local: SocketAddr,
    state: Arc<Mutex<State>>,
    breakage: Arc<Breakage>,
    wake: Arc<OwnedFd>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Relay {
    /// Starts a relay on a thread of its own, by the clock of `host`.
    ///
    /// # Errors
    ///
    /// Returns an error if the address cannot be bound, or if the system has no thread or descriptor left.
    pub fn start(
        host: Arc<dyn Host>,
        options: &RelayOptions,
        observers: Observers,
    ) -> Result<Self, PathError> {
        Self::start_reporting(host, options, observers, Arc::default())
    }

    /// [`Relay::start`], which reports to `breakage` if it ends by itself.
    fn start_reporting(
        host: Arc<dyn Host>,
        options: &RelayOptions,
        observers: Observers,
        breakage: Arc<Breakage>,
    ) -> Result<Self, PathError> {
        let listen = options.listen;
        let failed = |error: io::Error| PathError::from_io("listen on UDP", listen, error);
        let front = RelaySocket::bind(listen).map_err(failed)?;
        let local = front.local_addr();
        let wake = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK);
        let wake = Arc::new(wake.map_err(|error| failed(error.into()))?);
        let state = Arc::new(Mutex::new(State::new(options, local, observers)));
        let shared = (state.clone(), breakage.clone());
        let engine = Engine::new(host, options, (front, wake.clone()), shared);
        let mut engine = engine.map_err(failed)?;
        let thread = thread::Builder::new().name("relay".to_owned()).spawn(move || engine.run());
        Ok(Self { local, state, breakage, wake, thread: Some(thread.map_err(failed)?) })
    }

    /// Where clients reach it.
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// What the wire has done so far.
    pub fn counters(&self) -> PerDirection<Counters> {
        lock(&self.state).counters()
    }

    /// Its counters so far.
    pub fn report(&self) -> RelayReport {
        let (mut report, sockets) = {
            let state = lock(&self.state);
            (state.report(), state.sockets())
        };
        // Reading the kernel's counters takes time, so the lock is released first.
        let in_sockets = drops::dropped(&sockets);
        report.fidelity.dropped = report.fidelity.dropped.zip(in_sockets).map(|(ours, its)| ours + its);
        report
    }

    /// Why it ended by itself, if it did.
    pub fn failure(&self) -> Option<WireBroken> {
        self.breakage.cause()
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        // Fails only if the counter overflows, and then the thread is awake.
        let _ = rustix::io::write(&*self.wake, &1u64.to_ne_bytes());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
