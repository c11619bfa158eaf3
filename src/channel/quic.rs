//! An experiment's messages on QUIC: on one stream, a stream per flow, a stream per message, or datagrams.
//!
//! Streams are read unordered, so that one run yields both when bytes arrived and when order released them.

mod receive;
mod write;

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    pin::pin,
    sync::Arc,
    task::{Context, Poll},
};

use futures_util::FutureExt;
use quinn::{SendDatagramError, SendStream};
use tokio::sync::mpsc;

pub(super) use self::receive::Incoming;
pub use self::receive::Reading;
use self::write::{Message, Sequence, Writing, Written, write_messages, write_now, write_rest};
use super::{Channel, Delivery, Exchange, UnitToSend, inbox::Inbox};
use crate::{
    path::Host,
    tap::Tap,
    transport::{ChannelError, Mapping, Recovery, quic::QuicSession},
    unit::{Lock, Mutex, Time},
    wire::{MessageId, Probe},
};

/// One end of a QUIC connection.
pub(super) struct QuicChannel {
    streams: Arc<Streams>,
    session: QuicSession,
}

struct Streams {
    host: Arc<dyn Host>,
    writing: Writing,
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

/// Limit on the streams that a server has open at a time, if it sends on its own.
const SERVER_STREAMS: u32 = 65_536;

enum Writer {
    /// Writes messages in sequence.
    Sequence(Sequence),
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
            let opened_now = streams.writing.connection.open_bi().now_or_never();
            let stream = opened_now.ok_or_else(|| ChannelError::TooManyStreams {
                peer: streams.peer(),
                allowed: flow as usize,
                wanted: opened as usize,
            })?;
            let (send, receive) = stream.map_err(|e| streams.lost(e))?;
            let key = MessageId { flow, seq: 0 };
            streams.writers.lock().insert(key, streams.sequence(async { Some(send) }));
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
            streams.writing.connection.set_max_concurrent_bi_streams(SERVER_STREAMS.into());
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
            writing: Writing { meter: session.meter().clone(), connection: session.connection.clone() },
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
            _ => self.sequence(async { Some(stream) }),
        };
        self.writers.lock().insert(self.key(id), writer);
    }

    /// Opens a stream for the messages of `flow`, as soon as the peer allows it.
    fn open_for(&self, flow: u32) {
        let connection = self.writing.connection.clone();
        let opened = self.sequence(async move { connection.open_bi().await.ok().map(|(send, _)| send) });
        let key = self.key(MessageId { flow, seq: 0 });
        self.writers.lock().insert(key, opened);
    }

    fn sequence(&self, open: impl Future<Output = Option<SendStream>> + Send + 'static) -> Writer {
        Writer::Sequence(Sequence::new(&*self.host, self.writing.clone(), open))
    }

    /// Starts a task that opens a stream for each unit, as the peer's limit on streams allows.
    fn open_per_unit(self: &Arc<Self>) -> mpsc::UnboundedSender<UnitToSend> {
        let (sender, mut units) = mpsc::unbounded_channel::<UnitToSend>();
        let streams = self.clone();
        self.host.spawn(
            "the stream opener",
            Box::pin(async move {
                while let Some(unit) = units.recv().await {
                    if unit.useful_until.is_some_and(|until| until <= streams.host.now()) {
                        continue;
                    }
                    let opening = pin!(streams.writing.connection.open_bi());
                    let Ok((mut send, receive)) = streams.writing.meter.opening(opening).await else {
                        return;
                    };
                    streams.read(receive, None);
                    if write_messages(&mut send, unit.messages(), &streams.writing).await.is_err() {
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
        self.writing.connection.send_datagram(probe.message(length).into()).map_err(|error| match error {
            SendDatagramError::TooLarge => ChannelError::TooLarge {
                len: length,
                max: self.writing.connection.max_datagram_size().unwrap_or(0),
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
            Some(Writer::Sequence(sequence)) => sequence
                .add(&*self.host, &self.writing, self.writes_at_once(), unit.messages())
                .ok_or_else(gone),
            Some(Writer::Once(_)) => {
                let Some(Writer::Once(stream)) = writers.remove(&key) else {
                    return Err(gone());
                };
                self.write_once(stream, unit);
                Ok(())
            }
            None => Err(gone()),
        }
    }

    /// Writes the messages of `unit` to a stream of their own. If it does not take them at once, a task does that.
    fn write_once(&self, mut stream: SendStream, unit: &UnitToSend) {
        let mut messages = unit.messages();
        match if self.host.runs_next() {
            write_now(&mut stream, &mut messages)
        } else {
            Written::Until(Vec::new())
        } {
            // Fails only if the stream is closed already.
            Written::All => _ = stream.finish(),
            Written::Until(rest) => {
                let behind: Vec<Message> = messages.collect();
                let writing = self.writing.clone();
                let task = async move {
                    if write_rest(&mut stream, rest, &writing).await.is_ok()
                        && write_messages(&mut stream, behind, &writing).await.is_ok()
                    {
                        let _ = stream.finish();
                    }
                };
                self.host.spawn("a reply's writer", Box::pin(task));
            }
            Written::Failed => {}
        }
    }

    /// Whether messages in sequence are written where they are sent, with the same result as by a task. If both ends send
    /// on their own, quinn may have to send at the same instant.
    fn writes_at_once(&self) -> bool {
        self.exchange != Exchange::BothWays && self.host.runs_next()
    }

    fn stream_closed(&self) -> ChannelError {
        ChannelError::Lost { peer: self.peer(), reason: "the stream was closed".to_owned() }
    }

    fn peer(&self) -> SocketAddr {
        self.writing.connection.remote_address()
    }

    fn lost(&self, error: quinn::ConnectionError) -> ChannelError {
        ChannelError::lost(self.peer(), &error)
    }
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
        self.streams.writing.connection.close(0u32.into(), b"done");
    }
}
