//! The receiver of content.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use super::{
    Assembly, Sink, TransferError, Watch,
    bulk::{Ends, Incoming},
};
use crate::{
    path::{Host, timeout},
    wire::transfer::{Receipt, TransferMessage},
};

/// How long to wait for datagrams that arrive after the end although they were sent before it.
const SETTLE: Duration = Duration::from_millis(500);

/// Receives content into `sink` and sends the receipt. The `first` message may have arrived already.
///
/// Returns an error if the transfer stopped before the end, or if the received content differs from what was sent. Parts
/// lost by a datagram transport are not an error: the receipt lists them.
pub(super) async fn receive(
    host: &dyn Host,
    first: Option<TransferMessage>,
    sink: &Sink,
    ends: Ends<'_>,
    watch: &Watch,
) -> Result<Receipt, TransferError> {
    let Ends { outgoing, incoming, nature, moved } = ends;
    let assembly = match nature.reliable {
        true => Assembly::new(watch.most_ahead),
        false => Assembly::of_datagrams(watch.most_ahead),
    };
    let mut receiver = Receiver { assembly, sink, watch };
    let messages = AtomicU64::new(0);
    if let Some(message) = first {
        receiver.take(message)?;
    }
    let receiving = receiver.receive(host, incoming, nature.reliable, &messages);
    // Messages count as progress too, because some transports do not count bytes.
    let moved = || moved.received().unwrap_or(0) + messages.load(Ordering::Relaxed);
    let received = watch.while_progressing(host, moved, receiving).await;
    match received {
        // No receipt: nothing that the sender does would help, for example if the disk is full.
        Err(error @ TransferError::Content { .. }) => return Err(error),
        Err(error @ TransferError::Channel(_)) if nature.reliable => return Err(error),
        // On other errors the receipt tells the sender that this end has given up.
        _ => {}
    }
    let receipt = receiver.assembly.receipt();
    let answered = outgoing.send(TransferMessage::Receipt(receipt.clone()).encode()).await;
    received?;
    // An intact transfer has succeeded even if the receipt cannot be sent.
    if !receipt.intact {
        answered?;
    }
    if receiver.assembly.is_whole() == Some(true) && !receipt.intact {
        return Err(TransferError::Mismatch);
    }
    Ok(receipt)
}

struct Receiver<'a> {
    assembly: Assembly,
    sink: &'a Sink,
    watch: &'a Watch,
}

impl Receiver<'_> {
    /// Receives messages until the content is whole, or until no more datagrams follow the end.
    async fn receive(
        &mut self,
        host: &dyn Host,
        incoming: &mut dyn Incoming,
        reliable: bool,
        messages: &AtomicU64,
    ) -> Result<(), TransferError> {
        loop {
            let next = match (self.assembly.is_whole(), reliable) {
                (Some(true), _) => return Ok(()),
                // Datagrams arrive whole, so a cancelled receive loses nothing.
                (Some(false), false) => match timeout(host, SETTLE, incoming.recv()).await {
                    Ok(next) => next?,
                    Err(_) => return Ok(()),
                },
                _ => incoming.recv().await?,
            };
            messages.fetch_add(1, Ordering::Relaxed);
            match TransferMessage::parse(&next) {
                Ok(message) => self.take(message)?,
                Err(error) if reliable => return Err(error.into()),
                // A corrupted datagram counts as lost.
                Err(_) => {}
            }
        }
    }

    fn take(&mut self, message: TransferMessage) -> Result<(), TransferError> {
        match message {
            TransferMessage::Piece(piece) => {
                if self.assembly.piece(&piece)? {
                    self.sink.write(piece.offset, &piece.bytes)?;
                    (self.watch.moved)(piece.bytes.len() as u64);
                }
            }
            TransferMessage::End { length, digest } => self.assembly.end(length, digest),
            TransferMessage::Fetch(_) => return Err(TransferError::Echo),
            TransferMessage::Receipt(_) => {}
        }
        Ok(())
    }
}
