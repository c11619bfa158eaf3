//! A service on reliability by hand: each message is answered by one.

use std::{net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use tokio::sync::mpsc;

use super::{
    Refusal,
    desk::Desk,
    floods::Shunning,
    slots::Slot,
    tally::{Released, Tally, asked, overwrite},
};
use crate::{
    arq::{ConnectionError, Message},
    path::timeout,
    service::Service,
    transport::{
        Congestion, ConnectError,
        arq::{ArqConnection, ArqError, ArqLimits, ArqServer, ArqSettings, Heard, Releasers},
    },
};

/// What one client may make us hold for it, each way.
const MAX_BUFFER_BYTES: usize = 1 << 20;
const MIN_BUFFER_BYTES: usize = 16 << 10;
/// What is shared out: a connection that finds many others gets less.
const SHARED_BYTES: usize = 16 << 20;
/// What a segment brings, about.
const SEGMENT_BYTES: usize = 1000;
/// The largest datagram over IPv4 and Ethernet. A client that knows its path to carry less says so.
const MAX_DATAGRAM: u16 = 1472;

/// How long a client has to learn that the server stops.
const FAREWELL: Duration = Duration::from_secs(1);
/// How long to leave a socket alone that fails.
const PAUSE: Duration = Duration::from_millis(100);

pub(super) fn bind(desk: &Desk, local: SocketAddr, key: [u8; 32]) -> Result<ArqServer, ConnectError> {
    let limits =
        ArqLimits { receive_window: window(desk), send_buffer: MAX_BUFFER_BYTES, idle: desk.options.idle };
    let settings = ArqSettings {
        congestion: Congestion::Cubic,
        seed: desk.options.seed,
        max_datagram: MAX_DATAGRAM,
        limits,
    };
    // Who gets a place is decided at the desk.
    ArqServer::bind(&desk.host, local, &settings, (key, usize::MAX))
}

/// Segments that the next client may send ahead of its answers. The longest message has to fit.
fn window(desk: &Desk) -> u32 {
    let share = SHARED_BYTES / (desk.slots.connections() + 1);
    let bytes = share.clamp(MIN_BUFFER_BYTES, MAX_BUFFER_BYTES).max(desk.options.max_message);
    u32::try_from(bytes.div_ceil(SEGMENT_BYTES)).unwrap_or(u32::MAX)
}

pub(super) fn start(desk: Desk, server: ArqServer) {
    let tasks = desk.tasks.clone();
    tasks.spawn("an ARQ listener", accept(Arc::new(desk), server));
}

/// Hears for all connections, also for those that are in progress when the server stops.
async fn accept(desk: Arc<Desk>, mut server: ArqServer) {
    let mut draining = pin!(desk.tasks.draining());
    let (in_progress, mut all_done) = mpsc::channel::<()>(1);
    let mut in_progress = Some(in_progress);
    let mut shunning = Shunning::on(server.socket().clone());
    loop {
        server.set_receive_window(window(&desk));
        let stops = in_progress.is_none();
        let welcome = |source| is_welcome(&desk, source, stops);
        let heard = tokio::select! {
            biased;
            () = shunning.forgive(&desk) => continue,
            heard = server.next(welcome) => heard,
            () = &mut draining, if !stops => {
                in_progress = None;
                continue;
            }
            _ = all_done.recv(), if stops => return,
        };
        match heard {
            Ok(Heard::Client(connection)) => match desk.admit_connection(connection.peer().ip()) {
                Ok(slot) => {
                    let task = serve(desk.clone(), connection, slot, in_progress.clone());
                    desk.tasks.spawn("an ARQ connection", task);
                }
                // It is reset as it is dropped, and its client told that there is no room.
                Err(refusal) => desk.counters.refuse(refusal),
            },
            Ok(Heard::Stray(source)) => {
                desk.counters.refuse(Refusal::Stray);
                turn_away(&desk, &mut shunning, source).await;
            }
            // What for has been counted.
            Ok(Heard::Unwelcome(source)) => turn_away(&desk, &mut shunning, source).await,
            Ok(Heard::Over) => {}
            Err(e) => {
                desk.options.observer.trouble(&desk.url, &e.to_string());
                desk.host.sleep(PAUSE).await;
            }
        }
    }
}

/// One at `source` was refused something. However many there are, others on this thread have their turn.
async fn turn_away(desk: &Desk, shunning: &mut Shunning, source: SocketAddr) {
    shunning.refused(desk, source.ip());
    tokio::task::yield_now().await;
}

/// Whether who asks for a connection is answered at all.
fn is_welcome(desk: &Desk, source: SocketAddr, stops: bool) -> bool {
    let admitted = if stops { Err(Refusal::Stopping) } else { desk.admit_handshake(source) };
    admitted.inspect_err(|refusal| desk.counters.refuse(*refusal)).is_ok()
}

/// Serves a client. A connection that is not closed in order is reset as it is dropped.
async fn serve(
    desk: Arc<Desk>,
    connection: ArqConnection,
    slot: Slot,
    _in_progress: Option<mpsc::Sender<()>>,
) {
    desk.welcome(connection.peer());
    let end = tokio::select! {
        biased;
        end = converse(&desk, &connection, &slot) => end,
        () = slot.displaced() => Err(Refusal::Displaced),
    };
    if let Err(refusal) = end {
        desk.counters.refuse(refusal);
    }
}

/// Answers until the client has said all, or until the server stops.
async fn converse(desk: &Desk, connection: &ArqConnection, slot: &Slot) -> Result<(), Refusal> {
    let mut draining = pin!(desk.tasks.draining());
    let mut experiment = Experiment::default();
    loop {
        let received = tokio::select! {
            biased;
            received = connection.recv() => received,
            () = &mut draining => break,
        };
        match received {
            Ok(Some(message)) => {
                slot.prove();
                answer(desk, connection, &message, &mut experiment).await?;
            }
            Ok(None) => break,
            Err(ArqError::Connection(ConnectionError::Idle(_))) => return Err(Refusal::Idle),
            // The client, or what is between us, has ended it.
            Err(_) => return Ok(()),
        }
    }
    connection.close();
    if timeout(&*desk.host, FAREWELL, connection.closed()).await.is_err() {
        connection.reset();
    }
    Ok(())
}

/// What is known of the experiment that a client makes.
#[derive(Debug, Default)]
struct Experiment {
    tally: Tally,
    releasers: Releasers,
}

async fn answer(
    desk: &Desk,
    connection: &ArqConnection,
    message: &Message,
    experiment: &mut Experiment,
) -> Result<(), Refusal> {
    let request = &message.bytes;
    if request.len() > desk.options.max_message {
        return Err(Refusal::TooLong);
    }
    desk.hold_up(connection.peer().ip(), 1).await;
    desk.counters.received(request.len());
    let mut reply = Vec::new();
    desk.options.service.answer(request, desk.host.unix_time(), &mut reply);
    if let Some(question) = asked(request).filter(|_| desk.options.service == Service::Echo) {
        let blocker = experiment.releasers.of(message, question.0.id);
        let released = Released {
            at: message.released,
            after: Some(message.released - message.arrived),
            blocked_by: blocker.map(|blocker| blocker.id),
        };
        overwrite(&mut reply, &experiment.tally.answer(&*desk.host, question, released));
    }
    let length = reply.len();
    match connection.send(reply.into()).await {
        Ok(()) => {
            desk.counters.sent(length);
            desk.answered(1);
            Ok(())
        }
        Err(ArqError::Send(_)) => Err(Refusal::TooLong),
        // Gone before it heard.
        Err(_) => Ok(()),
    }
}
