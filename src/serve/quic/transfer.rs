//! A transfer on a QUIC connection.

use bytes::Bytes;
use quinn::{Connection, RecvStream};
use tokio::io::AsyncReadExt;

use crate::{
    path::timeout,
    serve::{conversation::serve_transfer, refusal::Refusal, worker::Worker},
    service::Service,
    transfer::{
        TransferError,
        bulk::{Messages, quic::bulk},
    },
    transport::{
        ChannelError, Mapping,
        quic::{Meter, QuicSession},
    },
    wire::{
        TransferMessage,
        transfer::{Fetch, TRANSFER_HEADER_BYTES, VERSION, body_length, is_fetch, version},
    },
};

/// Maximum number of streams that a client may have its content spread over.
const MAX_LANES: u32 = 1024;

/// Where the first message of a transfer comes.
pub(super) enum FirstMessage {
    /// On this stream, not yet read.
    OnStream(RecvStream),
    /// In this datagram.
    Datagram(Bytes),
}

/// Serves a transfer, which has the connection to itself.
pub(super) async fn serve(worker: &Worker, meter: &Meter, connection: &Connection, first: FirstMessage) {
    let Some((message, stream)) = read_first(worker, first).await else {
        worker.refuse(Refusal::Unanswerable);
        return;
    };
    let idle = worker.options.idle;
    let (mapping, flows) = match &message {
        Some(TransferMessage::Fetch(Fetch { datagrams: true, .. })) => (Mapping::Datagram, 1),
        Some(TransferMessage::Fetch(Fetch { lanes: 0, .. })) => (Mapping::Message, 1),
        Some(TransferMessage::Fetch(Fetch { lanes, .. })) => (Mapping::Flow, (*lanes).min(MAX_LANES)),
        _ if stream.is_none() => (Mapping::Datagram, 1),
        _ => (Mapping::One, 1),
    };
    let session = QuicSession::metered(connection.clone(), mapping, meter.clone());
    let mut bulk = bulk(&worker.host, session, flows, stream);
    let served = serve_transfer(worker, connection.remote_address(), message, bulk.ends()).await;
    if matches!(served, Ok(()) | Err(TransferError::Channel(ChannelError::OtherVersion(_)))) {
        // Closing the connection would discard what is still on its way.
        let _ = timeout(&*worker.host, idle, bulk.outgoing.finish()).await;
        // All has been acknowledged: the client may close when it likes, but need not delay a stop.
        tokio::select! {
            biased;
            _ = timeout(&*worker.host, idle, connection.closed()) => {}
            () = worker.tasks.draining() => {}
        }
    }
}

/// The stream that the first message comes on, and its first bytes, which have been read.
type Begun = (Bytes, RecvStream);

/// The first message, if it has been read, and the stream that others come on. `None` if it is not a message of a
/// transfer.
///
/// The first piece is left to the reader of the stream: until it is complete, no other stream would be read.
async fn read_first(
    worker: &Worker,
    first: FirstMessage,
) -> Option<(Option<TransferMessage>, Option<Begun>)> {
    if worker.options.service != Service::Echo {
        return None;
    }
    let mut stream = match first {
        FirstMessage::OnStream(stream) => stream,
        FirstMessage::Datagram(datagram) => {
            return Some((Some(TransferMessage::parse(&datagram).ok()?), None));
        }
    };
    let reading = async {
        let mut header = [0; TRANSFER_HEADER_BYTES];
        stream.read_exact(&mut header).await.ok()?;
        let asks = match version(&header)? {
            VERSION => body_length(&header).map(|_| is_fetch(&header))?,
            // Another version: the reader of the stream reports it.
            _ => false,
        };
        if !asks {
            return Some((None, Bytes::copy_from_slice(&header)));
        }
        let mut messages = Messages::new(header.as_slice().chain(&mut stream));
        let message = messages.next().await.ok()?;
        Some((Some(TransferMessage::parse(&message).ok()?), messages.unread()))
    };
    let (message, begun) = timeout(&*worker.host, worker.options.idle, reading).await.ok()??;
    Some((message, Some((begun, stream))))
}
