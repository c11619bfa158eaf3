//! The QUIC performance protocol (draft-banks-quic-performance-00): a stream begins with the number of bytes that its
//! sender requests.
//!
//! A response is written from one block as fast as the client takes it, so its length costs no memory.

use std::sync::LazyLock;

use bytes::Bytes;
use quinn::{Connection, ReadExactError, RecvStream, SendStream, VarInt};

use crate::serve::{
    conversation::{Aborted, within_idle},
    worker::Worker,
};

/// The application protocol (section 2.1).
pub(super) const ALPN: &[u8] = b"perf";

/// The content of responses. Not a constant, which would be in the program.
static BLOCK: LazyLock<Bytes> = LazyLock::new(|| Bytes::from(vec![0; 64 * 1024]));

/// Serves a bidirectional stream: the response goes back on it.
pub(super) async fn bidirectional(worker: &Worker, mut send: SendStream, mut receive: RecvStream) {
    let served = async {
        // A stream that ends before it states a length gets an empty response (section 2.3.1).
        let requested = read_length(worker, &mut receive).await?;
        // A client may wait for the response before it ends its own side, or send while it receives.
        let (discarded, responded) = tokio::join!(discard_all(worker, &mut receive), async {
            respond(worker, &mut send, requested.unwrap_or(0)).await?;
            finish(worker, &mut send).await
        });
        discarded.and(responded)?;
        if requested.is_some() {
            worker.answered(1);
        }
        Ok::<_, Aborted>(())
    };
    if served.await.is_err() {
        // Fails only if the client has closed the stream already.
        let _ = send.reset(VarInt::from_u32(1));
    }
}

/// Serves a unidirectional stream: the response, if one is requested, goes back on a new stream.
pub(super) async fn unidirectional(worker: &Worker, connection: &Connection, mut receive: RecvStream) {
    let served: Result<(), Aborted> = async {
        let Some(requested) = read_length(worker, &mut receive).await? else { return Ok(()) };
        discard_all(worker, &mut receive).await?;
        if requested > 0 {
            let mut send = within_idle(worker, connection.open_uni()).await?;
            respond(worker, &mut send, requested).await?;
            finish(worker, &mut send).await?;
        }
        worker.answered(1);
        Ok(())
    }
    .await;
    // A failure has been counted, and dropping the streams resets them.
    let _ = served;
}

/// The number of bytes requested; `None` if the stream ends before it states one.
async fn read_length(worker: &Worker, receive: &mut RecvStream) -> Result<Option<u64>, Aborted> {
    let mut length = [0; 8];
    let read = async {
        match receive.read_exact(&mut length).await {
            Ok(()) => Ok(true),
            Err(ReadExactError::FinishedEarly(_)) => Ok(false),
            Err(ReadExactError::ReadError(error)) => Err(error),
        }
    };
    if !within_idle(worker, read).await? {
        return Ok(None);
    }
    worker.counters.received(length.len());
    Ok(Some(u64::from_be_bytes(length)))
}

async fn discard_all(worker: &Worker, receive: &mut RecvStream) -> Result<(), Aborted> {
    while let Some(chunk) = within_idle(worker, receive.read_chunk(usize::MAX, true)).await? {
        worker.counters.received(chunk.bytes.len());
        tokio::task::coop::consume_budget().await;
    }
    Ok(())
}

async fn respond(worker: &Worker, send: &mut SendStream, requested: u64) -> Result<(), Aborted> {
    let mut left = requested;
    while left > 0 {
        let length = usize::try_from(left).map_or(BLOCK.len(), |left| left.min(BLOCK.len()));
        within_idle(worker, send.write_chunk(BLOCK.slice(..length))).await?;
        worker.counters.sent(length);
        left -= length as u64;
    }
    Ok(())
}

/// Ends the stream, and waits until the client has acknowledged all of it.
async fn finish(worker: &Worker, send: &mut SendStream) -> Result<(), Aborted> {
    send.finish().map_err(|_| Aborted::Broken)?;
    match within_idle(worker, send.stopped()).await? {
        None => Ok(()),
        Some(_) => Err(Aborted::Broken),
    }
}
