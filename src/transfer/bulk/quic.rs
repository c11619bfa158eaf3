//! Bulk data over a QUIC session: messages one after the other on one or several streams, each on its own stream, or
//! in DATAGRAM frames. Both ends send on unidirectional streams that they open themselves.

use std::{
    io,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use futures_util::FutureExt;
use quinn::{Connection, RecvStream, SendStream};
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    sync::mpsc,
};

use super::{Bulk, Incoming, Messages, Moved, Nature, Outgoing, stream::is_other_version};
use crate::{
    path::{BoxFuture, Host},
    transport::{
        ChannelError, Mapping,
        quic::{DATAGRAM_BYTES, Meter, QuicSession},
    },
    wire::transfer::Piece,
};

/// Messages that may wait for the application. Beyond them, flow control stops the peer.
const QUEUE: usize = 16;

/// One end of `session`. The session's mapping decides on which streams it sends; `flows` is their number if each flow
/// has one. `first` is a stream that was accepted already, with the bytes that were read from it.
pub(crate) fn bulk(
    host: &Arc<dyn Host>,
    session: QuicSession,
    flows: u32,
    first: Option<(Bytes, RecvStream)>,
) -> Bulk {
    let (connection, mapping) = (session.connection.clone(), session.mapping);
    let (arrived, arrivals) = mpsc::channel(QUEUE);
    let reader = Reader { connection: connection.clone(), arrived, received: Arc::default() };
    let received = reader.received.clone();
    if let Some((begun, stream)) = first {
        let reader = reader.clone();
        let reading = async move { reader.read((&begun[..]).chain(stream)).await };
        host.spawn("a stream's reader", Box::pin(reading));
    }
    let accepting = accept(host.clone(), reader.clone());
    host.spawn("the stream acceptor", Box::pin(accepting));
    let (outgoing, nature): (Box<dyn Outgoing>, _) = if mapping == Mapping::Datagram {
        host.spawn("the datagram reader", Box::pin(reader.read_datagrams()));
        (Box::new(Datagrams(connection)), Nature::datagrams(DATAGRAM_BYTES))
    } else {
        (Box::new(Lanes::new(&session, flows)), Nature::RELIABLE)
    };
    let session = Arc::new(session);
    let open = Open(session.clone());
    let acknowledging = session.clone();
    let acknowledged = move || acknowledging.acknowledged();
    Bulk {
        outgoing,
        incoming: Box::new(Arrivals { arrivals, open }),
        nature,
        moved: Moved::new(Some(acknowledged), move || received.load(Ordering::Relaxed)),
        recovery: Arc::new(move || session.recovery()),
    }
}

/// Closes the connection when its reader is dropped.
struct Open(Arc<QuicSession>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.connection.close(0u32.into(), b"done");
    }
}

/// Sends messages on several streams in turn.
struct Lanes {
    connection: Connection,
    meter: Meter,
    lanes: Vec<SendStream>,
    /// The number of streams. `None`: one for each message.
    most: Option<usize>,
    next: usize,
}

impl Lanes {
    fn new(session: &QuicSession, flows: u32) -> Self {
        let (connection, meter) = (session.connection.clone(), session.meter().clone());
        let most = match session.mapping {
            Mapping::Message => None,
            Mapping::Flow => Some(flows.max(1) as usize),
            _ => Some(1),
        };
        Self { connection, meter, lanes: Vec::new(), most, next: 0 }
    }

    /// Sends the parts of one message.
    async fn send_parts(&mut self, parts: &mut [Bytes]) -> Result<(), ChannelError> {
        let peer = self.connection.remote_address();
        let full = self.most.is_some_and(|most| self.lanes.len() >= most);
        if !full {
            let opening = self.connection.open_uni();
            let stream = match self.most {
                // Lanes stay open, so the peer grants no further streams.
                Some(most) => opening.now_or_never().ok_or_else(|| ChannelError::TooManyStreams {
                    peer: self.connection.remote_address(),
                    allowed: self.lanes.len(),
                    wanted: most,
                })?,
                None => self.meter.opening(pin!(opening)).await,
            };
            let stream = stream.map_err(|e| ChannelError::lost(peer, &e))?;
            self.next = self.lanes.len();
            self.lanes.push(stream);
        }
        let lane = &mut self.lanes[self.next];
        let written = self.meter.writing(&self.connection, pin!(lane.write_all_chunks(parts))).await;
        written.map_err(|e| ChannelError::lost(peer, &e))?;
        if self.most.is_none() {
            // Fails only if the stream is closed already. What was written is still sent.
            let _ = lane.finish();
            self.lanes.clear();
        }
        self.next = (self.next + 1) % self.lanes.len().max(1);
        Ok(())
    }
}

impl Outgoing for Lanes {
    fn send(&mut self, message: Bytes) -> BoxFuture<'_, Result<(), ChannelError>> {
        Box::pin(async move { self.send_parts(&mut [message]).await })
    }

    fn send_piece(&mut self, piece: Piece) -> BoxFuture<'_, Result<(), ChannelError>> {
        let header = Bytes::copy_from_slice(&piece.header());
        Box::pin(async move { self.send_parts(&mut [header, piece.bytes]).await })
    }

    fn finish(&mut self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            for lane in &mut self.lanes {
                // Fails only if the stream or the connection is closed already.
                let _ = lane.finish();
                let _ = lane.stopped().await;
            }
        })
    }
}

struct Datagrams(Connection);

impl Outgoing for Datagrams {
    fn send(&mut self, message: Bytes) -> BoxFuture<'_, Result<(), ChannelError>> {
        Box::pin(async move {
            let peer = self.0.remote_address();
            let sent = self.0.send_datagram_wait(message).await;
            sent.map_err(|e| ChannelError::lost(peer, &e))
        })
    }

    fn finish(&mut self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }
}

type Arrived = Result<Bytes, ChannelError>;

struct Arrivals {
    arrivals: mpsc::Receiver<Arrived>,
    open: Open,
}

impl Incoming for Arrivals {
    fn recv(&mut self) -> BoxFuture<'_, Arrived> {
        Box::pin(async move {
            let lost = || ChannelError::Lost {
                peer: self.open.0.connection.remote_address(),
                reason: "it was closed".to_owned(),
            };
            self.arrivals.recv().await.unwrap_or_else(|| Err(lost()))
        })
    }
}

/// Reads messages.
#[derive(Clone)]
struct Reader {
    connection: Connection,
    arrived: mpsc::Sender<Arrived>,
    /// Counts the bytes read, of incomplete messages too.
    received: Arc<AtomicU64>,
}

async fn accept(host: Arc<dyn Host>, reader: Reader) {
    loop {
        match reader.connection.accept_uni().await {
            Ok(stream) => host.spawn("a stream's reader", Box::pin(reader.clone().read(stream))),
            Err(e) => {
                // Fails only if the receiver is gone.
                let _ = reader.arrived.send(Err(reader.lost(&e))).await;
                return;
            }
        }
    }
}

impl Reader {
    fn lost(&self, error: &(dyn std::error::Error + 'static)) -> ChannelError {
        ChannelError::lost(self.connection.remote_address(), error)
    }

    /// Reads until the stream ends. A broken stream ends the transfer.
    async fn read(self, stream: impl AsyncRead + Unpin) {
        let mut messages = Messages::counted(stream, self.received.clone());
        loop {
            let message = match messages.next().await {
                Ok(message) => Ok(message),
                Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => return,
                Err(e) if is_other_version(&e) => {
                    Err(ChannelError::OtherVersion(self.connection.remote_address()))
                }
                Err(e) => Err(self.lost(&e)),
            };
            let over = message.is_err();
            if self.arrived.send(message).await.is_err() || over {
                return;
            }
        }
    }

    async fn read_datagrams(self) {
        // On a failure, the stream acceptor reports the reason.
        while let Ok(datagram) = self.connection.read_datagram().await {
            self.received.fetch_add(datagram.len() as u64, Ordering::Relaxed);
            if self.arrived.send(Ok(datagram)).await.is_err() {
                return;
            }
        }
    }
}
