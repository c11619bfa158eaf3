//! A measurement on TCP or TLS.

use std::net::IpAddr;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::{
    aborted::{Aborted, finish, within_idle},
    run_tracker::{MeasuredRequest, Reception, RunTracker},
};
use crate::serve::worker::Worker;

const READ_BYTES: usize = 16 * 1024;

/// Answers messages of `message_len` bytes on a stream that begins with `bytes`.
pub(crate) async fn answer_measured_stream<R, W>(
    worker: &Worker,
    peer: IpAddr,
    mut bytes: Vec<u8>,
    message_len: usize,
    reader: &mut R,
    writer: &mut W,
) -> Result<(), Aborted>
where
    R: AsyncRead + Unpin + Send,
    W: AsyncWrite + Unpin + Send,
{
    let mut tracker = RunTracker::default();
    let mut buffer = vec![0; READ_BYTES];
    let mut read = bytes.len();
    loop {
        worker.counters.received(read);
        let reception = Reception::in_order(worker.host.now());
        let complete = bytes.len() - bytes.len() % message_len;
        if complete > 0 {
            let messages = (complete / message_len) as u64;
            worker.limit_rate(peer, messages).await;
            for message in bytes[..complete].chunks_exact_mut(message_len) {
                if let Some(measured) = MeasuredRequest::parse(message) {
                    tracker.report_in_place(&*worker.host, measured, reception, message);
                }
            }
            within_idle(worker, async {
                writer.write_all(&bytes[..complete]).await?;
                writer.flush().await
            })
            .await?;
            worker.counters.sent(complete);
            worker.answered(messages);
            bytes.drain(..complete);
        }
        read = match read_some(worker, reader, &mut buffer).await? {
            0 => return finish(worker, writer).await,
            read => read,
        };
        bytes.extend_from_slice(&buffer[..read]);
    }
}

/// Reads some bytes; 0 if the stream has ended or the server stops.
async fn read_some<R: AsyncRead + Unpin>(
    worker: &Worker,
    reader: &mut R,
    buffer: &mut [u8],
) -> Result<usize, Aborted> {
    tokio::select! {
        biased;
        read = within_idle(worker, reader.read(buffer)) => read,
        () = worker.tasks.draining() => Ok(0),
    }
}
