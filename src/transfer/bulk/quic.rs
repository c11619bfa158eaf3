//! Bulk data over a QUIC session: messages one after the other on one or several streams, each on its own stream, or
//! in DATAGRAM frames. Both ends send on unidirectional streams that they open themselves.

use std::sync::Arc;

use bytes::Bytes;
use quinn::{Connection, RecvStream, SendStream};
use tokio::sync::mpsc;

use super::{Bulk, Incoming, Nature, Outgoing, read_message};
use crate::{
    path::{BoxFuture, Host},
    transport::{
        ChannelError, Mapping,
        quic::{DATAGRAM_BYTES, QuicSession},
    },
};

/// Messages that may wait for the application. Beyond them, flow control stops the peer.
const QUEUE: usize = 16;

/// An end that sends as the session's mapping says, on `flows` streams where each flow has one. It receives whatever
/// comes, after what comes on the stream `first`, which was accepted already.
pub(crate) fn bulk(
    host: &Arc<dyn Host>,
    session: QuicSession,
    flows: u32,
    first: Option<RecvStream>,
) -> Bulk {
    let (connection, mapping) = (session.connection.clone(), session.mapping);
    let (arrived, arrivals) = mpsc::channel(QUEUE);
    if let Some(stream) = first {
        let reading = read(connection.clone(), stream, arrived.clone());
        host.spawn("a stream's reader", Box::pin(reading));
    }
    let accepting = accept(host.clone(), connection.clone(), arrived.clone());
    host.spawn("the stream acceptor", Box::pin(accepting));
    let (outgoing, nature): (Box<dyn Outgoing>, _) = if mapping == Mapping::Datagram {
        host.spawn("the datagram reader", Box::pin(read_datagrams(connection.clone(), arrived)));
        (Box::new(Datagrams(connection)), Nature::datagrams(DATAGRAM_BYTES))
    } else {
        (Box::new(Lanes::new(connection, mapping, flows)), Nature::RELIABLE)
    };
    let session = Arc::new(session);
    let open = Open(session.clone());
    Bulk {
        outgoing,
        incoming: Box::new(Arrivals { arrivals, open }),
        nature,
        recovery: Box::new(move || session.recovery()),
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
    lanes: Vec<SendStream>,
    /// The number of streams. `None`: one for each message.
    most: Option<usize>,
    next: usize,
}

impl Lanes {
    fn new(connection: Connection, mapping: Mapping, flows: u32) -> Self {
        let most = match mapping {
            Mapping::Message => None,
            Mapping::Flow => Some(flows.max(1) as usize),
            _ => Some(1),
        };
        Self { connection, lanes: Vec::new(), most, next: 0 }
    }

    async fn send(&mut self, message: Bytes) -> Result<(), ChannelError> {
        let peer = self.connection.remote_address();
        let full = self.most.is_some_and(|most| self.lanes.len() >= most);
        if !full {
            let stream = self.connection.open_uni().await;
            let stream = stream.map_err(|e| ChannelError::lost(peer, &e))?;
            self.next = self.lanes.len();
            self.lanes.push(stream);
        }
        let lane = &mut self.lanes[self.next];
        lane.write_chunk(message).await.map_err(|e| ChannelError::lost(peer, &e))?;
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
        Box::pin(self.send(message))
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

async fn accept(host: Arc<dyn Host>, connection: Connection, arrived: mpsc::Sender<Arrived>) {
    loop {
        match connection.accept_uni().await {
            Ok(stream) => {
                let reading = read(connection.clone(), stream, arrived.clone());
                host.spawn("a stream's reader", Box::pin(reading));
            }
            Err(e) => {
                let peer = connection.remote_address();
                // Fails only if the reader was dropped.
                let _ = arrived.send(Err(ChannelError::lost(peer, &e))).await;
                return;
            }
        }
    }
}

/// Reads messages until the stream ends. A broken stream ends the transfer.
async fn read(connection: Connection, mut stream: RecvStream, arrived: mpsc::Sender<Arrived>) {
    loop {
        let message = read_message(&mut stream).await;
        let message = match message {
            Ok(message) => Ok(message),
            Err(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => return,
            Err(e) => Err(ChannelError::lost(connection.remote_address(), &e)),
        };
        let over = message.is_err();
        if arrived.send(message).await.is_err() || over {
            return;
        }
    }
}

async fn read_datagrams(connection: Connection, arrived: mpsc::Sender<Arrived>) {
    // On a failure, the stream acceptor reports the reason.
    while let Ok(datagram) = connection.read_datagram().await {
        if arrived.send(Ok(datagram)).await.is_err() {
            return;
        }
    }
}
