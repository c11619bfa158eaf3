//! A measurement on a QUIC stream.
//!
//! The stream is read out of order, as bytes arrive, so that the client learns when a message was complete at the
//! server as well as when the stream's order released it.

use std::{
    net::IpAddr,
    sync::atomic::{AtomicU64, Ordering},
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
    transport::WindowMemory,
    unit::Mutex,
    wire::probe::padding,
};

/// Bytes of one connection that may have arrived out of order in any case. Unordered reads return flow control credit
/// early, so flow control does not bound them.
const BYTES_AHEAD: u64 = 4 << 20;

/// What the measured streams of one connection share.
#[derive(Debug)]
pub(super) struct MeasuredStreams {
    tracker: Mutex<RunTracker>,
    /// Bytes that have arrived out of order.
    bytes_ahead: AtomicU64,
    /// How many there may be: more than [`BYTES_AHEAD`] as far as the memory of all connections allows.
    allowed: AtomicU64,
    memory: WindowMemory,
}

impl MeasuredStreams {
    pub(super) fn new(memory: &WindowMemory) -> Self {
        Self {
            tracker: Mutex::default(),
            bytes_ahead: AtomicU64::new(0),
            allowed: AtomicU64::new(BYTES_AHEAD),
            memory: memory.clone(),
        }
    }

    /// Whether this many may have arrived out of order, with more memory if there is some.
    fn allows(&self, bytes: u64, most: u64) -> bool {
        if bytes > most.max(BYTES_AHEAD) {
            return false;
        }
        // All streams of a connection are answered by one task, so no other task allows more meanwhile.
        let mut allowed = self.allowed.load(Ordering::Relaxed);
        while bytes > allowed && self.memory.take(allowed) {
            allowed *= 2;
            self.allowed.store(allowed, Ordering::Relaxed);
        }
        bytes <= allowed
    }

    pub(super) fn with_tracker<T>(&self, action: impl FnOnce(&mut RunTracker) -> T) -> T {
        action(&mut self.tracker.lock())
    }
}

impl Drop for MeasuredStreams {
    fn drop(&mut self) {
        self.memory.give_back(*self.allowed.get_mut() - BYTES_AHEAD);
    }
}

/// Answers messages of `message_len` bytes on a stream that begins with `bytes`. Bytes behind a gap are held until
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
        // Bytes of an incomplete message are not out of order.
        let held = ahead.set(end - order.next().min(end), worker.options.max_window);
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
    bytes: u64,
}

impl BytesAhead<'_> {
    /// Notes them. The streams of a connection may hold `most` together, and [`BYTES_AHEAD`] in any case.
    fn set(&mut self, bytes: u64, most: u64) -> Result<(), Aborted> {
        let others = self.streams.bytes_ahead.fetch_sub(self.bytes, Ordering::Relaxed) - self.bytes;
        self.streams.bytes_ahead.fetch_add(bytes, Ordering::Relaxed);
        self.bytes = bytes;
        let held = others.saturating_add(bytes);
        if self.streams.allows(held, most) { Ok(()) } else { Err(Aborted::TooLong) }
    }
}

impl Drop for BytesAhead<'_> {
    fn drop(&mut self) {
        self.streams.bytes_ahead.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}
