//! An experiment's messages on QUIC: on one stream, a stream per flow, a stream per message, or datagrams.
//!
//! Streams are read unordered, so that one run yields both when bytes arrived and when order released them.

mod receive;

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    ops::RangeInclusive,
    pin::pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use futures_util::FutureExt;
use quinn::{Connection, SendDatagramError, SendStream, VarInt};
use tokio::sync::mpsc;

pub(super) use self::receive::Incoming;
pub use self::receive::Reading;
use super::{Channel, Delivery, Exchange, UnitToSend, inbox::Inbox};
use crate::{
    path::Host,
    tap::Tap,
    transport::{
        ChannelError, Mapping, Recovery,
        quic::{Meter, QuicSession, TOO_LONG},
    },
    unit::{Lock, Mutex, Time},
    wire::{EXTENDED_HEADER_BYTES, MessageId, Probe, probe::padding},
};

/// One end of a QUIC connection.
pub(super) struct QuicChannel {
    streams: Arc<Streams>,
    session: QuicSession,
}

struct Streams {
    host: Arc<dyn Host>,
    connection: Connection,
    meter: Meter,
    mapping: Mapping,
    inbox: Inbox,
    /// Writers by the message that their stream belongs to; see [`Streams::key`].
    writers: Lock<BTreeMap<MessageId, Writer>>,
    opener: Lock<Option<mpsc::UnboundedSender<UnitToSend>>>,
    corrupted: Mutex<u64>,
    /// Bytes of each incoming message that does not state that it is shorter.
    length: usize,
    reading: Reading,
    exchange: Exchange,
    tap: Option<Tap>,
}

type Message = (Probe, usize);

/// Limit on the streams that a server has open at a time, if it sends on its own.
const SERVER_STREAMS: u32 = 65_536;

enum Writer {
    /// To a task that writes messages in sequence.
    Queue(mpsc::UnboundedSender<Message>),
    /// The stream of a single message or unit.
    Once(SendStream),
}

impl QuicChannel {
    /// The client's end, which opens the streams.
    pub(super) async fn client(
        host: Arc<dyn Host>,
        session: QuicSession,
        flows: u32,
        incoming: Incoming,
    ) -> Result<Self, ChannelError> {
        let streams = Streams::new(host, &session, incoming);
        let opened = match session.mapping {
            Mapping::One => 1,
            Mapping::Flow => flows,
            _ => 0,
        };
        for flow in 0..opened {
            // No stream ends before all are there, so one that has to wait waits forever.
            let opened_now = streams.connection.open_bi().now_or_never();
            let stream = opened_now.ok_or_else(|| ChannelError::TooManyStreams {
                peer: streams.peer(),
                allowed: flow as usize,
                wanted: opened as usize,
            })?;
            let (send, receive) = stream.map_err(|e| streams.lost(e))?;
            let key = MessageId { flow, seq: 0 };
            streams.writers.lock().insert(key, Writer::Queue(streams.write(send)));
            streams.read(receive, None);
        }
        match session.mapping {
            Mapping::Message => {
                *streams.opener.lock() = Some(streams.open_per_unit());
            }
            Mapping::Datagram => streams.read_datagrams(),
            _ => {}
        }
        if streams.exchange == Exchange::BothWays && session.mapping != Mapping::Datagram {
            streams.connection.set_max_concurrent_bi_streams(SERVER_STREAMS.into());
            streams.accept();
        }
        Ok(Self { streams, session })
    }

    /// The server's end, which replies on the streams that the client opens. If it also sends on its own, it opens
    /// streams for its flows. They are numbered from `flows`, after those of the client.
    pub(super) fn server(host: Arc<dyn Host>, session: QuicSession, flows: u32, incoming: Incoming) -> Self {
        let streams = Streams::new(host, &session, incoming);
        if session.mapping == Mapping::Datagram {
            streams.read_datagrams();
            return Self { streams, session };
        }
        streams.accept();
        match session.mapping {
            _ if streams.exchange != Exchange::BothWays => {}
            Mapping::Message => *streams.opener.lock() = Some(streams.open_per_unit()),
            Mapping::Flow => {
                for flow in flows..2 * flows {
                    streams.open_for(flow);
                }
            }
            _ => streams.open_for(flows),
        }
        Self { streams, session }
    }
}

impl Streams {
    fn new(
        host: Arc<dyn Host>,
        session: &QuicSession,
        Incoming { length, reading, tap, exchange }: Incoming,
    ) -> Arc<Self> {
        let one_thread = host.is_one_thread();
        Arc::new(Self {
            tap,
            reading,
            exchange,
            host,
            connection: session.connection.clone(),
            meter: session.meter().clone(),
            mapping: session.mapping,
            inbox: Inbox::new(one_thread),
            writers: Lock::new(one_thread, BTreeMap::new()),
            opener: Lock::new(one_thread, None),
            corrupted: Mutex::default(),
            length,
        })
    }

    /// The key of the stream that carries `id`: the first of the messages that share it.
    fn key(&self, id: MessageId) -> MessageId {
        match self.mapping {
            Mapping::One => MessageId { flow: 0, seq: 0 },
            Mapping::Flow => MessageId { seq: 0, ..id },
            _ => id,
        }
    }

    /// Sends replies to `id`, and to all messages that share its stream, on `stream`.
    fn register(self: &Arc<Self>, id: MessageId, stream: SendStream) {
        let writer = match self.mapping {
            Mapping::Message => Writer::Once(stream),
            _ => Writer::Queue(self.write(stream)),
        };
        self.writers.lock().insert(self.key(id), writer);
    }

    /// Starts a task that opens a stream for the messages of `flow`, as soon as the peer allows it.
    fn open_for(&self, flow: u32) {
        let (sender, messages) = mpsc::unbounded_channel::<Message>();
        let writing = self.writing();
        self.host.spawn(
            "a flow's stream opener",
            Box::pin(async move {
                if let Ok((send, _)) = writing.connection.open_bi().await {
                    writing.all(send, messages).await;
                }
            }),
        );
        let key = self.key(MessageId { flow, seq: 0 });
        self.writers.lock().insert(key, Writer::Queue(sender));
    }

    /// Starts a task that writes messages to `stream`.
    fn write(self: &Arc<Self>, stream: SendStream) -> mpsc::UnboundedSender<Message> {
        let (sender, messages) = mpsc::unbounded_channel::<Message>();
        let writing = self.writing();
        let writing = async move { writing.all(stream, messages).await };
        self.host.spawn("a stream's writer", Box::pin(writing));
        sender
    }

    /// Starts a task that opens a stream for each unit, as the peer's limit on streams allows.
    fn open_per_unit(self: &Arc<Self>) -> mpsc::UnboundedSender<UnitToSend> {
        let (sender, mut units) = mpsc::unbounded_channel::<UnitToSend>();
        let (streams, writing) = (self.clone(), self.writing());
        self.host.spawn(
            "the stream opener",
            Box::pin(async move {
                while let Some(unit) = units.recv().await {
                    if unit.useful_until.is_some_and(|until| until <= streams.host.now()) {
                        continue;
                    }
                    let opening = pin!(streams.connection.open_bi());
                    let Ok((mut send, receive)) = streams.meter.opening(opening).await else {
                        return;
                    };
                    streams.read(receive, None);
                    if writing.unit(&mut send, &unit).await.is_err() {
                        return;
                    }
                    let _ = send.finish();
                    if let Some(until) = unit.useful_until {
                        streams.give_up_at(send, until);
                    }
                }
            }),
        );
        sender
    }

    /// Resets `stream` (RFC 9000 section 19.4) if the peer has not acknowledged all of it by `until`.
    fn give_up_at(self: &Arc<Self>, mut stream: SendStream, until: Time) {
        let sleep = self.host.sleep_until(until);
        self.host.spawn(
            "a stream that can be given up",
            Box::pin(async move {
                tokio::select! {
                    biased;
                    _ = stream.stopped() => {}
                    () = sleep => {
                        // Fails only if the stream is closed already.
                        let _ = stream.reset(0u32.into());
                    }
                }
            }),
        );
    }

    fn send_datagram(&self, (probe, length): Message) -> Result<(), ChannelError> {
        self.connection.send_datagram(probe.message(length).into()).map_err(|error| match error {
            SendDatagramError::TooLarge => ChannelError::TooLarge {
                len: length,
                max: self.connection.max_datagram_size().unwrap_or(0),
                peer: self.peer(),
            },
            SendDatagramError::ConnectionLost(e) => self.lost(e),
            other => ChannelError::Lost { peer: self.peer(), reason: other.to_string() },
        })
    }

    fn send_on_stream(&self, unit: &UnitToSend) -> Result<(), ChannelError> {
        let gone = || self.stream_closed();
        if let Some(opener) = &*self.opener.lock() {
            return opener.send(*unit).map_err(|_| gone());
        }
        let key = self.key(unit.first.id);
        let mut writers = self.writers.lock();
        match writers.get(&key) {
            Some(Writer::Queue(queue)) => {
                unit.messages().try_for_each(|message| queue.send(message).map_err(|_| gone()))
            }
            Some(Writer::Once(_)) => {
                let Some(Writer::Once(mut stream)) = writers.remove(&key) else {
                    return Err(gone());
                };
                let (writing, unit) = (self.writing(), *unit);
                self.host.spawn(
                    "a reply's writer",
                    Box::pin(async move {
                        if writing.unit(&mut stream, &unit).await.is_ok() {
                            let _ = stream.finish();
                        }
                    }),
                );
                Ok(())
            }
            None => Err(gone()),
        }
    }

    /// What tasks need that write to streams. A task that held all of `self` would keep its own queue open.
    fn writing(&self) -> Writing {
        let (meter, connection) = (self.meter.clone(), self.connection.clone());
        Writing { meter, connection, inbox: self.inbox.clone() }
    }

    /// Why a stream cannot be written any more.
    fn stream_closed(&self) -> ChannelError {
        let closed = || ChannelError::Lost { peer: self.peer(), reason: "the stream was closed".to_owned() };
        self.inbox.failure().unwrap_or_else(closed)
    }

    fn peer(&self) -> SocketAddr {
        self.connection.remote_address()
    }

    fn lost(&self, error: quinn::ConnectionError) -> ChannelError {
        ChannelError::lost(self.peer(), &error)
    }
}

/// Writes to the streams of a connection.
struct Writing {
    meter: Meter,
    connection: Connection,
    inbox: Inbox,
}

impl Writing {
    /// Writes messages to `stream` until their sender is gone.
    async fn all(self, mut stream: SendStream, mut messages: mpsc::UnboundedReceiver<Message>) {
        while let Some(message) = messages.recv().await {
            if self.message(&mut stream, message).await.is_err() {
                return;
            }
        }
        // Fails only if the stream is closed already.
        let _ = stream.finish();
    }

    async fn unit(&self, stream: &mut SendStream, unit: &UnitToSend) -> Result<(), quinn::WriteError> {
        for message in unit.messages() {
            self.message(stream, message).await?;
        }
        Ok(())
    }

    async fn message(&self, stream: &mut SendStream, message: Message) -> Result<(), quinn::WriteError> {
        let written = self.meter.writing(&self.connection, pin!(write_message(stream, message))).await;
        if let Err(quinn::WriteError::Stopped(code)) = written {
            fail_if_refused(&self.inbox, self.connection.remote_address(), code);
        }
        written
    }
}

/// Ends a queue if the peer has closed a stream by `code` for a limit of its own. Otherwise its messages would seem to
/// be lost on the way.
fn fail_if_refused(inbox: &Inbox, peer: SocketAddr, code: VarInt) {
    if code == TOO_LONG {
        let reason =
            "it holds no more of what arrives out of order (wirelab serve --max-window, --window-memory)";
        inbox.fail(ChannelError::Lost { peer, reason: reason.to_owned() });
    }
}

/// Messages of these lengths are written in one piece. Longer ones share their padding instead of copying it.
const IN_ONE_PIECE: RangeInclusive<usize> = EXTENDED_HEADER_BYTES..=4096;

async fn write_message(stream: &mut SendStream, (probe, length): Message) -> Result<(), quinn::WriteError> {
    if IN_ONE_PIECE.contains(&length) {
        return stream.write_chunk(probe.message(length).into()).await;
    }
    let head = probe.header(length);
    stream.write_chunk(Bytes::copy_from_slice(&head)).await?;
    for part in padding(head.len()..length) {
        stream.write_chunk(part).await?;
    }
    Ok(())
}

impl Channel for QuicChannel {
    fn send(&mut self, probe: Probe, length: usize) -> Result<(), ChannelError> {
        match self.streams.mapping {
            Mapping::Datagram => self.streams.send_datagram((probe, length)),
            _ => self.streams.send_on_stream(&UnitToSend::single(probe, length)),
        }
    }

    fn send_unit(&mut self, unit: &UnitToSend) -> Result<(), ChannelError> {
        match self.streams.mapping {
            Mapping::Datagram => unit.messages().try_for_each(|(probe, length)| self.send(probe, length)),
            _ => self.streams.send_on_stream(unit),
        }
    }

    fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Result<Delivery, ChannelError>> {
        self.streams.inbox.poll(cx)
    }

    fn recovery(&self) -> Recovery {
        Recovery { corrupted: *self.streams.corrupted.lock(), ..self.session.recovery() }
    }
}

impl Drop for QuicChannel {
    fn drop(&mut self) {
        self.streams.connection.close(0u32.into(), b"done");
    }
}
