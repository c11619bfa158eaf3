//! Transfers: takes what a client sends and keeps nothing of it, or sends it what it asks for.
//!
//! Raw UDP has none: its clients do not prove their addresses, and content for a forged one would be a weapon.

use std::{net::SocketAddr, sync::Arc};

use bytes::Bytes;
use quinn::{Connection, RecvStream};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};

use super::{Refusal, converse::Over, desk::Desk};
use crate::{
    path::timeout,
    service::Service,
    transfer::{self, Content, Sink, TransferError, Watch},
    transport::{
        Mapping,
        bulk::{FramedIncoming, FramedOutgoing, Incoming, Nature, Outgoing, read_message},
        quic::{QuicServer, bulk::QuicBulk},
    },
    wire::{TransferMessage, transfer::Fetch},
};

/// Pieces that a client may send ahead of one that it leaves out: a gigabyte's, remembered in one megabyte.
const MOST_AHEAD: usize = 1 << 14;
/// Streams that a client may have its content spread over.
const MOST_LANES: u32 = 1024;

/// Serves a transfer on a byte stream of which `bytes` have been read.
pub(super) async fn on_stream<R, W>(
    desk: &Desk,
    peer: SocketAddr,
    bytes: Vec<u8>,
    (reader, writer): (&mut R, &mut W),
) -> Result<(), Over>
where
    R: AsyncRead + Unpin + Send,
    W: AsyncWrite + Unpin + Send,
{
    let mut incoming = FramedIncoming { peer, reader: bytes.as_slice().chain(reader) };
    let mut outgoing = FramedOutgoing { peer, writer };
    let ends: (&mut dyn Outgoing, &mut dyn Incoming, _) = (&mut outgoing, &mut incoming, Nature::RELIABLE);
    let served = serve(desk, peer, None, ends).await;
    outgoing.finish().await;
    served.map_err(|_| Over::Broken)
}

/// How a transfer on a QUIC connection begins.
pub(super) enum First {
    /// With this stream.
    Stream(RecvStream),
    /// With this datagram.
    Datagram(Bytes),
}

/// Serves a transfer that has all of `connection` to itself.
pub(super) async fn on_quic(desk: &Desk, server: &QuicServer, connection: &Connection, first: First) {
    let Some((message, stream)) = begin(desk, first).await else {
        desk.counters.refuse(Refusal::Unanswerable);
        return;
    };
    let idle = desk.options.idle;
    let mapping = match &message {
        TransferMessage::Fetch(Fetch { datagrams: true, .. }) => (Mapping::Datagram, 1),
        TransferMessage::Fetch(Fetch { lanes: 0, .. }) => (Mapping::Message, 1),
        TransferMessage::Fetch(Fetch { lanes, .. }) => (Mapping::Flow, (*lanes).min(MOST_LANES)),
        _ if stream.is_none() => (Mapping::Datagram, 1),
        _ => (Mapping::One, 1),
    };
    let mut bulk = QuicBulk::server(&desk.host, server, connection.clone()).bulk(mapping, stream);
    let served = serve(desk, connection.remote_address(), Some(message), bulk.ends()).await;
    if served.is_ok() {
        // Until the client has it all, and is gone: a connection that is closed before takes it along.
        let _ = timeout(&*desk.host, idle, bulk.outgoing.finish()).await;
        let _ = timeout(&*desk.host, idle, connection.closed()).await;
    }
}

/// What is asked for, and the stream that the rest of it comes on; `None` if it is no transfer.
async fn begin(desk: &Desk, first: First) -> Option<(TransferMessage, Option<RecvStream>)> {
    if desk.options.service != Service::Echo {
        return None;
    }
    let (message, stream) = match first {
        First::Stream(mut stream) => {
            let read = timeout(&*desk.host, desk.options.idle, read_message(&mut stream)).await;
            (read.ok()?.ok()?, Some(stream))
        }
        First::Datagram(datagram) => (datagram, None),
    };
    Some((TransferMessage::parse(&message).ok()?, stream))
}

async fn serve(
    desk: &Desk,
    peer: SocketAddr,
    first: Option<TransferMessage>,
    ends: (&mut dyn Outgoing, &mut dyn Incoming, Nature),
) -> Result<(), TransferError> {
    desk.hold_up(peer.ip(), 1).await;
    let counters = desk.counters.clone();
    let downloads = matches!(first, Some(TransferMessage::Fetch(_)));
    let moved = move |bytes: u64| {
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        if downloads { counters.sent(bytes) } else { counters.received(bytes) }
    };
    let watch = Watch {
        moved: Arc::new(moved),
        patience: desk.options.idle,
        most_ahead: MOST_AHEAD,
        ..Watch::default()
    };
    let content = |fetch: &Fetch| Content::Generated { bytes: fetch.length, seed: fetch.seed };
    transfer::serve(&*desk.host, first, ends, (&Sink::Nowhere, content), &watch).await?;
    desk.answered(1);
    Ok(())
}
