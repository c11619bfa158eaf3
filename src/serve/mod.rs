//! Servers over any [`Host`]: a [`Service`] on UDP, reliability by hand, TCP, TLS and QUIC, within limits, until stopped.
//!
//! Every refusal has a reason and a counter. [`Server::stop`] finishes what is in progress and reports.

mod arq;
mod converse;
mod counters;
mod desk;
mod floods;
mod limits;
mod listening;
mod perf;
mod probes;
mod quic;
mod replies;
mod sent;
mod slots;
mod stop;
mod stream;
mod tally;
mod transfers;
mod udp;

use std::{fmt::Debug, net::SocketAddr, sync::Arc, time::Duration};

pub use self::{
    counters::{Refusal, Report},
    limits::{Access, DEFAULT_RATE},
};
use self::{
    listening::{Listening, Shared},
    stop::Stopper,
};
use crate::{
    path::{Host, PathError},
    service::{DEFAULT_MAX_MESSAGE, Service},
    target::Scheme,
    transport::{ConnectError, tls::Identity},
};

/// Connections at a time, unless told otherwise.
pub const DEFAULT_MAX_CONNECTIONS: usize = 1024;

/// QUIC handshakes in progress from which on clients must prove their address, unless told otherwise: more than a
/// hundred milliseconds' worth of honest ones at 500 new clients a second.
pub const DEFAULT_RETRY_ABOVE: usize = 64;

/// What one source may have of `connections`, unless told otherwise: a quarter. So no one fills the server alone, nor
/// do two or three.
pub fn share_of_one_source(connections: usize) -> usize {
    connections.div_ceil(4)
}

/// What a server does and how far it goes.
#[derive(Debug, Clone)]
pub struct Options {
    /// What it answers.
    pub service: Service,
    /// Whom, and how often.
    pub access: Access,
    /// Bytes of a message, at most. What `echo` copies on a byte stream has no limit.
    pub max_message: usize,
    /// Connections at a time, for each URL.
    pub max_connections: usize,
    /// How many of them one source may have: an IPv4 address, or a /64 network of IPv6. Loopback is no exception.
    pub max_connections_per_source: usize,
    /// With so many QUIC handshakes in progress, further clients must prove their address first (Retry), which takes
    /// them a round trip.
    pub retry_above: usize,
    /// After how long without a byte a connection is closed.
    pub idle: Duration,
    /// The certificate for TLS and QUIC.
    pub identity: Option<Identity>,
    /// Take what QUIC clients send before the handshake is over (0-RTT). It can be replayed.
    pub early_data: bool,
    /// Draw QUIC's connection ids and keys from this seed, in place of the system's randomness.
    pub seed: Option<u64>,
    /// Who is told of clients and of trouble.
    pub observer: Arc<dyn Observer>,
}

impl Options {
    /// `service` within the default limits.
    pub fn new(service: Service) -> Self {
        Self {
            service,
            access: Access::default(),
            max_message: DEFAULT_MAX_MESSAGE,
            max_connections: DEFAULT_MAX_CONNECTIONS,
            max_connections_per_source: share_of_one_source(DEFAULT_MAX_CONNECTIONS),
            retry_above: DEFAULT_RETRY_ABOVE,
            idle: Duration::from_secs(60),
            identity: None,
            early_data: false,
            seed: None,
            observer: Arc::new(Silent),
        }
    }
}

/// Is told what happens as it happens.
pub trait Observer: Debug + Send + Sync {
    /// `peer` has connected to `url`; over UDP, is answered for the first time.
    fn client(&self, url: &str, peer: SocketAddr);
    /// `url` goes on, but something went wrong that its owner should know.
    fn trouble(&self, url: &str, problem: &str);
}

#[derive(Debug)]
struct Silent;

impl Observer for Silent {
    fn client(&self, _: &str, _: SocketAddr) {}
    fn trouble(&self, _: &str, _: &str) {}
}

/// Where to listen, and for what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bind {
    /// What to speak.
    pub scheme: Scheme,
    /// The address; port 0 is any that is free.
    pub local: SocketAddr,
}

/// A server cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// There is no socket to be had.
    #[error(transparent)]
    Path(#[from] PathError),
    /// The socket is there, but its protocol cannot be set up.
    #[error(transparent)]
    Setup(#[from] ConnectError),
    /// TLS and QUIC need a certificate.
    #[error("cannot listen on {0}: there is no certificate")]
    NoIdentity(String),
}

/// A running server. Dropped without [`Server::stop`], it ends at once.
#[derive(Debug)]
pub struct Server {
    listening: Vec<Listening>,
    shared: Shared,
    stopper: Stopper,
}

impl Server {
    /// Listens on all of `binds`, or on none.
    ///
    /// # Errors
    ///
    /// Where an address cannot be listened on.
    pub fn start(host: &Arc<dyn Host>, binds: &[Bind], options: Options) -> Result<Self, ServeError> {
        let stopper = Stopper::new(host);
        let shared = Shared {
            options: Arc::new(options),
            total: Arc::default(),
            rates: Arc::default(),
            udp_ports: Arc::default(),
        };
        let mut listening = Vec::<Listening>::new();
        for &bind in binds {
            let mut one = Listening::new(host, bind, &shared.options)?;
            one.open(host, &shared, stopper.tasks())?;
            listening.push(one);
        }
        let on_udp = listening.iter().filter(|l| l.bind.scheme.is_udp());
        shared.udp_ports.get_or_init(|| on_udp.map(|l| l.bind.local.port()).collect());
        Ok(Self { listening, shared, stopper })
    }

    /// Listens with another worker, on `host`, which can share ports with the one that it was started on. All limits
    /// and counts are those of the server as a whole.
    ///
    /// # Errors
    ///
    /// Where a port cannot be shared.
    pub fn join(&mut self, host: &Arc<dyn Host>) -> Result<(), ServeError> {
        for listening in &mut self.listening {
            listening.open(host, &self.shared, self.stopper.tasks())?;
        }
        Ok(())
    }

    /// Where it listens, with the ports that it was given.
    pub fn binds(&self) -> impl Iterator<Item = Bind> {
        self.listening.iter().map(|listening| listening.bind)
    }

    /// Completes once `count` messages have been answered.
    pub async fn answered(&self, count: u64) {
        self.shared.total.reached(count).await;
    }

    /// Stops: nothing new is accepted, and what is in progress may finish for as long as `within`.
    pub async fn stop(self, within: Duration) -> Stopped {
        // As long as the sockets are there to be asked.
        for listening in &self.listening {
            listening.count_queue_drops();
        }
        let drained = self.stopper.stop(within).await;
        Stopped { reports: self.listening.iter().map(Listening::report).collect(), drained }
    }
}

/// How a server ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stopped {
    /// What happened on each URL.
    pub reports: Vec<Report>,
    /// Whether all that was in progress could be finished.
    pub drained: bool,
}
