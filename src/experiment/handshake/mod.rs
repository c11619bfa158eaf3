//! Connection set-up: many connections, each from its own endpoint, that send two requests and close.

mod attempt;
mod cell;
mod config;
mod experiment;
mod outcome;
mod plan;
mod run;

use std::{
    future::{Future, poll_fn},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::Poll,
};

use self::attempt::Attempt;
pub(super) use self::attempt::attempt;
#[cfg(feature = "sockets")]
pub(super) use self::{attempt::ask, run::settings};
pub use self::{
    cell::handshake_cell,
    config::handshake_config,
    experiment::Handshake,
    outcome::HandshakeOutcome,
    plan::{HandshakePlan, Mode, UnknownMode},
    run::handshake,
};
use super::{
    connecting::{Connector, Reading, unless_stopped},
    error::RunError,
    on_path::Ends,
};
use crate::{
    channel::{Channel, Settings},
    path::{Host, StopSignal},
    transport::Sessions,
};

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
    let connector =
        Connector::start(ends, plan.transport, settings, Arc::new(|_| 1), false)?.with(plan.mode, seed);
    // Concurrent connections share the wire, so that its counters cannot be attributed to one of them.
    let connector = if plan.parallel > 1 { connector } else { connector.alone_on(wire) };
    let run = Run { host: &ends.client, plan, stop, connector, counted: AtomicU64::new(0) };
    let workers = plan.parallel.clamp(1, usize::try_from(plan.connections).unwrap_or(usize::MAX).max(1));
    let sessions: Vec<Sessions> = (0..workers).map(|_| Sessions::default()).collect();
    // Before the clock by which connections per second are counted.
    join(sessions.iter().map(|sessions| unless_stopped(stop, run.prime(sessions)))).await;
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
    stop: &'a StopSignal,
    connector: Connector<'a>,
    /// Measured connections that were started.
    counted: AtomicU64,
}

impl Run<'_> {
    /// Makes a worker's share of the connections, one after the other.
    async fn work(&self, sessions: &Sessions) -> HandshakeOutcome {
        let mut outcome = HandshakeOutcome::default();
        while self.counted.fetch_add(1, Ordering::Relaxed) < self.plan.connections {
            let Some((attempt, channel)) = unless_stopped(self.stop, self.one(sessions)).await else {
                outcome.interrupted = true;
                break;
            };
            outcome.record(attempt);
            // Packets left on the wire would count for the next connection.
            unless_stopped(self.stop, self.connector.close(channel)).await;
        }
        outcome
    }

    /// One measured connection, with a session to resume if the mode needs one.
    async fn one(&self, sessions: &Sessions) -> (Attempt, Option<Box<dyn Channel>>) {
        let begun = self.host.now();
        if self.prime(sessions).await {
            self.connect(sessions, self.plan.mode == Mode::ZeroRtt).await
        } else {
            let took = self.host.now() - begun;
            (Attempt::failed("the server gave no session to resume", took), None)
        }
    }

    /// Obtains a session to resume if the mode needs one; `false` if that failed.
    async fn prime(&self, sessions: &Sessions) -> bool {
        let connect = async || {
            let (attempt, channel) = self.connect(sessions, false).await;
            channel.filter(|_| attempt.problem.is_none())
        };
        self.connector.prime(sessions, 1, self.plan.timeout, connect).await
    }

    /// A new connection, which may resume a session in `sessions`.
    async fn connect(&self, sessions: &Sessions, early_data: bool) -> (Attempt, Option<Box<dyn Channel>>) {
        let settings = self.connector.settings(sessions, early_data);
        let counters = || self.connector.counters();
        attempt(self.host, self.plan, self.connector.peer(), &settings, &counters).await
    }
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
