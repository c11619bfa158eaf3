//! The end that wants the content.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use super::{
    Assembly, Sink, TransferError, Watch,
    bulk::{Ends, Incoming, Nature},
};
use crate::{
    path::{Host, timeout},
    wire::transfer::{Receipt, TransferMessage},
};

/// How much later than the end a datagram may come that was sent before it.
const SETTLE: Duration = Duration::from_millis(500);

/// Receives content into `sink`, of which `first` has come already, and tells the sender what became of it.
///
/// # Errors
///
/// Where it stopped before its end had come, or what came is not what was sent. A datagram transport that has lost
/// parts is no error, and its receipt says which.
pub(super) async fn receive(
    host: &dyn Host,
    first: Option<TransferMessage>,
    sink: &Sink,
    ends: Ends<'_>,
    watch: &Watch,
) -> Result<Receipt, TransferError> {
    let Ends { outgoing, incoming, nature, moved } = ends;
    let mut assembly = Assembly::new(watch.most_ahead);
    let messages = AtomicU64::new(0);
    if let Some(message) = first {
        take(&mut assembly, message, sink, watch)?;
    }
    let arriving = arrive(host, &mut assembly, sink, (incoming, nature, &messages), watch);
    // A transport that tells nothing of its bytes is judged by its messages.
    let moved = || moved.received().unwrap_or(0) + messages.load(Ordering::Relaxed);
    let arriving = watch.patiently(host, moved, arriving).await;
    match arriving {
        // A full disk is no news for the sender.
        Err(error @ TransferError::Content { .. }) => return Err(error),
        Err(error @ TransferError::Channel(_)) if nature.reliable => return Err(error),
        // A receiver that cannot go on says so, or its sender would only find a connection gone.
        _ => {}
    }
    let receipt = assembly.receipt();
    let told = outgoing.send(TransferMessage::Receipt(receipt.clone()).encode()).await;
    arriving?;
    // Who has it all needs nobody to know.
    if !receipt.intact {
        told?;
    }
    if assembly.is_whole() == Some(true) && !receipt.intact {
        return Err(TransferError::Mismatch);
    }
    Ok(receipt)
}

/// Takes in messages until all has come, or as much as will.
async fn arrive(
    host: &dyn Host,
    assembly: &mut Assembly,
    sink: &Sink,
    (incoming, nature, messages): (&mut dyn Incoming, Nature, &AtomicU64),
    watch: &Watch,
) -> Result<(), TransferError> {
    loop {
        let next = match (assembly.is_whole(), nature.reliable) {
            (Some(true), _) => return Ok(()),
            // An interrupted wait loses nothing: datagrams come whole.
            (Some(false), false) => match timeout(host, SETTLE, incoming.recv()).await {
                Ok(next) => next?,
                Err(_) => return Ok(()),
            },
            _ => incoming.recv().await?,
        };
        messages.fetch_add(1, Ordering::Relaxed);
        match TransferMessage::parse(&next) {
            Ok(message) => take(assembly, message, sink, watch)?,
            Err(error) if nature.reliable => return Err(error.into()),
            // As if it were lost.
            Err(_) => {}
        }
    }
}

fn take(
    assembly: &mut Assembly,
    message: TransferMessage,
    sink: &Sink,
    watch: &Watch,
) -> Result<(), TransferError> {
    match message {
        TransferMessage::Piece(piece) => {
            if assembly.piece(&piece)? {
                sink.write(piece.offset, &piece.bytes)?;
                (watch.moved)(piece.bytes.len() as u64);
            }
        }
        TransferMessage::End { length, digest } => assembly.end(length, digest),
        TransferMessage::Fetch(_) => return Err(TransferError::Echo),
        TransferMessage::Receipt(_) => {}
    }
    Ok(())
}
