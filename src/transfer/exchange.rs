//! A transfer from one end to the other: what a client asks for, and how a server answers.

use super::{
    Content, Sink, TransferError, Watch,
    bulk::{Bulk, Incoming, Nature, Outgoing},
    receive::receive,
    send::{ASK_AGAIN, QUESTIONS, send},
};
use crate::{
    path::{Host, timeout},
    wire::transfer::{Fetch, Receipt, TransferMessage},
};

/// Sends `content` to the server, and returns what it says of it.
///
/// # Errors
///
/// Where it stopped before the server had said anything.
pub async fn upload(
    host: &dyn Host,
    bulk: &mut Bulk,
    content: &Content,
    watch: &Watch,
) -> Result<Receipt, TransferError> {
    let Bulk { outgoing, incoming, nature, .. } = bulk;
    send(host, content, (&mut **outgoing, &mut **incoming, *nature), watch).await
}

/// Has the server send content to `sink`, and returns what there is of it.
///
/// # Errors
///
/// Where it stopped, or what came is not what was sent.
pub async fn download(
    host: &dyn Host,
    bulk: &mut Bulk,
    (fetch, sink): (Fetch, &Sink),
    watch: &Watch,
) -> Result<Receipt, TransferError> {
    let Bulk { outgoing, incoming, nature, .. } = bulk;
    let request = TransferMessage::Fetch(fetch).encode();
    let mut first = None;
    if nature.reliable {
        outgoing.send(request).await?;
    } else {
        for question in 1..=QUESTIONS {
            outgoing.send(request.clone()).await?;
            match timeout(host, ASK_AGAIN, incoming.recv()).await {
                Ok(message) => {
                    first = TransferMessage::parse(&message?).ok();
                    break;
                }
                Err(_) if question == QUESTIONS => {
                    return Err(TransferError::Stalled(ASK_AGAIN * QUESTIONS));
                }
                Err(_) => {}
            }
        }
    }
    receive(host, first, sink, (&mut **outgoing, &mut **incoming, *nature), watch).await
}

/// Answers a client, whose `first` message may have come already: takes what it sends into `sink`, or sends the
/// `content` that it asks for.
///
/// # Errors
///
/// Where it stopped, or what came is not what was sent.
pub async fn serve(
    host: &dyn Host,
    first: Option<TransferMessage>,
    (outgoing, incoming, nature): (&mut dyn Outgoing, &mut dyn Incoming, Nature),
    (sink, content): (&Sink, impl FnOnce(&Fetch) -> Content),
    watch: &Watch,
) -> Result<Receipt, TransferError> {
    let first = match first {
        Some(first) => first,
        None => loop {
            match TransferMessage::parse(&watch.patiently(host, incoming.recv()).await?) {
                Ok(message) => break message,
                Err(error) if nature.reliable => return Err(error.into()),
                Err(_) => {}
            }
        },
    };
    if let TransferMessage::Fetch(fetch) = first {
        return send(host, &content(&fetch), (outgoing, incoming, nature), watch).await;
    }
    let receipt = receive(host, Some(first), sink, (outgoing, incoming, nature), watch).await?;
    if !nature.reliable {
        repeat(&receipt, (outgoing, incoming)).await;
    }
    Ok(receipt)
}

/// Says it again to a client that asks again, until it is gone.
async fn repeat(receipt: &Receipt, (outgoing, incoming): (&mut dyn Outgoing, &mut dyn Incoming)) {
    let receipt = TransferMessage::Receipt(receipt.clone()).encode();
    while let Ok(message) = incoming.recv().await {
        let asks = matches!(TransferMessage::parse(&message), Ok(TransferMessage::End { .. }));
        if asks && outgoing.send(receipt.clone()).await.is_err() {
            return;
        }
    }
}
