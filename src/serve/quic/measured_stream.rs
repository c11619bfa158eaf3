//! A measurement on a QUIC stream.
//!
//! The stream is read out of order, as bytes arrive, so that the client learns when a message was complete at the
//! server as well as when the stream's order released it.

use std::{
    net::IpAddr,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use quinn::{ReadError, RecvStream, SendStream};

use crate::{
    channel::order::{Order, Release},
    serve::{
        conversation::{Aborted, MeasuredRequest, Reception, RunTracker, within_idle},
        refusal::Refusal,
        worker::Worker,
    },
    wire::probe::padding,
};

/// What the measured streams of one connection share.
#[derive(Debug, Default)]
pub(super) struct MeasuredStreams {
    tracker: Mutex<RunTracker>,
    bytes_ahead: AtomicUsize,
}

impl MeasuredStreams {
    pub(super) fn with_tracker<T>(&self, action: impl FnOnce(&mut RunTracker) -> T) -> T {
        action(&mut self.tracker.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Answers messages of `message_len` bytes on a stream that begins with `bytes`. Only the heads of messages are held:
/// the bytes behind them are known.
pub(super) async fn answer(
    worker: &Worker,
    peer: IpAddr,
    streams: &MeasuredStreams,
    bytes: Vec<u8>,
    message_len: usize,
    receive: &mut RecvStream,
    send: &mut SendStream,
) -> Result<(), Aborted> {
    let mut order = Order::new(message_len);
    let mut ahead = BytesAhead { streams, bytes: 0 };
    let mut end = 0;
    let mut next = Some((0, Bytes::from(bytes)));
    while let Some((offset, bytes)) = next {
        worker.counters.received(bytes.len());
        let now = worker.host.now();
        let mut released = Vec::new();
        order.insert(now, offset, &bytes, |release| released.push(release));
        end = end.max(offset + bytes.len() as u64);
        let held = ahead.set(end - order.released().min(end), worker.options.max_window);
        held.inspect_err(|_| worker.refuse(Refusal::TooLong))?;
        if !released.is_empty() {
            worker.limit_rate(peer, released.len() as u64).await;
        }
        for release in released {
            within_idle(worker, reply(worker, streams, &release, message_len, send)).await?;
            worker.counters.sent(message_len);
            worker.answered(1);
        }
        next = read_unordered(worker, receive).await?;
    }
    // Fails only if the client has closed the stream already.
    let _ = send.finish();
    Ok(())
}

/// The next bytes and their offset; `None` if the stream has ended or the server stops.
async fn read_unordered(worker: &Worker, receive: &mut RecvStream) -> Result<Option<(u64, Bytes)>, Aborted> {
    let read = async {
        let chunk = receive.read_chunk(usize::MAX, false).await?;
        Ok::<_, ReadError>(chunk.map(|chunk| (chunk.offset, chunk.bytes)))
    };
    tokio::select! {
        biased;
        read = within_idle(worker, read) => read,
        () = worker.tasks.draining() => Ok(None),
    }
}

async fn reply(
    worker: &Worker,
    streams: &MeasuredStreams,
    release: &Release,
    message_len: usize,
    send: &mut SendStream,
) -> Result<(), quinn::WriteError> {
    let reception = Reception {
        released: release.released,
        order_wait: Some(release.released - release.arrived),
        blocked_by: release.blocker.map(|blocker| blocker.id),
    };
    let reply = match MeasuredRequest::of(release.probe) {
        Some(measured) => streams.with_tracker(|tracker| tracker.report(&*worker.host, measured, reception)),
        None => release.probe,
    };
    let head = reply.header(message_len);
    send.write_chunk(Bytes::copy_from_slice(&head)).await?;
    for part in padding(head.len()..message_len) {
        send.write_chunk(part).await?;
    }
    Ok(())
}

/// Bytes that one stream has received out of order, as a share of its connection's.
struct BytesAhead<'a> {
    streams: &'a MeasuredStreams,
    bytes: usize,
}

impl BytesAhead<'_> {
    /// Notes them. Unordered reads return flow control credit early, so flow control does not bound what the streams of a
    /// connection hold together; `most` does.
    fn set(&mut self, bytes: u64, most: u64) -> Result<(), Aborted> {
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        let others = self.streams.bytes_ahead.fetch_sub(self.bytes, Ordering::Relaxed) - self.bytes;
        self.streams.bytes_ahead.fetch_add(bytes, Ordering::Relaxed);
        self.bytes = bytes;
        if others.saturating_add(bytes) as u64 > most { Err(Aborted::TooLong) } else { Ok(()) }
    }
}

impl Drop for BytesAhead<'_> {
    fn drop(&mut self) {
        self.streams.bytes_ahead.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}
