//! Transfers: discards what a client uploads, or sends the content that it asks for.
//!
//! Datagram transports have none: their clients do not prove their addresses, so a forged request would flood a victim.

use std::{
    net::SocketAddr,
    sync::{Arc, atomic::AtomicU64},
};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};

use super::aborted::Aborted;
use crate::{
    serve::worker::Worker,
    transfer::{
        self, Content, Sink, TransferError, Watch,
        bulk::{Ends, Messages, Moved, Nature, Outgoing, StreamIncoming, StreamOutgoing},
    },
    transport::ChannelError,
    wire::{TransferMessage, transfer::Fetch},
};

/// Pieces that a client may send beyond a missing one: a gigabyte of content on streams. They are recorded in one
/// megabyte. In datagrams, a piece counts as missing if it comes so many pieces late.
const MAX_PIECES_AHEAD: usize = 1 << 14;

/// Serves a transfer on a stream that begins with `bytes`. `moved` gets the counter of received bytes.
pub(crate) async fn transfer_on_stream<R, W>(
    worker: &Worker,
    peer: SocketAddr,
    moved: impl FnOnce(Arc<AtomicU64>) -> Moved,
    bytes: Vec<u8>,
    reader: &mut R,
    writer: &mut W,
) -> Result<(), Aborted>
where
    R: AsyncRead + Unpin + Send,
    W: AsyncWrite + Unpin + Send,
{
    let received = Arc::default();
    let moved = moved(Arc::clone(&received));
    let messages = Messages::counted(bytes.as_slice().chain(reader), received);
    let mut incoming = StreamIncoming { peer, messages };
    let mut outgoing = StreamOutgoing { peer, writer };
    let ends =
        Ends { outgoing: &mut outgoing, incoming: &mut incoming, nature: Nature::RELIABLE, moved: &moved };
    let served = serve_transfer(worker, peer, None, ends).await;
    outgoing.finish().await;
    served.map_err(|error| match error {
        TransferError::Channel(ChannelError::OtherVersion(_)) => Aborted::OtherVersion,
        _ => Aborted::Broken,
    })
}

/// Serves a transfer. `first` is its first message, if that has been read.
pub(crate) async fn serve_transfer(
    worker: &Worker,
    peer: SocketAddr,
    first: Option<TransferMessage>,
    ends: Ends<'_>,
) -> Result<(), TransferError> {
    worker.limit_rate(peer.ip(), 1).await;
    let counters = worker.counters.clone();
    let is_download = matches!(first, Some(TransferMessage::Fetch(_)));
    let moved = move |bytes: u64| {
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        if is_download { counters.sent(bytes) } else { counters.received(bytes) }
    };
    let watch = Watch {
        moved: Arc::new(moved),
        patience: worker.options.idle,
        most_ahead: MAX_PIECES_AHEAD,
        ..Watch::default()
    };
    let content = |fetch: &Fetch| Content::Generated { bytes: fetch.length, seed: fetch.seed };
    transfer::serve(&*worker.host, first, ends, &Sink::Nowhere, content, &watch).await?;
    worker.answered(1);
    Ok(())
}
