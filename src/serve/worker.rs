//! What serves one URL on one thread.

use std::{
    net::{IpAddr, SocketAddr},
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use super::{
    answered::AnsweredTotal,
    counters::Counters,
    guard::{Admission, FloodGuard, Slot},
    options::Options,
    refusal::Refusal,
    stop::Tasks,
};
use crate::{
    path::{Host, timeout},
    transport::Scheme,
};

/// Upper bound on the duration of a handshake. Shorter than in experiments: a slow client holds a slot that another
/// could use.
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(10);
/// Pause after a socket error, so that a persistent error does not keep the processor busy.
const ERROR_PAUSE: Duration = Duration::from_millis(100);

/// One worker of one URL: its host, limits and counters.
#[derive(Debug)]
pub(super) struct Worker {
    pub(super) host: Arc<dyn Host>,
    pub(super) options: Arc<Options>,
    pub(super) scheme: &'static Scheme,
    pub(super) url: String,
    pub(super) admission: Admission,
    pub(super) counters: Arc<Counters>,
    pub(super) answered: Arc<AnsweredTotal>,
    pub(super) tasks: Tasks,
}

impl Worker {
    /// The worker listens on `local`. Starts `task`, which serves it.
    pub(super) fn start<F: Future<Output = ()> + Send + 'static>(
        mut self,
        name: &'static str,
        local: SocketAddr,
        task: impl FnOnce(Self) -> F,
    ) -> SocketAddr {
        self.url = self.scheme.url(local);
        let tasks = self.tasks.clone();
        tasks.spawn(name, task(self));
        local
    }

    pub(super) fn refuse(&self, refusal: Refusal) {
        self.counters.refuse(refusal, 1);
    }

    /// Counts the refusal if there is one.
    pub(super) fn count_refusal<T>(&self, admitted: Result<T, Refusal>) -> Option<T> {
        admitted.inspect_err(|refusal| self.refuse(*refusal)).ok()
    }

    /// Takes note of a refused datagram from `source`, for the detection of floods.
    pub(super) fn note_refused_datagram(&self, flood_guard: &mut FloodGuard, source: IpAddr) {
        if flood_guard.refused(&self.admission, source) {
            self.counters.shuns.store(true, Ordering::Relaxed);
        }
    }

    /// The time limit of a handshake, and of closing a connection.
    pub(super) fn handshake_limit(&self) -> Duration {
        HANDSHAKE_LIMIT.min(self.options.idle)
    }

    /// Runs a handshake until it completes, times out, is evicted, or the server stops.
    pub(super) async fn handshake<T, E>(
        &self,
        slot: &Slot,
        handshake: impl Future<Output = Result<T, E>>,
    ) -> Result<T, Refusal> {
        let done = tokio::select! {
            biased;
            done = timeout(&*self.host, self.handshake_limit(), handshake) => done,
            () = slot.evicted() => return Err(Refusal::Evicted),
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

    /// Delays a connection until `messages` more are within the rate of `source`.
    pub(super) async fn limit_rate(&self, source: IpAddr, messages: u64) {
        let delay = self.admission.delay(source, messages);
        if !delay.is_zero() {
            self.refuse(Refusal::RateLimit);
            self.host.sleep(delay).await;
        }
    }

    pub(super) fn answered(&self, messages: u64) {
        self.counters.answered(messages);
        self.answered.add(messages);
    }

    pub(super) fn connected(&self, peer: SocketAddr) {
        self.counters.client();
        self.options.observer.client(&self.url, peer);
    }

    /// Reports a socket error, and waits before the socket is used again.
    pub(super) async fn socket_failed(&self, error: &(dyn std::error::Error + Sync)) {
        self.options.observer.trouble(&self.url, &error.to_string());
        self.host.sleep(ERROR_PAUSE).await;
    }
}
