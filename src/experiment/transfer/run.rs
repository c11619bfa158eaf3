//! One transfer between two hosts.

use std::{fs::File, net::SocketAddr, sync::Arc, time::Duration};

use tokio::sync::oneshot;

use super::{Direction, TransferOutcome, TransferPlan};
use crate::{
    experiment::{Ends, RunError},
    path::{Host, timeout},
    transfer::{
        self, Sink, TransferError, Watch,
        bulk::{self, Bulk, BulkAcceptor, Settings},
    },
    transport::{ConnectError, Recovery},
    wire::Receipt,
};

/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(60);

/// The file that the receiver writes; `None` if it discards the content.
pub type Saved = Option<File>;

fn sink(saved: Saved) -> Sink {
    saved.map_or(Sink::Nowhere, Sink::File)
}

/// Makes one transfer. `measuring` is called when the connection is there.
///
/// # Errors
///
/// Returns an error if no connection was made. A transfer that stops later is an outcome, not an error.
pub(super) async fn run(
    ends: &Ends,
    plan: &TransferPlan,
    settings: &Settings,
    (seed, saved, watch): (u64, Saved, &Watch),
    measuring: impl FnOnce(),
) -> Result<TransferOutcome, RunError> {
    let acceptor = bulk::listen(&ends.server, plan.transport, ends.listen, settings)?;
    let peer = SocketAddr::new(ends.reach, acceptor.local_addr().port());
    let (stop, stopped) = oneshot::channel();
    let (report, reported) = oneshot::channel();
    let (at_server, at_client) = match plan.direction {
        Direction::Up => (sink(saved), Sink::Nowhere),
        Direction::Down => (Sink::Nowhere, sink(saved)),
    };
    let server = Server { host: ends.server.clone(), acceptor, sink: at_server, plan: plan.clone(), seed };
    ends.server.spawn("the server", Box::pin(server.serve(stopped, report)));

    let (mut bulk, connect) = connect(&ends.client, plan, peer, settings).await?;
    measuring();
    let mut outcome = drive(&*ends.client, &mut bulk, plan, (seed, at_client, watch)).await;
    outcome.connect = connect;
    // A server whose connection broke has stopped and reported by itself.
    let _ = stop.send(());
    outcome.server = reported.await.unwrap_or_default();
    Ok(outcome)
}

/// A connection, and how long it took to have it.
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

/// The client's part of a transfer.
pub(super) async fn drive(
    host: &dyn Host,
    bulk: &mut Bulk,
    plan: &TransferPlan,
    (seed, sink, watch): (u64, Sink, &Watch),
) -> TransferOutcome {
    let begun = host.now();
    let ended = match plan.direction {
        Direction::Up => {
            let content = plan.content(seed);
            watch.over(transfer::upload(host, bulk, &content, watch)).await
        }
        Direction::Down => watch.over(transfer::download(host, bulk, (plan.fetch(seed), &sink), watch)).await,
    };
    let took = host.now() - begun;
    let client = (bulk.recovery)();
    if ended.is_ok() {
        // The last message is still on its way. Do not wait forever for a peer that does not acknowledge it.
        tokio::select! {
            biased;
            _ = timeout(host, CONNECT_TIMEOUT, bulk.outgoing.finish()) => {}
            () = watch.stop.stopped() => {}
        }
    }
    TransferOutcome { client, ..judge(ended, took, (bulk.nature.reliable, plan.content.bytes())) }
}

fn judge(
    ended: Result<Receipt, TransferError>,
    took: Duration,
    (reliable, bytes): (bool, u64),
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
    let time = intact.then_some(took);
    TransferOutcome { time, stopped, arrived, gaps: gaps.into(), missing, ..Default::default() }
}

/// The end that is asked.
struct Server {
    host: Arc<dyn Host>,
    acceptor: BulkAcceptor,
    sink: Sink,
    plan: TransferPlan,
    seed: u64,
}

impl Server {
    /// Serves one client until it closes or the run stops, then reports what recovery took.
    async fn serve(mut self, mut stopped: oneshot::Receiver<()>, report: oneshot::Sender<Recovery>) {
        let Ok(mut bulk) = self.acceptor.accept().await else {
            return;
        };
        let content = self.plan.content(self.seed);
        let watch = Watch::default();
        let serving = async {
            let wanted = (&self.sink, |_: &_| content);
            // The client reports how the transfer ended.
            let _ = transfer::serve(&*self.host, None, bulk.ends(), wanted, &watch).await;
            bulk.outgoing.finish().await;
            std::future::pending::<()>().await;
        };
        tokio::select! {
            biased;
            () = serving => {}
            _ = &mut stopped => {}
        }
        // Without a receiver, the run has already failed.
        let _ = report.send((bulk.recovery)());
    }
}
