//! A running relay.

use std::{io, net::SocketAddr, os::fd::OwnedFd, sync::Arc, thread};

use rustix::event::{EventfdFlags, eventfd};

use super::{
    engine::{Engine, State},
    options::RelayOptions,
    report::RelayReport,
    socket::RelaySocket,
};
use crate::{
    link::Counters,
    path::{Host, Observers, PathError, WireBroken, drops, realtime::Breakage},
    unit::{Mutex, PerDirection},
};

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
    /// Returns an error if the address cannot be bound, or if the system has no thread or descriptor left.
    pub fn start(
        host: Arc<dyn Host>,
        options: &RelayOptions,
        observers: Observers,
    ) -> Result<Self, PathError> {
        Self::start_reporting(host, options, observers, Arc::default())
    }

    /// [`Relay::start`], which reports to `breakage` if it ends by itself.
    pub(super) fn start_reporting(
        host: Arc<dyn Host>,
        options: &RelayOptions,
        observers: Observers,
        breakage: Arc<Breakage>,
    ) -> Result<Self, PathError> {
        let listen = options.listen;
        let failed = |error: io::Error| PathError::from_server_io("listen on UDP", listen, error);
        let front = RelaySocket::bind(listen).map_err(failed)?;
        let local = front.local_addr();
        let wake = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK);
        let wake = Arc::new(wake.map_err(|error| failed(error.into()))?);
        let state = Arc::new(Mutex::new(State::new(options, local, observers)));
        let engine = Engine::new(host, options, front, wake.clone(), state.clone(), breakage.clone());
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
        self.state.lock().counters()
    }

    /// Its counters so far.
    pub fn report(&self) -> RelayReport {
        let (mut report, sockets) = {
            let state = self.state.lock();
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
