//! The end that has the content.

use std::{
    future::Future,
    pin::{Pin, pin},
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use bytes::Bytes;

use super::{
    Content, TransferError, Watch,
    assembly::WholeDigest,
    bulk::{Ends, Incoming, Nature, Outgoing},
};
use crate::{
    path::{self, Host, timeout},
    wire::transfer::{
        Digest, PIECE_BYTES, Piece, Receipt, TRANSFER_HEADER_BYTES, TransferMessage, content_of,
    },
};

/// How long a datagram transport is given to answer the end …
pub(super) const ASK_AGAIN: Duration = Duration::from_secs(1);
/// … and how often it is asked.
pub(super) const QUESTIONS: u32 = 30;

/// Sends `content`, and returns what the receiver says of it.
///
/// # Errors
///
/// Where it stopped before the receiver had said anything.
pub(super) async fn send(
    host: &dyn Host,
    content: &Content,
    ends: Ends<'_>,
    watch: &Watch,
) -> Result<Receipt, TransferError> {
    let Ends { outgoing, incoming, nature, moved } = ends;
    let tally = Tally { bytes: content.bytes(), ..Tally::default() };
    let arrived = || {
        let handed = || tally.handed.load(Ordering::Relaxed);
        let content = |bytes| content_of(bytes, nature.message_bytes);
        tally.tell(watch, moved.acknowledged().map_or_else(handed, content));
        tally.told.load(Ordering::Relaxed) + moved.received().unwrap_or(0)
    };
    let sending = async {
        let mut answer = pin!(answer(incoming, nature));
        let (outgoing, length, digest) = tokio::select! {
            biased;
            // Nothing is to be said before the end: the receiver has given up.
            early = &mut answer => return early,
            sent = pieces(content, (outgoing, nature), &tally) => sent?,
        };
        let end = TransferMessage::End { length, digest }.encode();
        if nature.reliable {
            outgoing.send(end).await?;
            return answer.await;
        }
        ask(host, end, outgoing, answer).await
    };
    let receipt = watch.patiently(host, arrived, sending).await?;
    tally.tell(watch, receipt.arrived);
    Ok(receipt)
}

/// How far the content has come.
#[derive(Debug, Default)]
struct Tally {
    /// How much there is.
    bytes: u64,
    /// Handed to the transport.
    handed: AtomicU64,
    /// Told as arrived.
    told: AtomicU64,
}

impl Tally {
    fn tell(&self, watch: &Watch, arrived: u64) {
        let arrived = arrived.min(self.bytes);
        let before = self.told.fetch_max(arrived, Ordering::Relaxed);
        if arrived > before {
            (watch.moved)(arrived - before);
        }
    }
}

/// Says that this was all until it is answered.
async fn ask(
    host: &dyn Host,
    end: Bytes,
    outgoing: &mut dyn Outgoing,
    mut answer: Pin<&mut impl Future<Output = Result<Receipt, TransferError>>>,
) -> Result<Receipt, TransferError> {
    for _ in 0..QUESTIONS {
        outgoing.send(end.clone()).await?;
        if let Ok(receipt) = timeout(host, ASK_AGAIN, &mut answer).await {
            return receipt;
        }
    }
    Err(TransferError::Stalled(ASK_AGAIN * QUESTIONS))
}

/// The next receipt. On a datagram transport anything else is ignored.
async fn answer(incoming: &mut dyn Incoming, nature: Nature) -> Result<Receipt, TransferError> {
    loop {
        match TransferMessage::parse(&incoming.recv().await?) {
            Ok(TransferMessage::Receipt(receipt)) => return Ok(receipt),
            Ok(_) if nature.reliable => return Err(TransferError::Echo),
            _ => {}
        }
    }
}

async fn pieces<'a>(
    content: &Content,
    (outgoing, nature): (&'a mut dyn Outgoing, Nature),
    tally: &Tally,
) -> Result<(&'a mut dyn Outgoing, u64, Digest), TransferError> {
    let mut source = content.open()?;
    let size = nature.message_bytes.saturating_sub(TRANSFER_HEADER_BYTES).clamp(1, PIECE_BYTES);
    let (mut offset, mut whole) = (0, WholeDigest::new());
    loop {
        let bytes = source.next(size).map_err(|e| content.unreadable(e))?;
        if bytes.is_empty() {
            return Ok((outgoing, offset, whole.finish()));
        }
        let length = bytes.len() as u64;
        let piece = Piece::new(offset, bytes);
        whole.add(piece.check());
        outgoing.send_piece(piece).await?;
        offset += length;
        tally.handed.store(offset, Ordering::Relaxed);
        // A transport that always has room would keep all other tasks of this thread waiting.
        path::consume_budget().await;
    }
}
