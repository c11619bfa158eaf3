//! Session tickets that a client keeps from one connection to the next.

use std::{
    fmt,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
};

use rustls::{
    ClientConfig, NamedGroup,
    client::{
        ClientSessionMemoryCache, ClientSessionStore, Resumption, Tls12ClientSessionValue,
        Tls13ClientSessionValue,
    },
    pki_types::ServerName,
};
use tokio::sync::Notify;

/// Servers whose tickets are kept.
const SERVERS: usize = 8;

/// Session tickets (RFC 8446 section 4.6.1). Clients that share them resume each other's sessions, also from different
/// endpoints. Each ticket is used once.
#[derive(Clone, Default)]
pub struct Sessions {
    tickets: Arc<Tickets>,
    /// rustls resumes a session only with the verifier that the session was made with.
    config: Arc<OnceLock<ClientConfig>>,
}

struct Tickets {
    store: ClientSessionMemoryCache,
    unused: AtomicUsize,
    arrived: Notify,
}

impl Sessions {
    /// The most connections to a server that can be resumed at the same time: the tickets of a server that rustls keeps.
    pub(crate) const MOST: usize = 8;

    /// Unused tickets: how many connections to the server can be resumed now. At most [`Sessions::MOST`].
    pub(crate) fn unused(&self) -> usize {
        self.tickets.unused.load(Ordering::Relaxed)
    }

    /// Whether there is an unused ticket.
    pub(crate) fn is_resumable(&self) -> bool {
        self.unused() > 0
    }

    /// Completes when there are more than `tickets` unused ones.
    pub(crate) async fn more_than(&self, tickets: usize) {
        let mut arrived = std::pin::pin!(self.tickets.arrived.notified());
        // Before checking, so that a ticket that arrives in between is not missed.
        arrived.as_mut().enable();
        if self.unused() <= tickets {
            arrived.await;
        }
    }

    /// The configuration that these sessions belong to. The first call makes it with `new`.
    pub(super) fn config(
        &self,
        new: impl FnOnce() -> Result<ClientConfig, rustls::Error>,
    ) -> Result<ClientConfig, rustls::Error> {
        if let Some(config) = self.config.get() {
            return Ok(config.clone());
        }
        let mut config = new()?;
        config.resumption = Resumption::store(self.tickets.clone());
        Ok(self.config.get_or_init(|| config).clone())
    }
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.tickets.fmt(f)
    }
}

impl Default for Tickets {
    fn default() -> Self {
        Self {
            store: ClientSessionMemoryCache::new(SERVERS),
            unused: AtomicUsize::new(0),
            arrived: Notify::new(),
        }
    }
}

impl fmt::Debug for Tickets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions").field("unused", &self.unused).finish_non_exhaustive()
    }
}

/// Counts the tickets of a server; the store does everything else. It drops old tickets when it is full. With several
/// servers the count is an upper bound, but 0 if the store is empty.
impl ClientSessionStore for Tickets {
    fn set_kx_hint(&self, server: ServerName<'static>, group: NamedGroup) {
        self.store.set_kx_hint(server, group);
    }

    fn kx_hint(&self, server: &ServerName<'_>) -> Option<NamedGroup> {
        self.store.kx_hint(server)
    }

    fn set_tls12_session(&self, _: ServerName<'static>, _: Tls12ClientSessionValue) {}

    fn tls12_session(&self, _: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        None
    }

    fn remove_tls12_session(&self, _: &ServerName<'static>) {}

    fn insert_tls13_ticket(&self, server: ServerName<'static>, ticket: Tls13ClientSessionValue) {
        self.store.insert_tls13_ticket(server, ticket);
        // The closure always gives a value.
        let _ = self.unused.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |unused| {
            Some((unused + 1).min(Sessions::MOST))
        });
        self.arrived.notify_waiters();
    }

    fn take_tls13_ticket(&self, server: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        let ticket = self.store.take_tls13_ticket(server);
        let left = |unused: usize| if ticket.is_some() { unused.saturating_sub(1) } else { 0 };
        // The closure always gives a value.
        let _ = self.unused.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |unused| Some(left(unused)));
        ticket
    }
}
