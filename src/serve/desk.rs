//! What all that is served under one URL shares.

use std::{
    net::{IpAddr, SocketAddr},
    num::NonZeroU32,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::sync::Notify;

use super::{
    Options, Refusal,
    counters::Counters,
    limits::{RateLimits, may_answer},
    slots::{Slot, Slots},
    stop::Tasks,
};
use crate::{
    path::{Host, timeout},
    unit::Time,
};

/// How long a client may take for its handshake. Whoever is slower holds a place that another could use.
pub(super) const HANDSHAKE_LIMIT: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(super) struct Desk {
    pub(super) host: Arc<dyn Host>,
    pub(super) options: Arc<Options>,
    pub(super) url: String,
    pub(super) counters: Arc<Counters>,
    /// Of all URLs together.
    pub(super) total: Arc<Total>,
    /// The UDP ports of all URLs together, known once all are bound. Two echoes of ours must not be set on
    /// each other either.
    pub(super) udp_ports: Arc<OnceLock<Vec<u16>>>,
    /// Of all URLs together.
    pub(super) rates: Arc<Mutex<RateLimits>>,
    pub(super) tasks: Tasks,
    pub(super) slots: Arc<Slots>,
}

impl Desk {
    /// Whether a datagram of `len` bytes that came from `source` is to be answered.
    pub(super) fn admit_datagram(&self, source: SocketAddr, len: usize) -> Result<(), Refusal> {
        may_answer(source, self.udp_ports.get().map_or(&[], Vec::as_slice))?;
        let access = &self.options.access;
        let known = if self.options.service.amplifies() {
            access.knows(source.ip())
        } else {
            access.admits(source.ip())
        };
        if !known {
            return Err(Refusal::NotAllowed);
        }
        self.admit_message(source.ip(), len)
    }

    /// Whether a message of a source that may send any is within the limits.
    pub(super) fn admit_message(&self, source: IpAddr, len: usize) -> Result<(), Refusal> {
        if len > self.options.max_message {
            return Err(Refusal::TooLong);
        }
        if self.rate_delay(source, 1, false).is_zero() { Ok(()) } else { Err(Refusal::RateLimit) }
    }

    /// Whether one at `source` who asks for a connection over UDP is answered: the source may be forged.
    pub(super) fn admit_handshake(&self, source: SocketAddr) -> Result<(), Refusal> {
        may_answer(source, self.udp_ports.get().map_or(&[], Vec::as_slice))?;
        if !self.options.access.admits(source.ip()) {
            return Err(Refusal::NotAllowed);
        }
        if self.rate_delay(source.ip(), 1, false).is_zero() { Ok(()) } else { Err(Refusal::RateLimit) }
    }

    /// `source` floods with more than its `rate`: it gets nothing until `until`, and has to start slowly then.
    pub(super) fn exhaust(&self, source: IpAddr, rate: NonZeroU32, until: Time) {
        self.counters.shuns.store(true, Ordering::Relaxed);
        self.rates.lock().unwrap_or_else(PoisonError::into_inner).exhaust(source, rate, until);
    }

    /// Whether a connection from `source` may be had; the slot is to be held as long as the connection.
    pub(super) fn admit_connection(&self, source: IpAddr) -> Result<Slot, Refusal> {
        if !self.options.access.admits(source) {
            return Err(Refusal::NotAllowed);
        }
        self.slots.take(source)
    }

    /// Runs a handshake: as long as one may take, and no longer than the place in `slot` is to be had and the server
    /// goes on.
    pub(super) async fn handshake<T, E>(
        &self,
        slot: &Slot,
        handshake: impl Future<Output = Result<T, E>>,
    ) -> Result<T, Refusal> {
        let limit = HANDSHAKE_LIMIT.min(self.options.idle);
        let done = tokio::select! {
            biased;
            done = timeout(&*self.host, limit, handshake) => done,
            () = slot.displaced() => return Err(Refusal::Displaced),
            () = self.tasks.draining() => return Err(Refusal::Stopping),
        };
        match done {
            Ok(Ok(done)) => {
                slot.prove();
                Ok(done)
            }
            _ => Err(Refusal::Handshake),
        }
    }

    /// Holds up a connection until `messages` more are within the rate of `source`.
    pub(super) async fn hold_up(&self, source: IpAddr, messages: u64) {
        let delay = self.rate_delay(source, messages, true);
        if !delay.is_zero() {
            self.counters.refuse(Refusal::RateLimit);
            self.host.sleep(delay).await;
        }
    }

    pub(super) fn answered(&self, messages: u64) {
        self.counters.answered(messages);
        self.total.add(messages);
    }

    /// A connection was made.
    pub(super) fn welcome(&self, peer: SocketAddr) {
        self.counters.client();
        self.options.observer.client(&self.url, peer);
    }

    fn rate_delay(&self, source: IpAddr, messages: u64, will_wait: bool) -> Duration {
        let access = &self.options.access;
        match access.rate_of(source) {
            None => Duration::ZERO,
            Some(rate) => {
                let mut rates = self.rates.lock().unwrap_or_else(PoisonError::into_inner);
                rates.delay(source, rate, self.host.now(), (messages, will_wait))
            }
        }
    }
}

/// Messages answered under all URLs, and somebody who waits for some number of them.
#[derive(Debug)]
pub(super) struct Total {
    messages: AtomicU64,
    awaited: AtomicU64,
    reached: Notify,
}

impl Default for Total {
    fn default() -> Self {
        Self { messages: AtomicU64::new(0), awaited: AtomicU64::new(u64::MAX), reached: Notify::new() }
    }
}

impl Total {
    fn add(&self, messages: u64) {
        let before = self.messages.fetch_add(messages, Ordering::SeqCst);
        if before + messages >= self.awaited.load(Ordering::SeqCst) {
            self.reached.notify_one();
        }
    }

    pub(super) async fn reached(&self, count: u64) {
        self.awaited.store(count, Ordering::SeqCst);
        while self.messages.load(Ordering::SeqCst) < count {
            self.reached.notified().await;
        }
    }
}
