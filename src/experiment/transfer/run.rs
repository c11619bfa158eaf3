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
        bulk::{self, Bulk, BulkAcceptor, Moved, Settings},
    },
    transport::{ConnectError, Recovery},
    unit::Mutex,
    wire::{Receipt, transfer::content_of},
};

/// One transfer: its plan, its seed, and what watches it.
#[derive(Clone, Copy)]
pub(in crate::experiment) struct Task<'a> {
    plan: &'a TransferPlan,
    seed: u64,
    watch: &'a Watch,
    meter: Option<&'a Meter>,
    intake: Option<&'a Intake>,
}

impl<'a> Task<'a> {
    /// A transfer that nothing else follows.
    pub(in crate::experiment) fn new(plan: &'a TransferPlan, seed: u64, watch: &'a Watch) -> Self {
        Self { plan, seed, watch, meter: None, intake: None }
    }

    /// `meter` follows the sender's congestion window.
    pub(super) fn followed_by(self, meter: Option<&'a Meter>) -> Self {
        Self { meter, ..self }
    }

    /// `intake` reads what the receiver has.
    pub(in crate::experiment) fn read_by(self, intake: &'a Intake) -> Self {
        Self { intake: Some(intake), ..self }
    }
}

/// Reads how much content the receiver of a transfer has, while the transfer runs.
#[derive(Clone, Default)]
pub(in crate::experiment) struct Intake(Arc<Mutex<Reading>>);

/// What an intake reads.
#[derive(Default)]
enum Reading {
    /// There is no connection yet.
    #[default]
    Nothing,
    Live(Received),
    Final(u64),
}

impl Intake {
    /// Bytes of content so far.
    pub(in crate::experiment) fn bytes(&self) -> u64 {
        match &*self.0.lock() {
            Reading::Nothing => 0,
            Reading::Live(received) => received.bytes(),
            Reading::Final(bytes) => *bytes,
        }
    }

    /// Keeps the last reading, and drops the connection, which would otherwise stay open.
    pub(in crate::experiment) fn close(&self) {
        let bytes = self.bytes();
        *self.0.lock() = Reading::Final(bytes);
    }
}

/// The content that an end has received.
#[derive(Clone)]
struct Received {
    moved: Moved,
    /// Bytes of whole pieces.
    pieces: Arc<AtomicU64>,
    /// The length of all content.
    most: u64,
    message_bytes: usize,
    is_datagram: bool,
}

impl Received {
    fn new(bulk: &Bulk, plan: &TransferPlan, intake: Option<&Intake>) -> Self {
        let received = Self {
            moved: bulk.moved.clone(),
            pieces: Arc::default(),
            most: plan.content.bytes(),
            message_bytes: bulk.nature.message_bytes,
            is_datagram: plan.transport.is_datagram(),
        };
        if let Some(intake) = intake {
            *intake.0.lock() = Reading::Live(received.clone());
        }
        received
    }

    /// A copy of `watch` that also counts the bytes received.
    fn counting(&self, watch: &Watch) -> Watch {
        let (counter, moved) = (self.pieces.clone(), watch.moved.clone());
        let moved = Arc::new(move |bytes| {
            counter.fetch_add(bytes, Ordering::Relaxed);
            moved(bytes);
        });
        Watch { moved, ..watch.clone() }
    }

    /// Bytes of whole pieces, or more if part of another has arrived.
    fn bytes(&self) -> u64 {
        let content = |bytes| content_of(bytes, self.message_bytes);
        let more = self.moved.received().filter(|_| !self.is_datagram).map_or(0, content);
        more.min(self.most).max(self.pieces.load(Ordering::Relaxed))
    }
}

/// Makes one transfer. The receiver writes the content to `saved`. `measuring` is called once the connection is
/// established.
///
/// Returns an error if no connection was made. A transfer that stops later is an outcome, not an error.
pub(in crate::experiment) async fn run(
    ends: &Ends,
    task: Task<'_>,
    settings: &Settings,
    saved: Option<SaveFile>,
    measuring: impl FnOnce(),
) -> Result<TransferOutcome, RunError> {
    let Task { plan, seed, meter, .. } = task;
    let acceptor = bulk::listen(&ends.server, plan.transport, ends.listen, settings)?;
    let peer = SocketAddr::new(ends.reach, acceptor.local_addr().port());
    let (stop, stopped) = oneshot::channel();
    let (report, reported) = oneshot::channel();
    let (fail, failed) = oneshot::channel();
    let (at_server, at_client, client_meter, server_meter) = match plan.direction {
        Direction::Up => (saved.into(), Sink::Nowhere, meter, None),
        Direction::Down => (Sink::Nowhere, saved.into(), None, meter),
    };
    let server = Server {
        host: ends.server.clone(),
        acceptor,
        sink: at_server,
        plan: plan.clone(),
        seed,
        meter: server_meter.cloned(),
        intake: task.intake.filter(|_| plan.direction == Direction::Up).cloned(),
    };
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
    Task { plan, seed, watch, intake, .. }: Task<'_>,
    sink: Sink,
    failed: impl Future<Output = TransferError>,
) -> TransferOutcome {
    let (begun, busy_begun) = (host.now(), host.busy_time());
    let received = (plan.direction == Direction::Down).then(|| Received::new(bulk, plan, intake));
    let ended = {
        let transfer = async {
            match &received {
                None => transfer::upload(host, bulk, &plan.content(seed), watch).await,
                Some(received) => {
                    let watch = received.counting(watch);
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
    let received = received.map(|received| received.bytes());
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
    intake: Option<Intake>,
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
        let received = Received::new(&bulk, &self.plan, self.intake.as_ref());
        let watch = received.counting(&Watch::default());
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
        let received = received.bytes();
        let busy = busy_since(&*self.host, busy_begun);
        // Without a receiver, the run has already failed.
        let _ = report.send(AtServer { recovery: (bulk.recovery)(), received, busy });
    }
}
