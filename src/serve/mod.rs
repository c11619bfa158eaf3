//! Servers on any [`Host`]: a [`Service`](crate::service::Service) on each transport, within limits, until stopped.
//!
//! Every refusal has a reason and a counter. [`Server::stop`] finishes the work in progress and reports.
//!
//! A request passes three parts: `guard` decides whether it is admitted, one listener for each shape of session
//! (`datagrams`, `stream`, `quic`, `arq`) carries it, and `conversation` answers it.

mod answered;
mod arq;
mod bound_url;
mod buffers;
mod conversation;
mod counters;
mod datagrams;
mod error;
mod guard;
mod options;
mod quic;
mod refusal;
mod stop;
mod stream;
mod worker;

use std::{sync::Arc, time::Duration};

pub use self::{
    bound_url::Bind,
    counters::Report,
    error::ServeError,
    guard::{Access, DEFAULT_RATE},
    options::{DEFAULT_MAX_STREAMS, DEFAULT_RETRY_ABOVE, Observer, Options, share_of_one_source},
    refusal::Refusal,
};
use self::{
    bound_url::{BoundUrl, ServerState},
    stop::Stopper,
};
#[cfg(real_time)]
pub(crate) use self::{
    counters::Counters,
    guard::{Bucket, Excess, RateLimits, may_answer},
};
use crate::path::Host;

/// A running server. Dropping it ends it at once; [`Server::stop`] ends it gracefully.
#[derive(Debug)]
pub struct Server {
    urls: Vec<BoundUrl>,
    state: ServerState,
    stopper: Stopper,
}

impl Server {
    /// Listens on all of `binds`.
    ///
    /// Returns an error if one of them cannot be listened on. The others are then closed.
    pub fn start(host: &Arc<dyn Host>, binds: &[Bind], options: Options) -> Result<Self, ServeError> {
        let stopper = Stopper::new(host);
        let state = ServerState {
            options: Arc::new(options),
            answered: Arc::default(),
            rates: Arc::default(),
            udp_ports: Arc::default(),
        };
        let mut urls = Vec::<BoundUrl>::new();
        for &bind in binds {
            let mut url = BoundUrl::new(host, bind, &state.options)?;
            url.start_worker(host, &state, stopper.tasks())?;
            urls.push(url);
        }
        let on_udp = urls.iter().filter(|url| url.bind.scheme.is_udp());
        state.udp_ports.get_or_init(|| on_udp.map(|url| url.bind.local.port()).collect());
        Ok(Self { urls, state, stopper })
    }

    /// Adds a worker for each URL on `host`, which must be able to share ports with the first host. Limits and counts
    /// apply to all workers together.
    ///
    /// Returns an error if a port cannot be shared.
    pub fn join(&mut self, host: &Arc<dyn Host>) -> Result<(), ServeError> {
        for url in &mut self.urls {
            url.start_worker(host, &self.state, self.stopper.tasks())?;
        }
        Ok(())
    }

    /// The URLs, with the ports that were bound.
    pub fn binds(&self) -> impl Iterator<Item = Bind> {
        self.urls.iter().map(|url| url.bind)
    }

    /// Counts its open connections, also while it stops.
    pub fn open_connections(&self) -> impl Fn() -> usize + use<> {
        let slots: Vec<_> = self.urls.iter().map(BoundUrl::slots).collect();
        move || slots.iter().map(|slots| slots.connections()).sum()
    }

    /// Completes when `count` messages have been answered.
    pub async fn answered(&self, count: u64) {
        self.state.answered.reached(count).await;
    }

    /// Stops the server. Work in progress may finish `within` this time.
    pub async fn stop(self, within: Duration) -> Stopped {
        // The sockets must still be open for this.
        for url in &self.urls {
            url.count_queue_drops();
        }
        let drained = self.stopper.stop(within).await;
        Stopped { reports: self.urls.iter().map(BoundUrl::report).collect(), drained }
    }
}

/// How a server ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stopped {
    /// What happened on each URL.
    pub reports: Vec<Report>,
    /// Whether all work in progress was finished.
    pub drained: bool,
}
