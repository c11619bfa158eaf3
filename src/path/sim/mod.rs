//! Virtual time: two hosts and the wire between them, as discrete events.
//!
//! Nothing here sleeps. A single-threaded executor runs every task until none can go on, then moves the
//! clock to the next event, which is either a packet's delivery or a timer. The results of a run are a
//! pure function of what goes in.

mod executor;
mod host;
mod network;
mod socket;

use std::{
    future::Future,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use self::{executor::Executor, network::Network};
pub use self::{
    executor::Stalled,
    host::SimHost,
    network::{PacketEvent, PacketSink},
};
use super::{Clock, Host, Timers};
use crate::{
    link::{Counters, LinkSpec},
    unit::{Direction, PerDirection, Time},
};

/// Which end of the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The end that asks.
    Client,
    /// The end that answers.
    Server,
}

impl Side {
    /// The direction of the packets that this end sends.
    pub const fn outgoing(self) -> Direction {
        match self {
            Self::Client => Direction::ToServer,
            Self::Server => Direction::ToClient,
        }
    }

    /// The address of this end's host: IPv4, or IPv6 where `like` is.
    pub fn ip(self, like: IpAddr) -> IpAddr {
        let last = self as u8 + 1;
        match like {
            IpAddr::V4(_) => Ipv4Addr::new(10, 0, 0, last).into(),
            IpAddr::V6(_) => Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, last.into()).into(),
        }
    }
}

/// What may stop a run that would otherwise go on for ever.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The latest instant of virtual time.
    pub until: Time,
    /// How often tasks may run at one instant before that counts as a livelock.
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
    clock: Arc<VirtualClock>,
    timers: Arc<Timers>,
    executor: Arc<Executor>,
    network: Arc<Network>,
    limits: Limits,
    origin: std::time::Instant,
}

#[derive(Debug, Default)]
struct VirtualClock(AtomicU64);

impl Clock for VirtualClock {
    fn now(&self) -> Time {
        Time::from_nanos(self.0.load(Ordering::Relaxed))
    }
    fn arm(&self, _: Time) {}
}

impl World {
    /// A world whose wire follows `links`, with every draw keyed by `seed`.
    #[expect(clippy::disallowed_methods, reason = "an arbitrary origin: only differences are used")]
    pub fn new(links: &PerDirection<LinkSpec>, seed: u64) -> Self {
        let clock = Arc::<VirtualClock>::default();
        Self {
            timers: Timers::new(clock.clone()),
            clock,
            executor: Executor::new(),
            network: Network::new(links, seed),
            limits: Limits::default(),
            origin: std::time::Instant::now(),
        }
    }

    /// The same world with other limits.
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// The host at one end.
    pub fn host(&self, side: Side) -> Arc<dyn Host> {
        Arc::new(SimHost::new(self, side))
    }

    /// Shows every packet to `sink` as it is sent. Without a sink nothing is looked at.
    pub fn with_packet_log(self, sink: PacketSink) -> Self {
        self.network.log_to(sink);
        self
    }

    /// The instant it is.
    pub fn now(&self) -> Time {
        self.clock.now()
    }

    /// What the wire has done to packets.
    pub fn counters(&self) -> PerDirection<Counters> {
        self.network.counters()
    }

    /// Runs `main`, and every task it spawns, until `main` completes.
    ///
    /// # Errors
    ///
    /// [`Stalled`] where `main` can never complete, or not within the [`Limits`].
    pub fn run<T>(&self, main: impl Future<Output = T>) -> Result<T, Stalled> {
        self.executor.run(main, self.limits.polls_per_instant, || self.advance())
    }

    /// Moves the clock to the next event and lets it happen.
    fn advance(&self) -> Result<(), Stalled> {
        let delivery = self.network.next_delivery();
        let timer = self.timers.next();
        let Some(at) = [delivery, timer].into_iter().flatten().min() else {
            return Err(Stalled::deadlock(self.now(), self.executor.waiting()));
        };
        if at > self.limits.until {
            return Err(Stalled::runaway(self.limits.until, self.executor.waiting()));
        }
        self.clock.0.fetch_max(at.as_nanos(), Ordering::Relaxed);
        // Deliveries come before timers of the same instant: a packet that arrives as its
        // retransmission timer runs out was in time.
        if delivery == Some(at) {
            self.network.deliver(at);
        } else {
            self.timers.fire(at);
        }
        Ok(())
    }
}

impl Drop for World {
    /// Tasks hold the world's parts and these hold wakers of the tasks: the cycle is cut here.
    fn drop(&mut self) {
        self.executor.clear();
    }
}
