//! What a client remembers of servers from one connection to the next.

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

/// Servers that are remembered, at most.
const SERVERS: usize = 8;

/// Session tickets (RFC 8446 section 4.6.1). Whoever shares them resumes the sessions of the others, with an endpoint
/// of its own; each ticket serves once.
#[derive(Clone, Default)]
pub struct Sessions {
    remembered: Arc<Remembered>,
    /// A session is resumed only by those who trust by the very verifier that it was begun with.
    config: Arc<OnceLock<ClientConfig>>,
}

struct Remembered {
    store: ClientSessionMemoryCache,
    unused: AtomicUsize,
    came: Notify,
}

impl Sessions {
    /// Whether there is a ticket to resume with.
    pub fn is_resumable(&self) -> bool {
        self.remembered.unused.load(Ordering::Relaxed) > 0
    }

    /// Completes when there is one.
    pub async fn resumable(&self) {
        let mut came = std::pin::pin!(self.remembered.came.notified());
        // Before looking, so that none that comes right after is missed.
        came.as_mut().enable();
        if !self.is_resumable() {
            came.await;
        }
    }

    /// The configuration that these sessions belong to; the first who asks makes it by `new`.
    pub(super) fn config(
        &self,
        new: impl FnOnce() -> Result<ClientConfig, rustls::Error>,
    ) -> Result<ClientConfig, rustls::Error> {
        if let Some(config) = self.config.get() {
            return Ok(config.clone());
        }
        let mut config = new()?;
        config.resumption = Resumption::store(self.remembered.clone());
        Ok(self.config.get_or_init(|| config).clone())
    }
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.remembered.fmt(f)
    }
}

impl Default for Remembered {
    fn default() -> Self {
        Self {
            store: ClientSessionMemoryCache::new(SERVERS),
            unused: AtomicUsize::new(0),
            came: Notify::new(),
        }
    }
}

impl fmt::Debug for Remembered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions").field("unused", &self.unused).finish_non_exhaustive()
    }
}

/// Counts what goes in and out; all else is the store's. Tickets beyond what it holds push others out, so the count
/// is an upper bound, and zero where the store is empty.
impl ClientSessionStore for Remembered {
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
        self.unused.fetch_add(1, Ordering::Relaxed);
        self.came.notify_waiters();
    }

    fn take_tls13_ticket(&self, server: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        let ticket = self.store.take_tls13_ticket(server);
        let left = |unused: usize| if ticket.is_some() { unused.saturating_sub(1) } else { 0 };
        // The closure always gives a value.
        let _ = self.unused.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |unused| Some(left(unused)));
        ticket
    }
}
