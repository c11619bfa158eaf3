//! A transfer from one end to the other: what a client asks for, and how a server answers.

use super::{
    Content, Sink, TransferError, Watch,
    bulk::{Bulk, Ends, Incoming, Outgoing},
    receive::receive,
    send::{ASK_AGAIN, QUESTIONS, send},
};
use crate::{
    path::{Host, timeout},
    transport::ChannelError,
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
    send(host, content, bulk.ends(), watch).await
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
    let ends = bulk.ends();
    let request = TransferMessage::Fetch(fetch).encode();
    let mut first = None;
    if ends.nature.reliable {
        ends.outgoing.send(request).await?;
    } else {
        for question in 1..=QUESTIONS {
            ends.outgoing.send(request.clone()).await?;
            match timeout(host, ASK_AGAIN, ends.incoming.recv()).await {
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
    receive(host, first, sink, ends, watch).await
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
    mut ends: Ends<'_>,
    (sink, content): (&Sink, impl FnOnce(&Fetch) -> Content),
    watch: &Watch,
) -> Result<Receipt, TransferError> {
    let first = match first {
        Some(first) => Ok(first),
        None => first_message(host, &mut ends, watch).await,
    };
    if let Err(TransferError::Channel(ChannelError::OtherVersion(_))) = first {
        // Any message tells the client our version. If this fails, the client has gone.
        let _ = ends.outgoing.send(TransferMessage::Receipt(Receipt::default()).encode()).await;
    }
    let first = first?;
    if let TransferMessage::Fetch(fetch) = first {
        return send(host, &content(&fetch), ends, watch).await;
    }
    let receipt = receive(host, Some(first), sink, ends.again(), watch).await?;
    if !ends.nature.reliable {
        repeat(&receipt, (ends.outgoing, ends.incoming)).await;
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
    watch.patiently(host, || moved.received().unwrap_or(0), message).await
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
