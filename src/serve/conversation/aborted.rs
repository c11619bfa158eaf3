//! How a conversation ends.

use tokio::io::{AsyncWrite, AsyncWriteExt};

use crate::{
    path::timeout,
    serve::{refusal::Refusal, worker::Worker},
};

/// A conversation ended early. The reason has been counted already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Aborted {
    /// The peer sent too long a message.
    TooLong,
    /// The peer's messages have another version. It has been sent an answer in this version.
    OtherVersion,
    /// The connection failed or timed out.
    Broken,
}

/// Runs `action` for at most the idle time.
pub(crate) async fn within_idle<T, E>(
    worker: &Worker,
    action: impl Future<Output = Result<T, E>>,
) -> Result<T, Aborted> {
    match timeout(&*worker.host, worker.options.idle, action).await {
        Ok(done) => done.map_err(|_| Aborted::Broken),
        Err(_) => {
            worker.refuse(Refusal::Idle);
            Err(Aborted::Broken)
        }
    }
}

/// Ends the sending side of a stream.
pub(super) async fn finish<W: AsyncWrite + Unpin>(worker: &Worker, writer: &mut W) -> Result<(), Aborted> {
    match timeout(&*worker.host, worker.options.idle, writer.shutdown()).await {
        Ok(Ok(())) => Ok(()),
        _ => Err(Aborted::Broken),
    }
}
