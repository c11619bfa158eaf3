//! Virtual time: two hosts and the wire between them, as discrete events.
//!
//! Nothing here sleeps. A single-threaded executor runs every task until none can proceed, then moves the clock to the
//! next event: a packet's delivery or a timer. The result of a run is a pure function of its arguments.

mod executor;
mod host;
mod in_flight;
mod network;
mod socket;

use std::{future::Future, sync::Arc, time::Duration};

pub use self::executor::Stalled;
pub(crate) use self::host::SimHost;
pub(crate) use self::in_flight::{InFlight, Period};
use self::{
    executor::Executor,
    host::{Machinery, VirtualClock},
    network::Network,
};
use super::{AddressChange, Clock, Host, Observers, Randomness, Side, Timers};
use crate::{
    link::{Counters, LinkSpec},
    unit::{PerDirection, Time},
};

/// When a run is given up.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The latest instant of virtual time.
    pub until: Time,
    /// Polls of tasks at one instant beyond which the run counts as livelocked.
    pub polls_per_instant: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { until: Time::ZERO + Duration::from_secs(7 * 24 * 3600), polls_per_instant: 10_000_000 }
    }
}

/// Two hosts on one emulated wire in virtual time.
#[derive(Debug)]
pub struct World {
    machinery: Machinery,
    limits: Limits,
}

impl World {
    /// A world whose wire follows `links`, with every draw keyed by `seed`. Only the calling thread can use it.
    #[expect(clippy::disallowed_methods, reason = "an arbitrary origin: only differences are used")]
    pub fn new(links: &PerDirection<LinkSpec>, seed: u64) -> Self {
        let clock = Arc::<VirtualClock>::default();
        let machinery = Machinery {
            origin: web_time::Instant::now(),
            timers: Timers::of_this_thread(clock.clone()),
            clock,
            executor: Executor::new(),
            network: Network::new(links, seed),
            randomness: Randomness::new(seed),
            needs_encryption: links.iter().any(|link| !link.corrupt.is_zero() || !link.inject.is_zero()),
        };
        Self { machinery, limits: Limits::default() }
    }

    /// The same world with other limits.
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// The same world, in which the client's address changes.
    pub fn with_address_change(self, change: AddressChange) -> Self {
        self.machinery.network.change_address(change);
        self
    }

    /// The host at one end.
    pub fn host(&self, side: Side) -> Arc<dyn Host> {
        Arc::new(SimHost::new(self.machinery.clone(), side))
    }

    /// The same world with these observers of its packets.
    ///
    /// Only hosts made later know whether an observer [reads ciphertext](super::Observer::reads_ciphertext).
    pub fn with_observers(mut self, observers: Observers) -> Self {
        self.machinery.needs_encryption |= observers.any_reads_ciphertext();
        self.machinery.network.observe(observers);
        self
    }

    /// The current time.
    pub fn now(&self) -> Time {
        self.machinery.clock.now()
    }

    /// What the wire has done so far.
    pub fn counters(&self) -> PerDirection<Counters> {
        self.machinery.network.counters()
    }

    /// Runs `main`, and every task it spawns, until `main` completes.
    ///
    /// Returns [`Stalled`] if `main` can never complete, or not within the [`Limits`].
    pub fn run<T>(&self, main: impl Future<Output = T>) -> Result<T, Stalled> {
        let Machinery { executor, randomness, .. } = &self.machinery;
        randomness.within(|| executor.run(main, self.limits.polls_per_instant, || self.advance()))
    }

    /// Moves the clock to the next event and carries that out.
    fn advance(&self) -> Result<(), Stalled> {
        let delivery = self.machinery.network.next_event();
        let timer = self.machinery.timers.next();
        let Some(at) = [delivery, timer].into_iter().flatten().min() else {
            return Err(Stalled::deadlock(self.now(), self.machinery.executor.waiting()));
        };
        if at > self.limits.until {
            return Err(Stalled::runaway(self.limits.until, self.machinery.executor.waiting()));
        }
        self.machinery.clock.advance(at);
        // Deliveries come before timers of the same instant: a packet that arrives as its
        // retransmission timer runs out was in time.
        if delivery == Some(at) {
            self.machinery.network.deliver(at);
        } else {
            self.machinery.timers.fire(at);
        }
        Ok(())
    }
}

impl Drop for World {
    /// Breaks the reference cycle between tasks, which hold the world's parts, and these, which hold the tasks' wakers.
    fn drop(&mut self) {
        self.machinery.executor.clear();
    }
}
