//! The QUIC performance protocol (draft-banks-quic-performance-00): a stream begins with the number of bytes that its
//! sender wants to have back.
//!
//! Nothing is held for a response, however long: it is written from one block, as fast as the client takes it.

use bytes::Bytes;
use quinn::{Connection, ReadExactError, RecvStream, SendStream, VarInt};

use super::{Refusal, desk::Desk};
use crate::path::timeout;

/// The application protocol (section 2.1).
pub(super) const ALPN: &[u8] = b"perf";

/// What responses consist of.
static BLOCK: [u8; 64 * 1024] = [0; 64 * 1024];

/// The client gave the stream up, or it had to be given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct GivenUp;

/// Serves a stream that carries both ways: the response goes back on it.
pub(super) async fn bidirectional(desk: &Desk, (mut send, mut receive): (SendStream, RecvStream)) {
    let served = async {
        // A stream that does not say what it wants is closed, and that is all (section 2.3.1).
        let wanted = take_head(desk, &mut receive).await?;
        // A client may wait for the response before it ends its own side, or send for as long as it receives.
        let (taken, responded) = tokio::join!(take_all(desk, &mut receive), async {
            respond(desk, &mut send, wanted.unwrap_or(0)).await?;
            finish(desk, &mut send).await
        });
        taken.and(responded)?;
        if wanted.is_some() {
            desk.answered(1);
        }
        Ok(())
    };
    if served.await == Err(GivenUp) {
        // Fails only where the client has closed this side already.
        let _ = send.reset(VarInt::from_u32(1));
    }
}

/// Serves a stream that carries requests only: the response, if one is wanted, goes back on a new one.
pub(super) async fn unidirectional(desk: &Desk, connection: &Connection, mut receive: RecvStream) {
    let served: Result<(), GivenUp> = async {
        let Some(wanted) = take_head(desk, &mut receive).await? else { return Ok(()) };
        take_all(desk, &mut receive).await?;
        if wanted > 0 {
            let opened = timeout(&*desk.host, desk.options.idle, connection.open_uni()).await;
            let mut send = opened.map_err(|_| idle(desk))?.map_err(|_| GivenUp)?;
            respond(desk, &mut send, wanted).await?;
            finish(desk, &mut send).await?;
        }
        desk.answered(1);
        Ok(())
    }
    .await;
    // What was given up has been counted, and ended with its stream.
    let _ = served;
}

/// How many bytes the client wants, or `None` where its stream ends before it has said so.
async fn take_head(desk: &Desk, receive: &mut RecvStream) -> Result<Option<u64>, GivenUp> {
    let mut head = [0; 8];
    match timeout(&*desk.host, desk.options.idle, receive.read_exact(&mut head)).await {
        Ok(Ok(())) => {
            desk.counters.received(head.len());
            Ok(Some(u64::from_be_bytes(head)))
        }
        Ok(Err(ReadExactError::FinishedEarly(_))) => Ok(None),
        Ok(Err(ReadExactError::ReadError(_))) => Err(GivenUp),
        Err(_) => Err(idle(desk)),
    }
}

/// Reads all that the client sends, and keeps nothing of it.
async fn take_all(desk: &Desk, receive: &mut RecvStream) -> Result<(), GivenUp> {
    loop {
        match timeout(&*desk.host, desk.options.idle, receive.read_chunk(usize::MAX, true)).await {
            Ok(Ok(Some(chunk))) => desk.counters.received(chunk.bytes.len()),
            Ok(Ok(None)) => return Ok(()),
            Ok(Err(_)) => return Err(GivenUp),
            Err(_) => return Err(idle(desk)),
        }
        tokio::task::coop::consume_budget().await;
    }
}

async fn respond(desk: &Desk, send: &mut SendStream, wanted: u64) -> Result<(), GivenUp> {
    let mut left = wanted;
    while left > 0 {
        let length = usize::try_from(left).map_or(BLOCK.len(), |left| left.min(BLOCK.len()));
        let chunk = Bytes::from_static(&BLOCK[..length]);
        match timeout(&*desk.host, desk.options.idle, send.write_chunk(chunk)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return Err(GivenUp),
            Err(_) => return Err(idle(desk)),
        }
        desk.counters.sent(length);
        left -= length as u64;
    }
    Ok(())
}

/// Ends the stream, and waits until the client has it all.
async fn finish(desk: &Desk, send: &mut SendStream) -> Result<(), GivenUp> {
    send.finish().map_err(|_| GivenUp)?;
    match timeout(&*desk.host, desk.options.idle, send.stopped()).await {
        Ok(Ok(None)) => Ok(()),
        Ok(_) => Err(GivenUp),
        Err(_) => Err(idle(desk)),
    }
}

fn idle(desk: &Desk) -> GivenUp {
    desk.counters.refuse(Refusal::Idle);
    GivenUp
}
