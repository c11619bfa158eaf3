//! Both roles of a transfer: a client uploads or downloads, a server answers.

use super::{
    Content, Sink, TransferError, Watch,
    bulk::{Bulk, Ends},
    receive::receive,
    send::{ATTEMPTS, REPEAT_AFTER, send},
};
use crate::{
    path::{Host, timeout},
    transport::ChannelError,
    wire::transfer::{Fetch, Receipt, TransferMessage},
};

/// Sends `content` to the server, and returns its receipt.
///
/// Returns an error if the transfer stopped before a receipt arrived.
pub(crate) async fn upload(
    host: &dyn Host,
    bulk: &mut Bulk,
    content: &Content,
    watch: &Watch,
) -> Result<Receipt, TransferError> {
    send(host, content, bulk.ends(), watch).await
}

/// Fetches content from the server into `sink`, and returns the receipt.
///
/// Returns an error if the transfer stopped, or if the received content differs from what was sent.
pub(crate) async fn download(
    host: &dyn Host,
    bulk: &mut Bulk,
    fetch: Fetch,
    sink: &Sink,
    watch: &Watch,
) -> Result<Receipt, TransferError> {
    let ends = bulk.ends();
    let request = TransferMessage::Fetch(fetch).encode();
    let mut first = None;
    if ends.nature.reliable {
        ends.outgoing.send(request).await?;
    } else {
        for attempt in 1..=ATTEMPTS {
            ends.outgoing.send(request.clone()).await?;
            match timeout(host, REPEAT_AFTER, ends.incoming.recv()).await {
                Ok(message) => {
                    first = TransferMessage::parse(&message?).ok();
                    break;
                }
                Err(_) if attempt == ATTEMPTS => {
                    return Err(TransferError::Stalled(REPEAT_AFTER * ATTEMPTS));
                }
                Err(_) => {}
            }
        }
    }
    receive(host, first, sink, ends, watch).await
}

/// Answers a client, whose `first` message may have arrived already: receives an upload into `sink`, or sends the
/// requested `content`.
///
/// Returns an error if the transfer stopped, or if the received content differs from what was sent.
pub(crate) async fn serve(
    host: &dyn Host,
    first: Option<TransferMessage>,
    mut ends: Ends<'_>,
    sink: &Sink,
    content: impl FnOnce(&Fetch) -> Content,
    watch: &Watch,
) -> Result<Receipt, TransferError> {
    let first = match first {
        Some(first) => Ok(first),
        None => first_message(host, &mut ends, watch).await,
    };
    if let Err(TransferError::Channel(ChannelError::OtherVersion(_))) = first {
        // Any message tells the client the version of this end. If sending fails, the client has gone.
        let _ = ends.outgoing.send(TransferMessage::Receipt(Receipt::default()).encode()).await;
    }
    let first = first?;
    if let TransferMessage::Fetch(fetch) = first {
        return send(host, &content(&fetch), ends, watch).await;
    }
    let receipt = receive(host, Some(first), sink, ends.again(), watch).await?;
    if !ends.nature.reliable {
        repeat(&receipt, ends).await;
    }
    Ok(receipt)
}

async fn first_message(
    host: &dyn Host,
    ends: &mut Ends<'_>,
    watch: &Watch,
) -> Result<TransferMessage, TransferError> {
    let Ends { incoming, nature, moved, .. } = ends;
    let message = async {
        loop {
            match TransferMessage::parse(&incoming.recv().await?) {
                Ok(message) => return Ok(message),
                Err(error) if nature.reliable => return Err(error.into()),
                Err(_) => {}
            }
        }
    };
    watch.while_progressing(host, || moved.received().unwrap_or(0), message).await
}

/// Repeats the receipt whenever the client repeats the end: the receipt was lost.
async fn repeat(receipt: &Receipt, Ends { outgoing, incoming, .. }: Ends<'_>) {
    let receipt = TransferMessage::Receipt(receipt.clone()).encode();
    while let Ok(message) = incoming.recv().await {
        let is_end = matches!(TransferMessage::parse(&message), Ok(TransferMessage::End { .. }));
        if is_end && outgoing.send(receipt.clone()).await.is_err() {
            return;
        }
    }
}
