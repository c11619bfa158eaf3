//! One URL that is served, by one worker or by several that share its port.

use std::{
    net::SocketAddr,
    sync::{Arc, OnceLock, atomic::Ordering},
};

use super::{
    answered::AnsweredTotal,
    arq,
    counters::{Counters, Report},
    datagrams,
    error::ServeError,
    guard::{Admission, ConnectionSlots, RateLimits},
    options::Options,
    quic,
    refusal::Refusal,
    stop::Tasks,
    stream,
    worker::Worker,
};
use crate::{
    path::Host,
    transport::{
        ConnectError, Scheme, Shape,
        arq::cookie_key,
        tls::{Identity, ServerTls},
    },
    unit::Mutex,
};

/// A URL to listen on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bind {
    /// The scheme.
    pub scheme: &'static Scheme,
    /// The address. Port 0 means any free port.
    pub local: SocketAddr,
}

/// What all URLs of a server share.
#[derive(Debug)]
pub(super) struct ServerState {
    pub(super) options: Arc<Options>,
    pub(super) answered: Arc<AnsweredTotal>,
    pub(super) rates: Arc<Mutex<RateLimits>>,
    pub(super) udp_ports: Arc<OnceLock<Vec<u16>>>,
}

#[derive(Debug)]
pub(super) struct BoundUrl {
    host: Arc<dyn Host>,
    pub(super) bind: Bind,
    slots: Arc<ConnectionSlots>,
    protocol: Protocol,
    /// One for each worker, so that workers do not contend for a cache line.
    counters: Vec<Arc<Counters>>,
}

/// The protocol of a URL, with the keys that its workers share, so that each worker accepts the sessions and cookies of
/// the others.
#[derive(Debug)]
enum Protocol {
    Datagrams,
    Stream { tls: Option<Arc<rustls::ServerConfig>> },
    Quic(quic::Crypto),
    Arq { cookie_key: [u8; 32] },
}

impl BoundUrl {
    pub(super) fn new(host: &Arc<dyn Host>, bind: Bind, options: &Options) -> Result<Self, ServeError> {
        let slots = ConnectionSlots::new(options.max_connections, options.max_connections_per_source);
        let protocol = match bind.scheme.shape() {
            Shape::Datagrams => Protocol::Datagrams,
            Shape::Stream if bind.scheme.credentials.is_certificate() => {
                // rustls delivers TLS early data apart from the stream, and no client of ours sends it.
                let config = tls_config(host, bind, identity(bind, options)?, false)?;
                Protocol::Stream { tls: Some(Arc::new(config)) }
            }
            Shape::Stream => Protocol::Stream { tls: None },
            Shape::Quic(_) => {
                let identity = identity(bind, options)?;
                let config = tls_config(host, bind, identity, options.early_data)?;
                Protocol::Quic(quic::Crypto::new(config, options.seed, identity))
            }
            Shape::Arq(_) => Protocol::Arq { cookie_key: cookie_key(options.seed) },
        };
        Ok(Self { host: host.clone(), bind, slots, protocol, counters: Vec::new() })
    }

    /// Starts a worker on `host`. The first one determines the port.
    pub(super) fn start_worker(
        &mut self,
        host: &Arc<dyn Host>,
        state: &ServerState,
        tasks: &Tasks,
    ) -> Result<(), ServeError> {
        let worker = self.worker(host, state, tasks);
        let counters = worker.counters.clone();
        let requested = self.bind.local;
        self.bind.local = match &self.protocol {
            Protocol::Datagrams => datagrams::listen(worker, requested)?,
            Protocol::Stream { tls } => stream::listen(worker, requested, tls.clone())?,
            Protocol::Quic(crypto) => quic::listen(worker, requested, crypto)?,
            Protocol::Arq { cookie_key } => arq::listen(worker, requested, *cookie_key)?,
        };
        self.counters.push(counters);
        Ok(())
    }

    fn worker(&self, host: &Arc<dyn Host>, state: &ServerState, tasks: &Tasks) -> Worker {
        let options = &state.options;
        let admission = Admission {
            host: host.clone(),
            access: options.access.clone(),
            max_message: options.max_message,
            // A handshake proves the source.
            amplifies: options.service.amplifies() && !self.bind.scheme.has_handshake(),
            retry_above: options.retry_above,
            udp_ports: state.udp_ports.clone(),
            rates: state.rates.clone(),
            slots: self.slots.clone(),
        };
        Worker {
            host: host.clone(),
            options: options.clone(),
            scheme: self.bind.scheme,
            url: self.url(),
            admission,
            counters: Arc::default(),
            answered: state.answered.clone(),
            tasks: tasks.on(host),
        }
    }

    /// Counts the datagrams that the system dropped before a worker received them.
    pub(super) fn count_queue_drops(&self) {
        let is_udp = self.bind.scheme.is_udp();
        if is_udp
            && let Some(dropped) = self.host.dropped_datagrams(self.bind.local)
            && let Some(counters) = self.counters.first()
        {
            let shuns = self.counters.iter().any(|counters| counters.shuns.load(Ordering::Relaxed));
            counters.refuse(if shuns { Refusal::Shunned } else { Refusal::QueueFull }, dropped);
        }
    }

    /// The slots of its connections.
    pub(super) fn slots(&self) -> Arc<ConnectionSlots> {
        self.slots.clone()
    }

    /// The counters of all workers so far.
    pub(super) fn report(&self) -> Report {
        Counters::report(self.url(), &self.counters)
    }

    fn url(&self) -> String {
        self.bind.scheme.url(self.bind.local)
    }
}

fn identity(bind: Bind, options: &Options) -> Result<&Identity, ServeError> {
    options.identity.as_ref().ok_or_else(|| ServeError::NoIdentity(bind.scheme.url(bind.local)))
}

fn tls_config(
    host: &Arc<dyn Host>,
    bind: Bind,
    identity: &Identity,
    early_data: bool,
) -> Result<rustls::ServerConfig, ServeError> {
    let tls = ServerTls { identity: identity.clone(), early_data, key_log: None };
    let config = tls.config(host).map_err(|e| ConnectError::Failed {
        what: "TLS server setup",
        peer: bind.local,
        reason: e.to_string(),
    })?;
    Ok(config)
}
