//! A service on QUIC: each bidirectional stream is a byte stream, each datagram a message.

use std::{net::SocketAddr, pin::pin, sync::Arc};

use bytes::Bytes;
use quinn::{Connection, ConnectionError, Incoming, RecvStream, SendDatagramError, SendStream, VarInt};
use tokio::sync::{OwnedSemaphorePermit, mpsc};

use super::{
    Refusal,
    converse::{Carrier, Over, converse},
    desk::Desk,
    probes::{self, Beginning, answer_quic},
    tally::{Released, Tally, asked, overwrite},
};
use crate::{
    path::timeout,
    service::Service,
    transport::{
        ConnectError,
        quic::{self, Congestion, QuicLimits, QuicServer, QuicSettings, TOO_LONG},
        tls::ServerTls,
    },
};

/// Bidirectional streams that one client may have open.
const STREAMS: u32 = 128;
/// What one client may make us hold for it, each way: it is also what it may have in flight.
const BUFFER_BYTES: u64 = 1 << 20;

/// Application errors of ours; nobody but a person reads them.
const DONE: VarInt = VarInt::from_u32(0);
const CUT_SHORT: VarInt = VarInt::from_u32(1);

pub(super) fn bind(desk: &Desk, local: SocketAddr, tls: &ServerTls) -> Result<QuicServer, ConnectError> {
    let settings = QuicSettings {
        congestion: Congestion::Cubic,
        seed: desk.options.seed,
        limits: QuicLimits {
            streams: STREAMS,
            receive_window: BUFFER_BYTES,
            send_buffer: BUFFER_BYTES,
            idle: Some(desk.options.idle),
        },
    };
    quic::listen(&desk.host, local, tls, &settings)
}

pub(super) fn start(desk: Desk, server: QuicServer) {
    let tasks = desk.tasks.clone();
    tasks.spawn("a QUIC listener", accept(Arc::new(desk), server));
}

async fn accept(desk: Arc<Desk>, server: QuicServer) {
    let mut draining = pin!(desk.tasks.draining());
    loop {
        let incoming = tokio::select! {
            biased;
            () = &mut draining => break,
            incoming = server.endpoint.accept() => incoming,
        };
        let Some(incoming) = incoming else { return };
        match desk.admit_connection(incoming.remote_address().ip()) {
            Ok(permit) => {
                desk.tasks.spawn("a QUIC connection", serve(desk.clone(), incoming, permit));
            }
            Err(refusal) => {
                desk.counters.refuse(refusal);
                // One who is not allowed hears nothing; one who comes at a bad time may try again.
                if refusal == Refusal::Connections { incoming.refuse() } else { incoming.ignore() }
            }
        }
    }
    server.endpoint.set_server_config(None);
    // Until all have been told that it is over.
    server.endpoint.wait_idle().await;
}

async fn serve(desk: Arc<Desk>, incoming: Incoming, _permit: OwnedSemaphorePermit) {
    let peer = incoming.remote_address();
    match handshake(&desk, incoming).await {
        Ok(connection) => {
            desk.welcome(peer);
            match answer(&desk, &connection, peer).await {
                Ok(()) => connection.close(DONE, b"the server stops"),
                Err(ConnectionError::TimedOut) => desk.counters.refuse(Refusal::Idle),
                Err(_) => {}
            }
        }
        Err(_) => desk.counters.refuse(Refusal::Handshake),
    }
}

async fn handshake(desk: &Desk, incoming: Incoming) -> Result<Connection, ConnectionError> {
    let connecting = incoming.accept()?;
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
async fn answer(desk: &Arc<Desk>, connection: &Connection, peer: SocketAddr) -> Result<(), ConnectionError> {
    let mut draining = pin!(desk.tasks.draining());
    let (in_progress, mut all_done) = mpsc::channel::<()>(1);
    let shared = Arc::<probes::Shared>::default();
    loop {
        tokio::select! {
            biased;
            stream = connection.accept_bi() => {
                let shared = (shared.clone(), in_progress.clone());
                let task = serve_stream(desk.clone(), peer, stream?, shared);
                desk.tasks.spawn("a QUIC stream", task);
            }
            datagram = connection.read_datagram() => {
                if let Err(refusal) = answer_datagram(desk, connection, &datagram?, &shared) {
                    desk.counters.refuse(refusal);
                }
            }
            () = &mut draining => break,
        }
    }
    drop(in_progress);
    all_done.recv().await;
    Ok(())
}

async fn serve_stream(
    desk: Arc<Desk>,
    peer: SocketAddr,
    (mut send, mut receive): (SendStream, RecvStream),
    (shared, _in_progress): (Arc<probes::Shared>, mpsc::Sender<()>),
) {
    let ip = peer.ip();
    let end = match converse(&desk, (Carrier::QuicStream, ip), &mut receive, &mut send).await {
        Ok(Some(Beginning { bytes, asked: Some(length) })) => {
            answer_quic(&desk, ip, (bytes, length), &shared, (&mut receive, &mut send)).await
        }
        end => end.map(drop),
    };
    match end {
        Ok(()) => {
            // Until the client has it all: a connection that is closed before takes it along.
            let _ = timeout(&*desk.host, desk.options.idle, send.stopped()).await;
        }
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
    request: &Bytes,
    shared: &probes::Shared,
) -> Result<(), Refusal> {
    let question = asked(request).filter(|_| desk.options.service == Service::Echo);
    let released = Released::at_once(desk.host.now());
    if let Err(refusal) = desk.admit_message(connection.remote_address().ip(), request.len()) {
        if question.is_some() {
            shared.with_tally(Tally::refuse);
        }
        return Err(refusal);
    }
    desk.counters.received(request.len());
    let mut reply = Vec::new();
    desk.options.service.answer(request, desk.host.unix_time(), &mut reply);
    if let Some(question) = question {
        let mark = shared.with_tally(|tally| tally.answer(&*desk.host, question, released));
        overwrite(&mut reply, &mark);
    }
    let length = reply.len();
    connection.send_datagram(reply.into()).map_err(|e| match e {
        SendDatagramError::TooLarge => Refusal::TooLong,
        _ => Refusal::SendFailed,
    })?;
    desk.counters.sent(length);
    desk.answered(1);
    Ok(())
}
