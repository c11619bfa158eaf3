//! One transfer between two hosts.

use std::{
    future::{Future, pending},
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::sync::oneshot;

use super::{Direction, TransferOutcome, TransferPlan, pictures::Meter};
use crate::{
    experiment::{Ends, RunError, settings::CONNECT_TIMEOUT},
    path::{Host, timeout},
    transfer::{
        self, SaveFile, Sink, TransferError, Watch,
        bulk::{self, Bulk, BulkAcceptor, Settings},
    },
    transport::{ConnectError, Recovery},
    wire::{Receipt, transfer::content_of},
};

/// One transfer: its plan, its seed, and what watches it.
#[derive(Clone, Copy)]
pub(super) struct Task<'a> {
    pub(super) plan: &'a TransferPlan,
    pub(super) seed: u64,
    pub(super) watch: &'a Watch,
}

/// Makes one transfer. The receiver writes the content to `saved`, and `meter` follows the sender's congestion window.
/// `measuring` is called once the connection is established.
///
/// Returns an error if no connection was made. A transfer that stops later is an outcome, not an error.
pub(super) async fn run(
    ends: &Ends,
    task: Task<'_>,
    settings: &Settings,
    saved: Option<SaveFile>,
    meter: Option<&Meter>,
    measuring: impl FnOnce(),
) -> Result<TransferOutcome, RunError> {
    let Task { plan, seed, .. } = task;
    let acceptor = bulk::listen(&ends.server, plan.transport, ends.listen, settings)?;
    let peer = SocketAddr::new(ends.reach, acceptor.local_addr().port());
    let (stop, stopped) = oneshot::channel();
    let (report, reported) = oneshot::channel();
    let (fail, failed) = oneshot::channel();
    let (at_server, at_client, client_meter, server_meter) = match plan.direction {
        Direction::Up => (saved.into(), Sink::Nowhere, meter, None),
        Direction::Down => (Sink::Nowhere, saved.into(), None, meter),
    };
    let host = ends.server.clone();
    let meter = server_meter.cloned();
    let server = Server { host, acceptor, sink: at_server, plan: plan.clone(), seed, meter };
    ends.server.spawn("the server", Box::pin(server.serve(stopped, report, fail)));

    let (mut bulk, connect) = connect(&ends.client, plan, peer, settings).await?;
    measuring();
    if let Some(meter) = client_meter {
        meter.follow(&ends.client, &bulk);
    }
    // An error of the server ends the transfer.
    let failed = async {
        match failed.await {
            Ok(error) => error,
            Err(_) => pending().await,
        }
    };
    let mut outcome = drive(&*ends.client, &mut bulk, task, at_client, failed).await;
    outcome.connect = connect;
    // Without a receiver, the server never accepted the client.
    let _ = stop.send(());
    if let Ok(at_server) = reported.await {
        outcome.server = at_server.recovery;
        outcome.server_busy = at_server.busy;
        if plan.direction == Direction::Up {
            outcome.arrived = Some(at_server.received);
        }
    }
    Ok(outcome)
}

/// What the server's end reports when the run is over.
struct AtServer {
    recovery: Recovery,
    /// Bytes of content that arrived, each counted once.
    received: u64,
    /// Time for which the server's thread ran or waited for a core since it accepted the client.
    busy: Option<Duration>,
}

/// The increase of [`Host::busy_time`] since it was `begun`.
fn busy_since(host: &dyn Host, begun: Option<Duration>) -> Option<Duration> {
    host.busy_time()?.checked_sub(begun?)
}

/// Bytes of content that an end has received: those of whole pieces, or more if part of another has arrived.
fn received(bulk: &Bulk, pieces: u64, plan: &TransferPlan) -> u64 {
    let content = |bytes| content_of(bytes, bulk.nature.message_bytes);
    let more = bulk.moved.received().filter(|_| !plan.transport.is_datagram()).map_or(0, content);
    more.min(plan.content.bytes()).max(pieces)
}

/// A copy of `watch` that also counts the bytes received.
fn counting(watch: &Watch) -> (Watch, Arc<AtomicU64>) {
    let received = Arc::new(AtomicU64::new(0));
    let (counter, moved) = (received.clone(), watch.moved.clone());
    let moved = Arc::new(move |bytes| {
        counter.fetch_add(bytes, Ordering::Relaxed);
        moved(bytes);
    });
    (Watch { moved, ..watch.clone() }, received)
}

/// Connects, and measures how long that takes.
pub(super) async fn connect(
    host: &Arc<dyn Host>,
    plan: &TransferPlan,
    peer: SocketAddr,
    settings: &Settings,
) -> Result<(Bulk, Duration), RunError> {
    let begun = host.now();
    let connecting = bulk::connect(host, plan.transport, peer, settings);
    let bulk = timeout(&**host, CONNECT_TIMEOUT, connecting)
        .await
        .map_err(|elapsed| ConnectError::TimedOut { what: "connecting", peer, after: elapsed.0 })??;
    Ok((bulk, host.now() - begun))
}

/// The client's part of a transfer. It ends early if the server has `failed`.
pub(super) async fn drive(
    host: &dyn Host,
    bulk: &mut Bulk,
    Task { plan, seed, watch }: Task<'_>,
    sink: Sink,
    failed: impl Future<Output = TransferError>,
) -> TransferOutcome {
    let (begun, busy_begun) = (host.now(), host.busy_time());
    let mut pieces = None;
    let ended = {
        let transfer = async {
            match plan.direction {
                Direction::Up => transfer::upload(host, bulk, &plan.content(seed), watch).await,
                Direction::Down => {
                    let (watch, counter) = counting(watch);
                    pieces = Some(counter);
                    transfer::download(host, bulk, plan.fetch(seed), &sink, &watch).await
                }
            }
        };
        tokio::select! {
            biased;
            ended = watch.until_stopped(transfer) => ended,
            error = failed => Err(error),
        }
    };
    let (took, client_busy) = (host.now() - begun, busy_since(host, busy_begun));
    let client = (bulk.recovery)();
    if ended.as_ref().is_ok_and(|receipt| receipt.intact) {
        // Wait for the acknowledgement of the last message, but not forever.
        tokio::select! {
            biased;
            _ = timeout(host, CONNECT_TIMEOUT, bulk.outgoing.finish()) => {}
            () = watch.stop.stopped() => {}
        }
    }
    let outcome = judge(ended, took, bulk.nature.reliable, plan.content.bytes());
    let pieces = pieces.map(|pieces| pieces.load(Ordering::Relaxed));
    let received = pieces.map(|pieces| received(bulk, pieces, plan));
    let content = |bytes| content_of(bytes, bulk.nature.message_bytes).min(plan.content.bytes());
    let acknowledged = || bulk.moved.acknowledged().map(content);
    let arrived = received.or(outcome.arrived).or_else(acknowledged);
    TransferOutcome { client, client_busy, took, arrived, ..outcome }
}

fn judge(
    ended: Result<Receipt, TransferError>,
    took: Duration,
    reliable: bool,
    bytes: u64,
) -> TransferOutcome {
    let receipt = match ended {
        Ok(receipt) => receipt,
        Err(error) => {
            let interrupted = matches!(error, TransferError::Interrupted);
            return TransferOutcome { stopped: Some(error.to_string()), interrupted, ..Default::default() };
        }
    };
    let Receipt { intact, arrived, gaps, missing } = receipt;
    let stopped = match (intact, reliable, arrived == bytes) {
        (true, ..) | (false, false, false) => None,
        (false, _, true) => Some(TransferError::Mismatch.to_string()),
        (false, true, false) => Some(format!("the receiver gave up after {arrived} of {bytes} bytes")),
    };
    let (time, arrived) = (intact.then_some(took), Some(arrived));
    TransferOutcome { time, stopped, arrived, gaps: gaps.into(), missing, ..Default::default() }
}

struct Server {
    host: Arc<dyn Host>,
    acceptor: BulkAcceptor,
    sink: Sink,
    plan: TransferPlan,
    seed: u64,
    meter: Option<Meter>,
}

impl Server {
    /// Serves one client until the run stops, then reports.
    async fn serve(
        mut self,
        mut stopped: oneshot::Receiver<()>,
        report: oneshot::Sender<AtServer>,
        fail: oneshot::Sender<TransferError>,
    ) {
        let Ok(mut bulk) = self.acceptor.accept().await else {
            return;
        };
        if let Some(meter) = &self.meter {
            meter.follow(&self.host, &bulk);
        }
        let busy_begun = self.host.busy_time();
        let content = self.plan.content(self.seed);
        let (watch, pieces) = counting(&Watch::default());
        let serving = async {
            match transfer::serve(&*self.host, None, bulk.ends(), &self.sink, |_| content, &watch).await {
                // The client does not learn of this from its peer. If it has ended already, nothing is lost.
                Err(error @ TransferError::Content { .. }) => drop(fail.send(error)),
                // The client reports how the transfer ended.
                _ => bulk.outgoing.finish().await,
            }
            pending::<()>().await;
        };
        tokio::select! {
            biased;
            () = serving => {}
            _ = &mut stopped => {}
        }
        let received = received(&bulk, pieces.load(Ordering::Relaxed), &self.plan);
        let busy = busy_since(&*self.host, busy_begun);
        // Without a receiver, the run has already failed.
        let _ = report.send(AtServer { recovery: (bulk.recovery)(), received, busy });
    }
}
