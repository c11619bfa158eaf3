//! The service on ARQ connections: one reply for each message.

use std::{net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use tokio::sync::mpsc;

use super::{
    buffers::{MAX_BUFFER_BYTES, buffer_bytes},
    conversation::{MeasuredRequest, Reception, RunTracker},
    error::ServeError,
    guard::{FloodGuard, Slot},
    options::Options,
    refusal::Refusal,
    worker::Worker,
};
use crate::{
    arq::{ConnectionError, Message},
    channel::Releasers,
    path::timeout,
    transport::{
        Congestion, LossDetection,
        arq::{
            ArqConnection, ArqError, ArqLimits, ArqServer, ArqSettings, ArqWindows, SEGMENT_BYTES,
            ServerEvent,
        },
    },
};

/// The largest datagram over IPv4 and Ethernet. A client announces a smaller limit if its path needs one.
const MAX_DATAGRAM: u16 = 1472;

/// How long to wait for a client to acknowledge the close of its connection.
const CLOSE_WAIT: Duration = Duration::from_secs(1);

pub(super) fn listen(
    worker: Worker,
    local: SocketAddr,
    cookie_key: [u8; 32],
) -> Result<SocketAddr, ServeError> {
    let settings = settings(&worker);
    // The number of connections is limited by `Admission`.
    let server = ArqServer::bind(&worker.host, local, &settings, cookie_key, usize::MAX, None)?;
    let local = server.local_addr();
    Ok(worker.start("an ARQ listener", local, |worker| accept(Arc::new(worker), server)))
}

/// The settings of new connections.
pub(super) fn settings(worker: &Worker) -> ArqSettings {
    ArqSettings {
        congestion: Congestion::Cubic,
        loss_detection: LossDetection::default(),
        seed: worker.options.seed,
        max_datagram: MAX_DATAGRAM,
        limits: ArqLimits {
            receive_window: receive_window(worker),
            send_buffer: bounded(MAX_BUFFER_BYTES, worker),
            idle: worker.options.idle,
        },
        tracer: None,
    }
}

/// The first receive window of the next client, in segments. The longest message has to fit.
fn receive_window(worker: &Worker) -> u32 {
    let buffer = bounded(buffer_bytes(worker.admission.slots.connections()), worker);
    let bytes = buffer.max(worker.options.max_message) as u64;
    u32::try_from(bytes.div_ceil(SEGMENT_BYTES)).unwrap_or(u32::MAX)
}

/// `bytes`, but no more than the largest window.
fn bounded(bytes: usize, worker: &Worker) -> usize {
    bytes.min(usize::try_from(worker.options.max_window).unwrap_or(usize::MAX))
}

/// Accepts connections, and receives for all of them until the last has ended.
async fn accept(worker: Arc<Worker>, mut server: ArqServer) {
    let mut draining = pin!(worker.tasks.draining());
    // Each connection holds a clone of the sender, which is dropped when the server drains.
    let (in_progress, mut all_done) = mpsc::channel::<()>(1);
    let mut in_progress = Some(in_progress);
    let mut flood_guard = FloodGuard::new(server.socket().clone());
    loop {
        server.set_receive_window(receive_window(&worker));
        let stopping = in_progress.is_none();
        let admit = |source| {
            let admitted = if stopping { Err(Refusal::Stopping) } else { worker.admission.handshake(source) };
            worker.count_refusal(admitted).is_some()
        };
        let heard = tokio::select! {
            biased;
            () = flood_guard.release(&worker.admission) => continue,
            heard = server.next(admit) => heard,
            () = &mut draining, if !stopping => {
                in_progress = None;
                continue;
            }
            _ = all_done.recv(), if stopping => return,
        };
        match heard {
            Ok(ServerEvent::Connected(connection)) => {
                // A refused connection is reset when it is dropped.
                let admitted = worker.admission.connection(connection.peer().ip());
                if let Some(slot) = worker.count_refusal(admitted) {
                    let task = serve(worker.clone(), connection, slot, in_progress.clone());
                    worker.tasks.spawn("an ARQ connection", task);
                }
            }
            Ok(ServerEvent::Unrelated(source)) => {
                worker.refuse(Refusal::Stray);
                note_refused(&worker, &mut flood_guard, source).await;
            }
            // Counted by `admit`.
            Ok(ServerEvent::Refused(source)) => note_refused(&worker, &mut flood_guard, source).await,
            Ok(ServerEvent::Closed) => {}
            Err(e) => worker.socket_failed(&e).await,
        }
    }
}

/// Takes note of a refused datagram, and lets the other tasks of this thread run.
async fn note_refused(worker: &Worker, flood_guard: &mut FloodGuard, source: SocketAddr) {
    worker.note_refused_datagram(flood_guard, source.ip());
    tokio::task::yield_now().await;
}

/// Serves a client. The connection is reset when it is dropped, unless it was closed in order.
async fn serve(
    worker: Arc<Worker>,
    connection: ArqConnection,
    slot: Slot,
    _in_progress: Option<mpsc::Sender<()>>,
) {
    worker.connected(connection.peer());
    let Options { max_window, window_memory, .. } = &*worker.options;
    let windows = ArqWindows::new(&connection, *max_window, window_memory);
    let end = tokio::select! {
        biased;
        end = answer_messages(&worker, &connection, &slot) => end,
        () = slot.evicted() => Err(Refusal::Evicted),
        never = windows.grow(&*worker.host) => match never {},
    };
    worker.count_refusal(end);
}

/// Answers messages until the client closes the connection or the server stops.
async fn answer_messages(worker: &Worker, connection: &ArqConnection, slot: &Slot) -> Result<(), Refusal> {
    let mut draining = pin!(worker.tasks.draining());
    let mut measurement = Measurement::default();
    loop {
        let received = tokio::select! {
            biased;
            received = connection.recv() => received,
            () = &mut draining => break,
        };
        match received {
            Ok(Some(message)) => {
                slot.prove();
                answer(worker, connection, &message, &mut measurement).await?;
            }
            Ok(None) => break,
            Err(ArqError::Connection(ConnectionError::Idle(_))) => return Err(Refusal::Idle),
            // Ended by the client or the network.
            Err(_) => return Ok(()),
        }
    }
    connection.close();
    if timeout(&*worker.host, CLOSE_WAIT, connection.closed()).await.is_err() {
        connection.reset();
    }
    Ok(())
}

/// State of a measurement on one connection.
#[derive(Debug, Default)]
struct Measurement {
    tracker: RunTracker,
    releasers: Releasers,
}

async fn answer(
    worker: &Worker,
    connection: &ArqConnection,
    message: &Message,
    measurement: &mut Measurement,
) -> Result<(), Refusal> {
    let request = &message.bytes;
    worker.admission.length(request.len())?;
    worker.limit_rate(connection.peer().ip(), 1).await;
    worker.counters.received(request.len());
    let mut reply = Vec::new();
    worker.options.service.answer(request, worker.host.unix_time(), &mut reply);
    if let Some(measured) = MeasuredRequest::in_message(worker.options.service, request) {
        let blocker = measurement.releasers.of(message, measured.probe.id);
        let reception = Reception {
            released: message.released,
            order_wait: Some(message.released - message.arrived),
            blocked_by: blocker.map(|blocker| blocker.id),
        };
        measurement.tracker.report_in_place(&*worker.host, measured, reception, &mut reply);
    }
    let length = reply.len();
    match connection.send(reply.into()).await {
        Ok(()) => {
            worker.counters.sent(length);
            worker.answered(1);
            Ok(())
        }
        Err(ArqError::Send(_)) => Err(Refusal::TooLong),
        // The client is gone.
        Err(_) => Ok(()),
    }
}
