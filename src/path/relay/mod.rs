//! The wire in real time: a relay between sockets, which delays and loses datagrams as the same [`Link`] does in
//! virtual time.
//!
//! [`Relay`] is the relay itself, in front of any UDP server and for any number of clients, who share its one wire.
//! [`Wire`] puts it between two hosts of this machine, so that an experiment runs over it.
//!
//! One thread waits, receives, and sends what is due; what it cannot do in time, or at all, it counts.

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
    engine::{Engine, Shared},
    socket::RelaySocket,
};
use super::{Fidelity, Host, PathError, drops};
use crate::{
    link::{Counters, LinkSpec, Verdict},
    unit::{Direction, PerDirection, Time},
};

#[cfg(doc)]
use crate::link::Link;

/// What a relay is to do.
#[derive(Debug, Clone)]
pub struct RelayOptions {
    /// Where clients reach it.
    pub listen: SocketAddr,
    /// Where it sends what they send.
    pub to: SocketAddr,
    /// The wire to the server and to the client.
    pub links: PerDirection<LinkSpec>,
    /// What the wire's draws are keyed by.
    pub seed: u64,
    /// How many clients.
    pub clients: ClientLimits,
}

/// How many clients a relay knows at a time.
#[derive(Debug, Clone, Copy)]
pub struct ClientLimits {
    /// The most. For one more, the one that was quiet for longest is forgotten.
    pub most: NonZeroUsize,
    /// After how long without a datagram from it or for it a client is forgotten; `None`: never.
    pub idle: Option<Duration>,
}

/// Who watches the datagrams of a relay, from its thread.
pub trait Witness: Send {
    /// A datagram was offered to the wire at `now`.
    fn entered(&mut self, direction: Direction, now: Time, datagram: &[u8], verdict: &Verdict);

    /// A datagram that entered at `entered` is about to be sent to its receiver, as it will be received.
    fn leaving(&mut self, direction: Direction, entered: Time, datagram: &[u8]);
}

/// What a relay has seen and done so far.
#[derive(Debug, Clone, Default)]
pub struct RelayReport {
    /// What the wire did, to the server and to the client.
    pub wire: PerDirection<Counters>,
    /// How true it was to its model.
    pub fidelity: Fidelity,
    /// Datagrams that were sent on, to the server and to the client.
    pub sent: PerDirection<u64>,
    /// What became of clients.
    pub clients: ClientCounts,
    /// How often the server's host said that nothing listens there.
    pub refused: u64,
}

/// What became of a relay's clients.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ClientCounts {
    /// That are known now.
    pub known: u64,
    /// That were ever taken in; one that comes back after it was forgotten counts again.
    pub accepted: u64,
    /// That were forgotten because nothing was heard of them.
    pub idle: u64,
    /// That were forgotten to make room for others.
    pub displaced: u64,
    /// Datagrams of clients for whom the machine had no socket.
    pub refused: u64,
}

/// A relay that runs until it is dropped.
#[derive(Debug)]
pub struct Relay {
    local: SocketAddr,
    shared: Arc<Mutex<Shared>>,
    wake: Arc<OwnedFd>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Relay {
    /// Starts a relay on a thread of its own, by the clock of `host`.
    ///
    /// # Errors
    ///
    /// Where the address cannot be listened on, or the machine gives no thread or descriptor.
    pub fn start(
        host: Arc<dyn Host>,
        options: &RelayOptions,
        witness: Option<Box<dyn Witness>>,
    ) -> Result<Self, PathError> {
        let listen = options.listen;
        let failed = |error: io::Error| PathError::from_io("listen on UDP", listen, error);
        let front = RelaySocket::bind(listen).map_err(failed)?;
        let local = front.local_addr();
        let wake = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK);
        let wake = Arc::new(wake.map_err(|error| failed(error.into()))?);
        let shared = Arc::new(Mutex::new(Shared::new(options, local)));
        let engine = Engine::new(host, options, (front, wake.clone()), (shared.clone(), witness));
        let mut engine = engine.map_err(failed)?;
        let thread = thread::Builder::new().name("relay".to_owned()).spawn(move || engine.run());
        Ok(Self { local, shared, wake, thread: Some(thread.map_err(failed)?) })
    }

    /// Where clients reach it.
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// What the wire has done so far, to the server and to the client.
    pub fn counters(&self) -> PerDirection<Counters> {
        lock(&self.shared).counters()
    }

    /// All that it has seen and done so far.
    pub fn report(&self) -> RelayReport {
        let (mut report, sockets) = {
            let shared = lock(&self.shared);
            (shared.report(), shared.sockets())
        };
        // Not under the lock: the kernel takes its time to tell.
        let in_sockets = drops::dropped(&sockets);
        report.fidelity.dropped = report.fidelity.dropped.zip(in_sockets).map(|(ours, its)| ours + its);
        report
    }

    /// Why it has ended, if it has.
    pub fn failure(&self) -> Option<String> {
        lock(&self.shared).failure()
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        // Fails only where the counter is at its end, and then the thread is awake.
        let _ = rustix::io::write(&*self.wake, &1u64.to_ne_bytes());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
