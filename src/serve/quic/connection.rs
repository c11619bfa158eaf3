//! One QUIC connection.

use std::{
    net::IpAddr,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt, stream::FuturesUnordered};
use quinn::{
    Connection, ConnectionError, Incoming, RecvStream, SendDatagramError, SendStream, VarInt,
    crypto::rustls::HandshakeData,
};

use super::{
    finished_streams::FinishedStreams,
    in_turn::{begin, beside, poll_once},
    limits::limits,
    measured_stream::{self, MeasuredStreams},
    perf,
    transfer::{self, FirstMessage},
};
use crate::{
    serve::{
        conversation::{
            Aborted, Carrier, MeasuredRequest, Opening, Reception, RunTracker, StreamKind, answer_byte_stream,
        },
        guard::Slot,
        refusal::Refusal,
        worker::Worker,
    },
    service::Service,
    transport::quic::{Meter, QuicLimits, QuicServer, TOO_LONG, Windows},
    wire,
};

/// Streams that are begun before quinn runs and sends their replies, so that the client can go on meanwhile.
const TURN_STREAMS: u64 = 16;

/// Application error codes. They inform people; no program acts on them.
const DONE: VarInt = VarInt::from_u32(0);
const ABORTED: VarInt = VarInt::from_u32(1);

pub(super) async fn serve_connection(
    worker: Arc<Worker>,
    server: Arc<QuicServer>,
    incoming: Incoming,
    slot: Slot,
) {
    let peer = incoming.remote_address();
    match worker.handshake(&slot, handshake(&worker, &server, incoming)).await {
        Ok(Handshaken { connection, meter, limits }) => {
            worker.connected(peer);
            let session = Session {
                peer: peer.ip(),
                is_perf: negotiated_perf(&connection),
                measured: MeasuredStreams::new(&worker.options.window_memory),
                finished: FinishedStreams::default(),
                accepted: AtomicU64::new(0),
                worker: &worker,
                meter: &meter,
                connection: &connection,
            };
            let windows = Windows::new(&connection, &limits, &worker.options.window_memory);
            let growing = windows.grow(&*worker.host, || session.accepted.load(Ordering::Relaxed));
            let answered = tokio::select! {
                biased;
                answered = session.answer() => answered,
                () = async { growing.await; std::future::pending().await } => Ok(()),
            };
            match answered {
                Ok(()) => connection.close(DONE, b"the server stops"),
                Err(ConnectionError::TimedOut) => worker.refuse(Refusal::Idle),
                Err(_) => {}
            }
        }
        Err(refusal) => worker.refuse(refusal),
    }
}

/// A connection whose handshake is complete, or has early data.
struct Handshaken {
    connection: Connection,
    meter: Meter,
    /// Its first limits.
    limits: QuicLimits,
}

async fn handshake(
    worker: &Worker,
    server: &QuicServer,
    incoming: Incoming,
) -> Result<Handshaken, ConnectionError> {
    let others = worker.admission.slots.connections().saturating_sub(1);
    let limits = limits(others, &worker.options);
    let (config, meter) = server.within(limits);
    let connecting = incoming.accept_with(config)?;
    if !worker.options.early_data {
        return Ok(Handshaken { connection: connecting.await?, meter, limits });
    }
    // Streams of the first flight are served before the handshake completes.
    match connecting.into_0rtt() {
        Ok((connection, _)) => Ok(Handshaken { connection, meter, limits }),
        Err(connecting) => Ok(Handshaken { connection: connecting.await?, meter, limits }),
    }
}

fn negotiated_perf(connection: &Connection) -> bool {
    let data = connection.handshake_data().and_then(|data| data.downcast::<HandshakeData>().ok());
    data.and_then(|data| data.protocol).as_deref() == Some(perf::ALPN)
}

/// A connection after its handshake.
struct Session<'a> {
    worker: &'a Worker,
    meter: &'a Meter,
    connection: &'a Connection,
    peer: IpAddr,
    is_perf: bool,
    measured: MeasuredStreams,
    finished: FinishedStreams,
    /// Streams that the client has opened.
    accepted: AtomicU64,
}

/// A stream that a client has opened.
enum ClientStream {
    Bidirectional(SendStream, RecvStream),
    Unidirectional(RecvStream),
}

impl Session<'_> {
    /// Answers until the connection ends, or until the server stops and all streams are done.
    async fn answer(&self) -> Result<(), ConnectionError> {
        let Self { worker, connection, .. } = *self;
        let mut draining = pin!(worker.tasks.draining());
        let mut streams = FuturesUnordered::new();
        loop {
            tokio::select! {
                biased;
                stream = connection.accept_bi() => {
                    let (send, receive) = stream?;
                    let accepted = self.accepted.fetch_add(1, Ordering::Relaxed) + 1;
                    if accepted.is_multiple_of(TURN_STREAMS) {
                        tokio::task::yield_now().await;
                        // A steady flow of new streams must not starve those in progress, or delay a stop.
                        if poll_once(pin!(beside(&mut streams, &mut draining))).await.is_ready() {
                            break;
                        }
                    }
                    begin(&mut streams, self.serve(ClientStream::Bidirectional(send, receive))).await;
                }
                stream = connection.accept_uni() => {
                    if self.is_perf {
                        begin(&mut streams, self.serve(ClientStream::Unidirectional(stream?))).await;
                    } else {
                        // Apart from the performance protocol, only transfers use unidirectional streams.
                        beside(&mut streams, self.transfer(FirstMessage::OnStream(stream?))).await;
                        return Ok(());
                    }
                }
                datagram = connection.read_datagram() => {
                    let datagram = datagram?;
                    if worker.options.service == Service::Echo && datagram.starts_with(&wire::transfer::MAGIC) {
                        beside(&mut streams, self.transfer(FirstMessage::Datagram(datagram))).await;
                        return Ok(());
                    }
                    worker.count_refusal(self.answer_datagram(datagram));
                }
                () = beside(&mut streams, &mut draining) => break,
            }
        }
        while streams.next().await.is_some() {}
        self.finished.all_delivered(worker).await;
        Ok(())
    }

    async fn transfer(&self, first: FirstMessage) {
        transfer::serve(self.worker, self.meter, self.connection, first).await;
    }

    /// Serves one stream. Rare and large futures are boxed, because this future is allocated for each stream.
    async fn serve(&self, stream: ClientStream) {
        match stream {
            ClientStream::Bidirectional(send, receive) if self.is_perf => {
                Box::pin(perf::bidirectional(self.worker, send, receive)).await;
            }
            ClientStream::Bidirectional(send, receive) => self.answer_stream(send, receive).await,
            ClientStream::Unidirectional(receive) => {
                Box::pin(perf::unidirectional(self.worker, self.connection, receive)).await;
            }
        }
    }

    async fn answer_stream(&self, mut send: SendStream, mut receive: RecvStream) {
        let Self { worker, peer, .. } = *self;
        let end = match answer_byte_stream(worker, peer, Carrier::QuicStream, &mut receive, &mut send).await {
            Ok(Some(Opening { bytes, kind: StreamKind::Measured { message_len } })) => {
                let streams = &self.measured;
                let answering = measured_stream::answer(
                    worker,
                    peer,
                    streams,
                    bytes,
                    message_len,
                    &mut receive,
                    &mut send,
                );
                Box::pin(answering).await
            }
            // Transfers use unidirectional streams.
            Ok(Some(Opening { kind: StreamKind::Transfer, .. })) => {
                worker.refuse(Refusal::Unanswerable);
                Err(Aborted::Broken)
            }
            end => end.map(drop),
        };
        match end {
            Ok(()) => self.finished.add(send),
            Err(aborted) => {
                let code = if aborted == Aborted::TooLong { TOO_LONG } else { ABORTED };
                // These fail only if the client has closed the stream already.
                let _ = send.reset(code);
                let _ = receive.stop(code);
            }
        }
    }

    fn answer_datagram(&self, request: Bytes) -> Result<(), Refusal> {
        let Self { worker, connection, .. } = *self;
        let service = worker.options.service;
        let measured = MeasuredRequest::in_message(service, &request);
        let reception = Reception::immediate(worker.host.now());
        if let Err(refusal) = worker.admission.message(connection.remote_address().ip(), request.len()) {
            if measured.is_some() {
                self.measured.with_tracker(RunTracker::refuse);
            }
            return Err(refusal);
        }
        worker.counters.received(request.len());
        let reply = match (service, measured) {
            (Service::Echo, None) => request,
            (Service::Echo, Some(measured)) => {
                // Written in place where the datagram is alone in its packet, and else copied.
                let mut reply = BytesMut::from(request);
                self.measured.with_tracker(|tracker| {
                    tracker.report_in_place(&*worker.host, measured, reception, &mut reply);
                });
                reply.freeze()
            }
            (service, _) => {
                let mut reply = Vec::new();
                service.answer(&request, worker.host.unix_time(), &mut reply);
                reply.into()
            }
        };
        let length = reply.len();
        connection.send_datagram(reply).map_err(|e| match e {
            SendDatagramError::TooLarge => Refusal::TooLong,
            _ => Refusal::SendFailed,
        })?;
        worker.counters.sent(length);
        worker.answered(1);
        Ok(())
    }
}
