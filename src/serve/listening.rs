//! What listens on one URL: one worker, or several that share its port.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, OnceLock, atomic::Ordering},
};

use super::{
    Bind, Options, Refusal, Report, ServeError, arq,
    counters::Counters,
    desk::{Desk, Total},
    limits::RateLimits,
    perf, quic,
    slots::Slots,
    stop::Tasks,
    stream, udp,
};
use crate::{
    path::Host,
    target::Scheme,
    transport::{
        ConnectError,
        arq::cookie_key,
        quic::QuicKeys,
        tls::{ALPN, ServerTls},
    },
};

/// What all URLs of a server share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) options: Arc<Options>,
    pub(super) total: Arc<Total>,
    pub(super) rates: Arc<Mutex<RateLimits>>,
    pub(super) udp_ports: Arc<OnceLock<Vec<u16>>>,
}

#[derive(Debug)]
pub(super) struct Listening {
    host: Arc<dyn Host>,
    pub(super) bind: Bind,
    slots: Arc<Slots>,
    security: Security,
    /// Each worker counts on its own, so that they do not fight over a cache line.
    counters: Vec<Arc<Counters>>,
}

#[derive(Debug)]
enum Security {
    None,
    Tls(Arc<rustls::ServerConfig>),
    Quic(quic::Common),
    /// The key of cookies.
    Arq([u8; 32]),
}

impl Listening {
    /// Prepares to listen. One configuration serves all workers, so that each resumes the others' sessions.
    pub(super) fn new(host: &Arc<dyn Host>, bind: Bind, options: &Options) -> Result<Self, ServeError> {
        let slots = Slots::new(options.max_connections, options.max_connections_per_source);
        let security = match bind.scheme {
            Scheme::Udp | Scheme::Tcp => Security::None,
            Scheme::Arq => Security::Arq(cookie_key(options.seed)),
            // Over TCP nobody here asks for 0-RTT, and a server that accepts it must read it apart.
            Scheme::Tls => Security::Tls(Arc::new(tls(host, bind, (options, false))?)),
            Scheme::Quic => {
                let mut config = tls(host, bind, (options, options.early_data))?;
                config.alpn_protocols = vec![ALPN.to_vec(), perf::ALPN.to_vec()];
                Security::Quic(quic::Common { tls: Arc::new(config), keys: QuicKeys::new(options.seed) })
            }
        };
        Ok(Self { host: host.clone(), bind, slots, security, counters: Vec::new() })
    }

    /// Listens on `host`. The first to do so learns the port.
    pub(super) fn open(
        &mut self,
        host: &Arc<dyn Host>,
        shared: &Shared,
        tasks: &Tasks,
    ) -> Result<(), ServeError> {
        let counters = Arc::<Counters>::default();
        let mut desk = Desk {
            host: host.clone(),
            options: shared.options.clone(),
            url: self.url(),
            counters: counters.clone(),
            total: shared.total.clone(),
            rates: shared.rates.clone(),
            udp_ports: shared.udp_ports.clone(),
            tasks: tasks.on(host),
            slots: self.slots.clone(),
        };
        let asked = self.bind.local;
        let named = |desk: &mut Desk, local: SocketAddr| {
            desk.url = self.bind.scheme.url(local);
            local
        };
        let local = match (self.bind.scheme, &self.security) {
            (_, Security::Quic(common)) => {
                let server = quic::bind(&desk, asked, common)?;
                let local = named(&mut desk, server.endpoint.local_addr().unwrap_or(asked));
                quic::start(desk, server);
                local
            }
            (_, Security::Arq(key)) => {
                let server = arq::bind(&desk, asked, *key)?;
                let local = named(&mut desk, server.local_addr());
                arq::start(desk, server);
                local
            }
            (Scheme::Udp, _) => {
                let socket = host.udp_bind(asked)?;
                let local = named(&mut desk, socket.local_addr());
                udp::start(desk, socket);
                local
            }
            (_, security) => {
                let listener = host.tcp_listen(asked)?;
                let local = named(&mut desk, listener.local_addr());
                let acceptor = match security {
                    Security::Tls(config) => Some(config.clone().into()),
                    _ => None,
                };
                stream::start(desk, listener, acceptor);
                local
            }
        };
        self.bind.local = local;
        self.counters.push(counters);
        Ok(())
    }

    /// Counts what the system dropped before any worker saw it.
    pub(super) fn count_queue_drops(&self) {
        let is_udp = self.bind.scheme.is_udp();
        if is_udp
            && let Some(dropped) = self.host.dropped_datagrams(self.bind.local)
            && let Some(counters) = self.counters.first()
        {
            let shuns = self.counters.iter().any(|counters| counters.shuns.load(Ordering::Relaxed));
            counters.refuse_many(if shuns { Refusal::Shunned } else { Refusal::QueueFull }, dropped);
        }
    }

    /// What all workers have done so far.
    pub(super) fn report(&self) -> Report {
        Counters::report(self.url(), &self.counters)
    }

    fn url(&self) -> String {
        self.bind.scheme.url(self.bind.local)
    }
}

fn tls(
    host: &Arc<dyn Host>,
    bind: Bind,
    (options, early_data): (&Options, bool),
) -> Result<rustls::ServerConfig, ServeError> {
    let Some(identity) = options.identity.clone() else {
        return Err(ServeError::NoIdentity(bind.scheme.url(bind.local)));
    };
    let config = ServerTls { identity, early_data }.config(host).map_err(|e| ConnectError::Failed {
        what: "TLS server setup",
        peer: bind.local,
        reason: e.to_string(),
    })?;
    Ok(config)
}
