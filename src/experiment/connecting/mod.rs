//! New connections to one server, one after another on one wire, with or without a session to resume.

mod server;

use std::{
    future::Future,
    net::SocketAddr,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

pub(super) use self::server::{Answer, Resent, Server};
use super::{error::RunError, on_path::Ends};
use crate::{
    channel::{Channel, Settings},
    link::Counters,
    path::{StopSignal, timeout},
    report::HandshakeMode as Mode,
    transport::{Sessions, Transport},
    unit::PerDirection,
};

/// The counters of the wire so far; `None` on a path without a link.
pub(super) type Reading<'a> = &'a dyn Fn() -> Option<PerDirection<Counters>>;

/// What a run's connections have in common.
pub(super) struct Connector<'a> {
    ends: &'a Ends,
    settings: &'a Settings,
    mode: Mode,
    seed: u64,
    /// The counters of the wire, if it carries one connection at a time. `None` if it carries several.
    wire: Option<Reading<'a>>,
    server: Server,
    /// Connections started so far.
    begun: AtomicU64,
}

/// How often to check that the wire is quiet before giving up.
const QUIET_STEP: Duration = Duration::from_millis(1);

/// How many checks in a row have to find it quiet.
const QUIET_LOOKS: usize = 3;

/// How often to check that the server has noticed the end of its connections. It notices at once, except for a connection
/// that it accepts after its client has left.
const CLOSING_LOOKS: usize = 100;

/// Attempts to obtain a session before the connection counts as failed.
const PRIMES: usize = 10;

/// The distance between the seeds of a run's connections, so that the connections of the next run have other seeds.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

impl<'a> Connector<'a> {
    /// Starts the server, which counts packets that were sent again if it `counts`. Returns an error if it cannot listen.
    pub(super) fn start(
        ends: &'a Ends,
        transport: Transport,
        settings: &'a Settings,
        answer: Answer,
        counts: bool,
    ) -> Result<Self, RunError> {
        let server = Server::start(ends, transport, settings, answer, counts)?;
        Ok(Self { ends, settings, mode: Mode::Cold, seed: 0, wire: None, server, begun: AtomicU64::new(0) })
    }

    /// Sets what the client knows of the server, and the seed of its connections.
    pub(super) fn with(self, mode: Mode, seed: u64) -> Self {
        Self { mode, seed, ..self }
    }

    /// The wire with these counters carries one connection at a time.
    pub(super) fn alone_on(self, wire: Reading<'a>) -> Self {
        Self { wire: Some(wire), ..self }
    }

    /// The address of the server.
    pub(super) fn peer(&self) -> SocketAddr {
        SocketAddr::new(self.ends.reach, self.server.port())
    }

    /// The counters of the wire; `None` if it has none, or carries several connections at a time.
    pub(super) fn counters(&self) -> Option<PerDirection<Counters>> {
        self.wire.and_then(|wire| wire())
    }

    /// What was sent again on connections that have ended, if the server counts that. Those of a client are added.
    pub(super) fn resent(&self) -> &Resent {
        self.server.resent()
    }

    /// Packets that both ends sent again since the last call. Waits, for a limited time, until the server has noticed
    /// that its connections are closed.
    pub(super) async fn take_resent(&self) -> Option<u64> {
        for _ in 0..CLOSING_LOOKS {
            if !self.server.has_connections() {
                break;
            }
            self.ends.client.sleep(QUIET_STEP).await;
        }
        self.server.resent().take()
    }

    /// The settings of a new connection, which may resume a session in `sessions`.
    pub(super) fn settings(&self, sessions: &Sessions, early_data: bool) -> Settings {
        let mut settings = self.settings.clone();
        settings.session.client_tls.early_data = early_data;
        settings.session.client_tls.sessions = (self.mode != Mode::Cold).then(|| sessions.clone());
        let number = self.begun.fetch_add(1, Ordering::Relaxed);
        settings.session.set_client_seed(self.seed.wrapping_add(number.wrapping_mul(SPREAD)));
        settings
    }

    /// Obtains sessions that as many `connections` can resume at the same time, if the mode needs them; `false` if there
    /// is none. `connect` makes a connection that
    /// keeps its tickets in `sessions`, within `limit`; `None` if it failed.
    pub(super) async fn prime(
        &self,
        sessions: &Sessions,
        connections: usize,
        limit: Duration,
        connect: impl AsyncFn() -> Option<Box<dyn Channel>>,
    ) -> bool {
        let wanted = if self.mode == Mode::Cold { 0 } else { connections.min(Sessions::MOST) };
        for _ in 0..PRIMES.max(wanted) {
            let unused = sessions.unused();
            if unused >= wanted {
                return true;
            }
            let channel = connect().await;
            if channel.is_some() {
                // The ticket may be lost. Then the next attempt obtains another.
                let _ = timeout(&*self.ends.client, limit, sessions.more_than(unused)).await;
            }
            self.close(channel).await;
        }
        sessions.is_resumable()
    }

    /// Closes connections at both ends. If the wire carries one at a time, waits until their last packet has left it.
    pub(super) async fn close(&self, channels: impl IntoIterator<Item = Box<dyn Channel>>) {
        channels.into_iter().for_each(drop);
        let Some(wire) = self.wire else { return };
        self.server.close();
        let is_quiet = || wire().is_none_or(|wire| wire.iter().all(|way| in_flight(way) == 0));
        // In real time, the last packet may enter the link a moment later.
        let mut looks = 0;
        while wire().is_some() && looks < QUIET_LOOKS {
            self.ends.client.sleep(QUIET_STEP).await;
            looks = if is_quiet() { looks + 1 } else { 0 };
        }
    }
}

/// The output of `doing`, or `None` once the run is stopped.
pub(super) async fn unless_stopped<T>(stop: &StopSignal, doing: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        biased;
        () = stop.stopped() => None,
        done = doing => Some(done),
    }
}

fn in_flight(way: &Counters) -> u64 {
    let gone = way.delivered + way.lost + way.queue_dropped + way.too_large;
    (way.packets + way.duplicated).saturating_sub(gone)
}
