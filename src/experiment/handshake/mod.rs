//! Connection set-up: many connections, each from its own endpoint, that send two requests and close.

mod attempt;
mod cell;
mod config;
mod experiment;
mod outcome;
mod plan;
mod run;
mod server;

use std::{
    future::{Future, poll_fn},
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::Poll,
    time::Duration,
};

use self::attempt::Attempt;
pub(super) use self::{attempt::attempt, run::settings, server::Server};
pub use self::{
    cell::handshake_cell,
    config::handshake_config,
    experiment::Handshake,
    outcome::HandshakeOutcome,
    plan::{HandshakePlan, Mode, UnknownMode},
    run::handshake,
};
use super::{error::RunError, on_path::Ends};
use crate::{
    channel::{Channel, Settings},
    link::Counters,
    path::{Host, StopSignal, timeout},
    transport::Sessions,
    unit::PerDirection,
};

/// The counters of the wire so far; `None` on a path without a link.
type Reading<'a> = &'a dyn Fn() -> Option<PerDirection<Counters>>;

/// Makes the connections of `plan` between two hosts.
///
/// Returns an error if the server cannot listen. A connection that fails is an outcome, not an error.
pub(super) async fn handshakes(
    ends: &Ends,
    plan: &HandshakePlan,
    settings: &Settings,
    seed: u64,
    stop: &StopSignal,
    wire: Reading<'_>,
) -> Result<HandshakeOutcome, RunError> {
    let server = Server::start(ends, plan.transport, settings)?;
    let peer = SocketAddr::new(ends.reach, server.port());
    // Concurrent connections share the wire, so that its counters cannot be attributed to one of them.
    let wire: Reading<'_> = if plan.parallel > 1 { &|| None } else { wire };
    let run = Run {
        host: &ends.client,
        plan,
        settings,
        seed,
        stop,
        wire,
        peer,
        server,
        begun: AtomicU64::new(0),
        counted: AtomicU64::new(0),
    };
    let workers = plan.parallel.clamp(1, usize::try_from(plan.connections).unwrap_or(usize::MAX).max(1));
    let sessions: Vec<Sessions> = (0..workers).map(|_| Sessions::default()).collect();
    // Before the clock by which connections per second are counted.
    join(sessions.iter().map(|sessions| run.unless_stopped(run.prime(sessions)))).await;
    let begun = ends.client.now();
    let outcomes = join(sessions.iter().map(|sessions| run.work(sessions))).await;
    let elapsed = ends.client.now() - begun;
    let mut sum = HandshakeOutcome { elapsed, ..HandshakeOutcome::default() };
    outcomes.into_iter().for_each(|outcome| sum.merge(outcome));
    Ok(sum)
}

/// The shared state of the connections of a run.
struct Run<'a> {
    host: &'a Arc<dyn Host>,
    plan: &'a HandshakePlan,
    settings: &'a Settings,
    seed: u64,
    stop: &'a StopSignal,
    wire: Reading<'a>,
    peer: SocketAddr,
    server: Server,
    /// Connections started so far, with those that only obtain a session.
    begun: AtomicU64,
    /// Measured connections that were started.
    counted: AtomicU64,
}

/// How often to check that the wire is quiet before giving up.
const QUIET_STEP: Duration = Duration::from_millis(1);

/// How many checks in a row have to find it quiet.
const QUIET_LOOKS: usize = 3;

/// Attempts to obtain a session before the connection counts as failed.
const PRIMES: usize = 10;

impl Run<'_> {
    /// Makes a worker's share of the connections, one after the other.
    async fn work(&self, sessions: &Sessions) -> HandshakeOutcome {
        let mut outcome = HandshakeOutcome::default();
        while self.counted.fetch_add(1, Ordering::Relaxed) < self.plan.connections {
            let Some((attempt, channel)) = self.unless_stopped(self.one(sessions)).await else {
                outcome.interrupted = true;
                break;
            };
            outcome.record(attempt);
            // Packets left on the wire would count for the next connection.
            self.unless_stopped(self.close(channel)).await;
        }
        outcome
    }

    /// The output of `doing`, or `None` once the run is stopped.
    async fn unless_stopped<T>(&self, doing: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = self.stop.stopped() => None,
            done = doing => Some(done),
        }
    }

    /// One measured connection, with a session to resume if the mode needs one.
    async fn one(&self, sessions: &Sessions) -> (Attempt, Option<Box<dyn Channel>>) {
        if self.prime(sessions).await {
            self.connect(sessions, self.plan.mode == Mode::ZeroRtt).await
        } else {
            (Attempt::failed("the server gave no session to resume"), None)
        }
    }

    /// Obtains a session to resume if the mode needs one; `false` if that failed.
    async fn prime(&self, sessions: &Sessions) -> bool {
        for _ in 0..PRIMES {
            if self.plan.mode == Mode::Cold || sessions.is_resumable() {
                return true;
            }
            let (_, channel) = self.connect(sessions, false).await;
            // The ticket is sent apart from the replies and may be lost; the next attempt finds out.
            let _ = timeout(&**self.host, self.plan.timeout, sessions.resumable()).await;
            self.close(channel).await;
        }
        false
    }

    /// A new connection, which may resume a session in `sessions`.
    async fn connect(&self, sessions: &Sessions, early_data: bool) -> (Attempt, Option<Box<dyn Channel>>) {
        let mut settings = self.settings.clone();
        settings.session.client_tls.early_data = early_data;
        settings.session.client_tls.sessions = (self.plan.mode != Mode::Cold).then(|| sessions.clone());
        // Two endpoints that draw the same connection ids would be one to the server.
        let number = self.begun.fetch_add(1, Ordering::Relaxed);
        let quic = &mut settings.session.quic;
        quic.seed = quic.seed.map(|_| self.seed.wrapping_add(number.wrapping_mul(SPREAD)));
        attempt::attempt(self.host, self.plan, self.peer, &settings, self.wire).await
    }

    /// Closes a connection at both ends, and waits until its last packet is off the wire: the next has it for itself.
    async fn close(&self, channel: Option<Box<dyn Channel>>) {
        drop(channel);
        if self.plan.parallel > 1 {
            return;
        }
        self.server.close();
        let is_quiet = || (self.wire)().is_none_or(|wire| wire.iter().all(|way| in_flight(way) == 0));
        // In real time, a goodbye may be a moment late.
        let mut looks = 0;
        while (self.wire)().is_some() && looks < QUIET_LOOKS {
            self.host.sleep(QUIET_STEP).await;
            looks = if is_quiet() { looks + 1 } else { 0 };
        }
    }
}

/// Seeds of one run's connections lie this far apart, so that those of the next run are others.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

fn in_flight(way: &Counters) -> u64 {
    let gone = way.delivered + way.lost + way.queue_dropped + way.too_large;
    (way.packets + way.duplicated).saturating_sub(gone)
}

/// The results of all `futures`.
pub(super) async fn join<T>(futures: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut running: Vec<_> = futures.map(|future| Some(Box::pin(future))).collect();
    let mut outputs: Vec<Option<T>> = running.iter().map(|_| None).collect();
    poll_fn(|cx| {
        for (running, output) in running.iter_mut().zip(&mut outputs) {
            if let Some(future) = running
                && let Poll::Ready(done) = future.as_mut().poll(cx)
            {
                (*running, *output) = (None, Some(done));
            }
        }
        if running.iter().all(Option::is_none) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    outputs.into_iter().flatten().collect()
}
