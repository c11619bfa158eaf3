//! A transfer on a QUIC connection.

use bytes::Bytes;
use quinn::{Connection, RecvStream};

use crate::{
    path::timeout,
    serve::{conversation::serve_transfer, refusal::Refusal, worker::Worker},
    service::Service,
    transfer::bulk::{quic::bulk, read_message},
    transport::{Mapping, quic::QuicServer},
    wire::{TransferMessage, transfer::Fetch},
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
pub(super) async fn serve(
    worker: &Worker,
    server: &QuicServer,
    connection: &Connection,
    first: FirstMessage,
) {
    let Some((message, stream)) = read_first(worker, first).await else {
        worker.refuse(Refusal::Unanswerable);
        return;
    };
    let idle = worker.options.idle;
    let (mapping, flows) = match &message {
        TransferMessage::Fetch(Fetch { datagrams: true, .. }) => (Mapping::Datagram, 1),
        TransferMessage::Fetch(Fetch { lanes: 0, .. }) => (Mapping::Message, 1),
        TransferMessage::Fetch(Fetch { lanes, .. }) => (Mapping::Flow, (*lanes).min(MAX_LANES)),
        _ if stream.is_none() => (Mapping::Datagram, 1),
        _ => (Mapping::One, 1),
    };
    let session = server.session(connection.clone(), mapping);
    let mut bulk = bulk(&worker.host, session, flows, stream);
    let served = serve_transfer(worker, connection.remote_address(), Some(message), bulk.ends()).await;
    if served.is_ok() {
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

/// The first message, and the stream that the others come on. `None` if it is not a message of a transfer.
async fn read_first(worker: &Worker, first: FirstMessage) -> Option<(TransferMessage, Option<RecvStream>)> {
    if worker.options.service != Service::Echo {
        return None;
    }
    let (message, stream) = match first {
        FirstMessage::OnStream(mut stream) => {
            let read = timeout(&*worker.host, worker.options.idle, read_message(&mut stream)).await;
            (read.ok()?.ok()?, Some(stream))
        }
        FirstMessage::Datagram(datagram) => (datagram, None),
    };
    Some((TransferMessage::parse(&message).ok()?, stream))
}
