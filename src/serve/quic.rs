//! A service on QUIC: each bidirectional stream is a byte stream, each datagram a message.
//!
//! Clients that ask for the application protocol `perf` get [that](perf) instead.

use std::{
    future::poll_fn,
    net::{IpAddr, SocketAddr},
    pin::{Pin, pin},
    sync::Arc,
    task::Poll,
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt, stream::FuturesUnordered};
use quinn::{
    Connection, ConnectionError, Incoming, RecvStream, SendDatagramError, SendStream, VarInt,
    crypto::rustls::HandshakeData,
};

use super::{
    Refusal,
    converse::{Carrier, Over, converse},
    desk::Desk,
    perf,
    probes::{self, Beginning, Kind, answer_quic},
    sent::Sent,
    slots::Slot,
    tally::{Released, Tally, asked, overwrite},
    transfers::{self, First},
};
use crate::{
    path::timeout,
    service::Service,
    transport::{
        Congestion, ConnectError,
        quic::{self, QuicKeys, QuicLimits, QuicServer, QuicSettings, TOO_LONG},
    },
    wire::transfer,
};

/// What one client may make us hold for it, each way: it is also what it may have in flight.
const MAX_BUFFER_BYTES: u64 = 1 << 20;
const MIN_BUFFER_BYTES: u64 = 16 << 10;
/// What is shared out: a connection that finds many others gets less.
const SHARED_BYTES: u64 = 16 << 20;
/// For so many of its bytes a client may have a bidirectional stream open: 128 of them at most.
const BYTES_PER_STREAM: u64 = 8 << 10;

/// Unidirectional streams that a client may have open, for the performance protocol and for transfers.
const UNIDIRECTIONAL: u32 = 16;

/// Streams that are begun in one go. Then quinn has its turn to send what has been answered, so that the client goes on while
/// the next ones are.
const TURN: u64 = 16;

/// How long a stop waits for clients to hear of it.
const FAREWELL: Duration = Duration::from_secs(1);

/// Application errors of ours; nobody but a person reads them.
const DONE: VarInt = VarInt::from_u32(0);
const CUT_SHORT: VarInt = VarInt::from_u32(1);

/// What the endpoints on one port have in common.
#[derive(Debug, Clone)]
pub(super) struct Common {
    pub(super) tls: Arc<rustls::ServerConfig>,
    pub(super) keys: QuicKeys,
}

pub(super) fn bind(desk: &Desk, local: SocketAddr, common: &Common) -> Result<QuicServer, ConnectError> {
    let settings =
        QuicSettings { congestion: Congestion::Cubic, seed: desk.options.seed, limits: limits(desk, 0) };
    quic::listen_sharing(&desk.host, local, (common.tls.clone(), &common.keys), &settings)
}

/// Bounds for a client that finds so many `others`.
fn limits(desk: &Desk, others: usize) -> QuicLimits {
    let share = SHARED_BYTES / (others as u64 + 1);
    let buffer = share.clamp(MIN_BUFFER_BYTES, MAX_BUFFER_BYTES);
    QuicLimits {
        streams: u32::try_from(buffer / BYTES_PER_STREAM).unwrap_or(u32::MAX),
        unidirectional: UNIDIRECTIONAL,
        receive_window: buffer,
        send_buffer: buffer,
        idle: Some(desk.options.idle),
    }
}

pub(super) fn start(desk: Desk, server: QuicServer) {
    let tasks = desk.tasks.clone();
    tasks.spawn("a QUIC listener", accept(Arc::new(desk), Arc::new(server)));
}

async fn accept(desk: Arc<Desk>, server: Arc<QuicServer>) {
    let mut draining = pin!(desk.tasks.draining());
    loop {
        let incoming = tokio::select! {
            biased;
            () = &mut draining => break,
            incoming = server.endpoint.accept() => incoming,
        };
        let Some(incoming) = incoming else { return };
        server.strays.surfaced();
        match admit(&desk, &incoming) {
            Ok(slot) => {
                let task = serve(desk.clone(), server.clone(), incoming, slot);
                desk.tasks.spawn("a QUIC connection", task);
            }
            Err(refusal) => {
                desk.counters.refuse(refusal);
                turn_away(incoming, refusal);
            }
        }
    }
    desk.counters.refuse_many(Refusal::Stray, server.strays.count());
    server.endpoint.set_server_config(None);
    // Until all have been told that it is over. Half-open connections take three times a guess to go, and there may be
    // nobody there.
    let _ = timeout(&*desk.host, FAREWELL, server.endpoint.wait_idle()).await;
}

/// A place for the connection that is `incoming`. While many handshakes are in progress, only those get one who prove
/// that they receive what is sent to their address (RFC 9000 section 8.1.2).
fn admit(desk: &Desk, incoming: &Incoming) -> Result<Slot, Refusal> {
    let source = incoming.remote_address().ip();
    let pile = !incoming.remote_address_validated() && desk.slots.unproven() >= desk.options.retry_above;
    if pile && desk.options.access.admits(source) {
        return Err(Refusal::Retry);
    }
    desk.admit_connection(source)
}

fn turn_away(incoming: Incoming, refusal: Refusal) {
    match refusal {
        // One who has not validated its address may always be asked to.
        Refusal::Retry => {
            if let Err(error) = incoming.retry() {
                error.into_incoming().ignore();
            }
        }
        // One who is not allowed hears nothing; one who comes at a bad time may try again.
        Refusal::NotAllowed => incoming.ignore(),
        _ => incoming.refuse(),
    }
}

async fn serve(desk: Arc<Desk>, server: Arc<QuicServer>, incoming: Incoming, slot: Slot) {
    let peer = incoming.remote_address();
    match desk.handshake(&slot, handshake(&desk, &server, incoming)).await {
        Ok(connection) => {
            desk.welcome(peer);
            match answer(&desk, &server, &connection, peer).await {
                Ok(()) => connection.close(DONE, b"the server stops"),
                Err(ConnectionError::TimedOut) => desk.counters.refuse(Refusal::Idle),
                Err(_) => {}
            }
        }
        Err(refusal) => desk.counters.refuse(refusal),
    }
}

async fn handshake(
    desk: &Desk,
    server: &QuicServer,
    incoming: Incoming,
) -> Result<Connection, ConnectionError> {
    let others = desk.slots.connections().saturating_sub(1);
    let connecting = incoming.accept_with(server.within(limits(desk, others)))?;
    if !desk.options.early_data {
        return connecting.await;
    }
    // Streams that came with the first flight are served before the handshake is over.
    match connecting.into_0rtt() {
        Ok((connection, _)) => Ok(connection),
        Err(connecting) => connecting.await,
    }
}

/// Answers until the connection ends, or until the server stops and what is in progress is done.
///
/// Streams are parts of this one task: most are a message each, and setting up a task of the host's takes longer than
/// answering it.
async fn answer(
    desk: &Arc<Desk>,
    server: &QuicServer,
    connection: &Connection,
    peer: SocketAddr,
) -> Result<(), ConnectionError> {
    let mut draining = pin!(desk.tasks.draining());
    let shared = Shared::default();
    let perf = asks_for_perf(connection);
    let mut streams = FuturesUnordered::new();
    let mut accepted = 0_u64;
    loop {
        tokio::select! {
            biased;
            stream = connection.accept_bi() => {
                let protocol = if perf { Protocol::PerfBoth(stream?) } else { Protocol::Service(stream?) };
                accepted += 1;
                if accepted.is_multiple_of(TURN) {
                    tokio::task::yield_now().await;
                    // However many keep coming, those in progress and a stop have their turn.
                    if once(pin!(beside(&mut streams, &mut draining))).await.is_ready() {
                        break;
                    }
                }
                begin(&mut streams, serve_stream(desk, connection, peer, protocol, &shared)).await;
            }
            stream = connection.accept_uni(), if perf => {
                let protocol = Protocol::PerfOneWay(stream?);
                begin(&mut streams, serve_stream(desk, connection, peer, protocol, &shared)).await;
            }
            // Of all others only transfers send on unidirectional streams.
            stream = connection.accept_uni() => {
                let transfer = transfers::on_quic(desk, server, connection, First::Stream(stream?));
                beside(&mut streams, transfer).await;
                return Ok(());
            }
            datagram = connection.read_datagram() => {
                let datagram = datagram?;
                if desk.options.service == Service::Echo && datagram.starts_with(&transfer::MAGIC) {
                    let transfer = transfers::on_quic(desk, server, connection, First::Datagram(datagram));
                    beside(&mut streams, transfer).await;
                    return Ok(());
                }
                if let Err(refusal) = answer_datagram(desk, connection, datagram, &shared.probes) {
                    desk.counters.refuse(refusal);
                }
            }
            () = beside(&mut streams, &mut draining) => break,
        }
    }
    while streams.next().await.is_some() {}
    shared.sent.all_delivered(desk).await;
    Ok(())
}

/// Serves a stream for as long as there is something to do at once, and leaves the rest to `streams`.
async fn begin<S: Future<Output = ()>>(streams: &mut FuturesUnordered<Pin<Box<S>>>, stream: S) {
    let mut stream = Box::pin(stream);
    if once(stream.as_mut()).await.is_pending() {
        streams.push(stream);
    }
}

/// What comes of `future` at once.
async fn once<F: Future>(mut future: Pin<&mut F>) -> Poll<F::Output> {
    poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await
}

/// Does `what`, and beside it what the streams want to have done.
async fn beside<T>(
    streams: &mut FuturesUnordered<impl Future<Output = ()>>,
    what: impl Future<Output = T>,
) -> T {
    let mut what = pin!(what);
    poll_fn(|cx| {
        while let Poll::Ready(Some(())) = streams.poll_next_unpin(cx) {}
        what.as_mut().poll(cx)
    })
    .await
}

/// Whether the client asked for the performance protocol, and for nothing that we would rather speak.
fn asks_for_perf(connection: &Connection) -> bool {
    let data = connection.handshake_data().and_then(|data| data.downcast::<HandshakeData>().ok());
    data.and_then(|data| data.protocol).as_deref() == Some(perf::ALPN)
}

/// What the streams of one connection share.
#[derive(Debug, Default)]
struct Shared {
    probes: probes::Shared,
    sent: Sent,
}

/// What is spoken on a stream.
enum Protocol {
    Service((SendStream, RecvStream)),
    PerfBoth((SendStream, RecvStream)),
    PerfOneWay(RecvStream),
}

/// Boxes what is rare and large, so that it does not make room for itself in each stream.
async fn serve_stream(
    desk: &Desk,
    connection: &Connection,
    peer: SocketAddr,
    protocol: Protocol,
    shared: &Shared,
) {
    match protocol {
        Protocol::Service(stream) => converse_on(desk, peer.ip(), stream, shared).await,
        Protocol::PerfBoth(stream) => Box::pin(perf::bidirectional(desk, stream)).await,
        Protocol::PerfOneWay(receive) => Box::pin(perf::unidirectional(desk, connection, receive)).await,
    }
}

async fn converse_on(
    desk: &Desk,
    peer: IpAddr,
    (mut send, mut receive): (SendStream, RecvStream),
    shared: &Shared,
) {
    let end = match converse(desk, (Carrier::QuicStream, peer), &mut receive, &mut send).await {
        Ok(Some(Beginning { bytes, kind: Kind::Experiment(length) })) => {
            let way = (&mut receive, &mut send);
            Box::pin(answer_quic(desk, peer, (bytes, length), &shared.probes, way)).await
        }
        // Content goes one way.
        Ok(Some(Beginning { kind: Kind::Transfer, .. })) => {
            desk.counters.refuse(Refusal::Unanswerable);
            Err(Over::Broken)
        }
        end => end.map(drop),
    };
    match end {
        Ok(()) => shared.sent.add(send),
        // Each fails only where the client has closed this side already.
        Err(over) => {
            let code = if over == Over::TooLong { TOO_LONG } else { CUT_SHORT };
            let _ = send.reset(code);
            let _ = receive.stop(code);
        }
    }
}

fn answer_datagram(
    desk: &Desk,
    connection: &Connection,
    request: Bytes,
    shared: &probes::Shared,
) -> Result<(), Refusal> {
    let question = asked(&request).filter(|_| desk.options.service == Service::Echo);
    let released = Released::at_once(desk.host.now());
    if let Err(refusal) = desk.admit_message(connection.remote_address().ip(), request.len()) {
        if question.is_some() {
            shared.with_tally(Tally::refuse);
        }
        return Err(refusal);
    }
    desk.counters.received(request.len());
    let reply = match (desk.options.service, question) {
        // An echo is the request itself. Written to, it is in the same memory where nothing else of its packet is.
        (Service::Echo, None) => request,
        (Service::Echo, Some(question)) => {
            let mark = shared.with_tally(|tally| tally.answer(&*desk.host, question, released));
            let mut reply = BytesMut::from(request);
            overwrite(&mut reply, &mark);
            reply.freeze()
        }
        (service, _) => {
            let mut reply = Vec::new();
            service.answer(&request, desk.host.unix_time(), &mut reply);
            reply.into()
        }
    };
    let length = reply.len();
    connection.send_datagram(reply).map_err(|e| match e {
        SendDatagramError::TooLarge => Refusal::TooLong,
        _ => Refusal::SendFailed,
    })?;
    desk.counters.sent(length);
    desk.answered(1);
    Ok(())
}
