//! The sender of content.

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
    wire::transfer::{Digest, PIECE_BYTES, Receipt, TRANSFER_HEADER_BYTES, TransferMessage, content_of},
};

/// Over datagrams, a message that requires an answer is repeated after this time …
pub(super) const REPEAT_AFTER: Duration = Duration::from_secs(1);
/// … and sent this many times.
pub(super) const ATTEMPTS: u32 = 30;

/// Sends `content`, and returns the receipt.
///
/// Returns an error if the transfer stopped before a receipt arrived.
pub(super) async fn send(
    host: &dyn Host,
    content: &Content,
    ends: Ends<'_>,
    watch: &Watch,
) -> Result<Receipt, TransferError> {
    let Ends { outgoing, incoming, nature, moved } = ends;
    let progress = Progress { bytes: content.bytes(), ..Progress::default() };
    let arrived = || {
        let handed = || progress.handed.load(Ordering::Relaxed);
        let content = |bytes| content_of(bytes, nature.message_bytes);
        progress.report(watch, moved.acknowledged().map_or_else(handed, content));
        progress.reported.load(Ordering::Relaxed) + moved.received().unwrap_or(0)
    };
    let sending = async {
        let mut answer = pin!(answer(incoming, nature));
        let (outgoing, length, digest) = tokio::select! {
            biased;
            // A receipt before the end: the receiver has given up.
            early = &mut answer => return early,
            sent = pieces(content, outgoing, nature, &progress) => sent?,
        };
        let end = TransferMessage::End { length, digest }.encode();
        if nature.reliable {
            outgoing.send(end).await?;
            return answer.await;
        }
        repeat_end(host, end, outgoing, answer).await
    };
    let receipt = watch.while_progressing(host, arrived, sending).await?;
    progress.report(watch, receipt.arrived);
    Ok(receipt)
}

/// Progress of an upload, in bytes.
#[derive(Debug, Default)]
struct Progress {
    /// Length of the content.
    bytes: u64,
    /// Handed to the transport.
    handed: AtomicU64,
    /// Reported as arrived.
    reported: AtomicU64,
}

impl Progress {
    fn report(&self, watch: &Watch, arrived: u64) {
        let arrived = arrived.min(self.bytes);
        let before = self.reported.fetch_max(arrived, Ordering::Relaxed);
        if arrived > before {
            (watch.moved)(arrived - before);
        }
    }
}

/// Sends the end until it is answered.
async fn repeat_end(
    host: &dyn Host,
    end: Bytes,
    outgoing: &mut dyn Outgoing,
    mut answer: Pin<&mut impl Future<Output = Result<Receipt, TransferError>>>,
) -> Result<Receipt, TransferError> {
    for _ in 0..ATTEMPTS {
        outgoing.send(end.clone()).await?;
        if let Ok(receipt) = timeout(host, REPEAT_AFTER, &mut answer).await {
            return receipt;
        }
    }
    Err(TransferError::Stalled(REPEAT_AFTER * ATTEMPTS))
}

/// The next receipt. On a datagram transport other messages are ignored; on a reliable one only an echo sends them.
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
    outgoing: &'a mut dyn Outgoing,
    nature: Nature,
    progress: &Progress,
) -> Result<(&'a mut dyn Outgoing, u64, Digest), TransferError> {
    let mut source = content.open()?;
    let size = nature.message_bytes.saturating_sub(TRANSFER_HEADER_BYTES).clamp(1, PIECE_BYTES);
    let (mut offset, mut whole) = (0, WholeDigest::new());
    loop {
        let piece = source.next(offset, size).map_err(|e| content.unreadable(e))?;
        let length = piece.bytes.len() as u64;
        if length == 0 {
            return Ok((outgoing, offset, whole.finish()));
        }
        whole.add(piece.check());
        outgoing.send_piece(piece).await?;
        offset += length;
        progress.handed.store(offset, Ordering::Relaxed);
        // A transport that always has room would starve the other tasks of this thread.
        path::consume_budget().await;
    }
}
