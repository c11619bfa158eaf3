//! Servers over any [`Host`]: a [`Service`] on UDP, TCP, TLS and QUIC, within limits, until stopped.
//!
//! Every refusal has a reason and a counter. [`Server::stop`] finishes what is in progress and reports.

mod converse;
mod counters;
mod desk;
mod limits;
mod probes;
mod quic;
mod stop;
mod stream;
mod tally;
mod udp;

use std::{
    fmt::Debug,
    net::SocketAddr,
    sync::{Arc, Mutex, OnceLock},
    time::Duration,
};

use self::{
    counters::Counters,
    desk::{Desk, Total},
    stop::Stopper,
};
pub use self::{
    counters::{Refusal, Report},
    limits::{Access, DEFAULT_RATE},
};
use crate::{
    path::{Host, PathError},
    service::{DEFAULT_MAX_MESSAGE, Service},
    target::Scheme,
    transport::{
        ConnectError,
        tls::{Identity, ServerTls},
    },
};

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
            max_connections: 1024,
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
    total: Arc<Total>,
    stopper: Stopper,
}

#[derive(Debug)]
struct Listening {
    bind: Bind,
    counters: Arc<Counters>,
}

impl Server {
    /// Listens on all of `binds`, or on none.
    ///
    /// # Errors
    ///
    /// Where an address cannot be listened on.
    pub fn start(host: &Arc<dyn Host>, binds: &[Bind], options: Options) -> Result<Self, ServeError> {
        let stopper = Stopper::new(host);
        let total = Arc::<Total>::default();
        let rates = Arc::new(Mutex::default());
        let udp_ports = Arc::<OnceLock<Vec<u16>>>::default();
        let options = Arc::new(options);
        let mut listening = Vec::<Listening>::new();
        for &bind in binds {
            let counters = Arc::<Counters>::default();
            let desk = Desk {
                host: host.clone(),
                options: options.clone(),
                url: bind.scheme.url(bind.local),
                counters: counters.clone(),
                total: total.clone(),
                rates: Arc::clone(&rates),
                udp_ports: udp_ports.clone(),
                tasks: stopper.tasks().clone(),
                slots: Arc::new(tokio::sync::Semaphore::new(options.max_connections)),
            };
            let local = listen(desk, bind)?;
            listening.push(Listening { bind: Bind { local, ..bind }, counters });
        }
        let on_udp = listening.iter().filter(|l| matches!(l.bind.scheme, Scheme::Udp | Scheme::Quic));
        udp_ports.get_or_init(|| on_udp.map(|l| l.bind.local.port()).collect());
        Ok(Self { listening, total, stopper })
    }

    /// Where it listens, with the ports that it was given.
    pub fn binds(&self) -> impl Iterator<Item = Bind> {
        self.listening.iter().map(|listening| listening.bind)
    }

    /// Completes once `count` messages have been answered.
    pub async fn answered(&self, count: u64) {
        self.total.reached(count).await;
    }

    /// Stops: nothing new is accepted, and what is in progress may finish for as long as `within`.
    pub async fn stop(self, within: Duration) -> Stopped {
        let drained = self.stopper.stop(within).await;
        let report = |l: &Listening| l.counters.report(l.bind.scheme.url(l.bind.local));
        Stopped { reports: self.listening.iter().map(report).collect(), drained }
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

/// Starts to listen; returns the address that it got.
fn listen(mut desk: Desk, bind: Bind) -> Result<SocketAddr, ServeError> {
    let Bind { scheme, local } = bind;
    let named = |desk: &mut Desk, local| {
        desk.url = scheme.url(local);
        local
    };
    Ok(match scheme {
        Scheme::Udp => {
            let socket = desk.host.udp_bind(local)?;
            let local = named(&mut desk, socket.local_addr());
            udp::start(desk, socket);
            local
        }
        Scheme::Tcp => {
            let listener = desk.host.tcp_listen(local)?;
            let local = named(&mut desk, listener.local_addr());
            stream::start(desk, listener, None);
            local
        }
        Scheme::Tls => {
            // Over TCP nobody here asks for 0-RTT, and a server that accepts it must read it apart.
            let tls = ServerTls { early_data: false, ..tls(&desk)? };
            let config = tls.config(&desk.host).map_err(|e| ConnectError::Failed {
                what: "TLS server setup",
                peer: local,
                reason: e.to_string(),
            })?;
            let listener = desk.host.tcp_listen(local)?;
            let local = named(&mut desk, listener.local_addr());
            stream::start(desk, listener, Some(Arc::new(config).into()));
            local
        }
        Scheme::Quic => {
            let server = quic::bind(&desk, local, &tls(&desk)?)?;
            let local = named(&mut desk, server.endpoint.local_addr().unwrap_or(local));
            quic::start(desk, server);
            local
        }
    })
}

fn tls(desk: &Desk) -> Result<ServerTls, ServeError> {
    match &desk.options.identity {
        Some(identity) => Ok(ServerTls { identity: identity.clone(), early_data: desk.options.early_data }),
        None => Err(ServeError::NoIdentity(desk.url.clone())),
    }
}
