//! Probes that ask, on byte streams.
//!
//! A stream whose first bytes are a probe with an extension is one of an experiment: all its messages are as long as the
//! first one says. There is no protocol of its own for this (no ALPN, no greeting), because TCP has no place for
//! one, and because a client must be able to measure any echo: one that does not know the extension returns the
//! request, and is known by that. The messages of a [transfer] are known in the same way. A stream that begins otherwise is copied as ever, from its first byte on.

use std::{
    net::IpAddr,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use quinn::{ReadError, RecvStream, SendStream};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::{
    Refusal,
    converse::{Over, finish},
    desk::Desk,
    tally::{Released, Tally, asked, overwrite},
};
use crate::{
    path::timeout,
    transport::order::{Order, Release},
    wire::{
        Extension, HEADER_BYTES,
        probe::{MAGIC, message_length, padding},
        transfer,
    },
};

/// How long to wait for the rest of what begins like a probe. Few plain streams begin with a `W`, and none of
/// them has to wait longer than this.
const PATIENCE: Duration = Duration::from_secs(5);

/// How much one read may take in.
const READ_BYTES: usize = 16 * 1024;

/// Bytes of one connection that may have arrived ahead of their order. Unordered reads give back flow control's
/// credit before order would, so that this takes its place.
const AHEAD_BYTES: usize = 4 << 20;

/// How a stream begins.
pub(super) struct Beginning {
    /// What has been read of it.
    pub(super) bytes: Vec<u8>,
    /// What it is.
    pub(super) kind: Kind,
}

/// What a stream is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// One like any other.
    Plain,
    /// One of an experiment, and how long its messages are.
    Experiment(usize),
    /// One of a transfer.
    Transfer,
}

/// Reads as much more of a stream that begins with `bytes` as it takes to know what it is.
pub(super) async fn begin<R: AsyncRead + Unpin>(
    desk: &Desk,
    bytes: &mut Vec<u8>,
    reader: &mut R,
) -> Result<Kind, Over> {
    let begins = |magic: [u8; 4], bytes: &[u8]| magic.iter().zip(bytes).all(|(a, b)| a == b);
    let could_be = |bytes: &[u8]| begins(MAGIC, bytes) || begins(transfer::MAGIC, bytes);
    while bytes.len() < HEADER_BYTES && could_be(bytes) {
        let mut rest = [0; HEADER_BYTES];
        let rest = &mut rest[bytes.len()..];
        match timeout(&*desk.host, PATIENCE, reader.read(rest)).await {
            Ok(Ok(0)) | Err(_) => break,
            Ok(Ok(read)) => bytes.extend_from_slice(&rest[..read]),
            Ok(Err(_)) => return Err(Over::Broken),
        }
    }
    let length = bytes.first_chunk().and_then(message_length);
    Ok(match length.filter(|length| *length <= desk.options.max_message) {
        Some(length) => Kind::Experiment(length),
        None if bytes.first_chunk().and_then(transfer::body_length).is_some() => Kind::Transfer,
        None => Kind::Plain,
    })
}

/// Answers an experiment on a byte stream of the kernel's, which begins with `bytes`.
pub(super) async fn answer_stream<R, W>(
    desk: &Desk,
    peer: IpAddr,
    (mut bytes, length): (Vec<u8>, usize),
    (reader, writer): (&mut R, &mut W),
) -> Result<(), Over>
where
    R: AsyncRead + Unpin + Send,
    W: AsyncWrite + Unpin + Send,
{
    let mut tally = Tally::default();
    let mut buffer = vec![0; READ_BYTES];
    let mut read = bytes.len();
    loop {
        desk.counters.received(read);
        let released = Released::in_order(desk.host.now());
        let whole = bytes.len() - bytes.len() % length;
        if whole > 0 {
            let messages = (whole / length) as u64;
            desk.hold_up(peer, messages).await;
            for message in bytes[..whole].chunks_exact_mut(length) {
                if let Some(question) = asked(message) {
                    overwrite(message, &tally.answer(&*desk.host, question, released));
                }
            }
            within_idle(desk, async {
                writer.write_all(&bytes[..whole]).await?;
                writer.flush().await
            })
            .await?;
            desk.counters.sent(whole);
            desk.answered(messages);
            bytes.drain(..whole);
        }
        read = match hear(desk, reader, &mut buffer).await? {
            0 => return finish(desk, writer).await,
            read => read,
        };
        bytes.extend_from_slice(&buffer[..read]);
    }
}

/// The next bytes; none where the stream ends or the server stops.
async fn hear<R: AsyncRead + Unpin>(desk: &Desk, reader: &mut R, buffer: &mut [u8]) -> Result<usize, Over> {
    tokio::select! {
        biased;
        read = within_idle(desk, reader.read(buffer)) => read,
        () = desk.tasks.draining() => Ok(0),
    }
}

async fn within_idle<T, E>(desk: &Desk, doing: impl Future<Output = Result<T, E>>) -> Result<T, Over> {
    match timeout(&*desk.host, desk.options.idle, doing).await {
        Ok(done) => done.map_err(|_| Over::Broken),
        Err(_) => {
            desk.counters.refuse(Refusal::Idle);
            Err(Over::Broken)
        }
    }
}

/// What the streams of one QUIC connection share.
#[derive(Debug, Default)]
pub(super) struct Shared {
    tally: Mutex<Tally>,
    ahead: AtomicUsize,
}

impl Shared {
    pub(super) fn with_tally<T>(&self, of: impl FnOnce(&mut Tally) -> T) -> T {
        of(&mut self.tally.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Answers an experiment on a QUIC stream, which begins with `bytes`. It is read as bytes arrive, so that the
/// client learns when a message was complete here as well as when order released it. Of messages nothing is held
/// but their heads: what follows is known.
pub(super) async fn answer_quic(
    desk: &Desk,
    peer: IpAddr,
    (bytes, length): (Vec<u8>, usize),
    shared: &Shared,
    (receive, send): (&mut RecvStream, &mut SendStream),
) -> Result<(), Over> {
    let mut order = Order::new(length);
    let mut ahead = Ahead { shared, bytes: 0 };
    let mut end = 0;
    let mut next = Some((0, Bytes::from(bytes)));
    while let Some((offset, bytes)) = next {
        desk.counters.received(bytes.len());
        let now = desk.host.now();
        let mut released = Vec::new();
        order.insert(now, offset, &bytes, |release| released.push(release));
        end = end.max(offset + bytes.len() as u64);
        let held = ahead.set(end - order.released().min(end));
        held.inspect_err(|_| desk.counters.refuse(Refusal::TooLong))?;
        if !released.is_empty() {
            desk.hold_up(peer, released.len() as u64).await;
        }
        for release in released {
            within_idle(desk, reply(desk, shared, &release, length, send)).await?;
            desk.counters.sent(length);
            desk.answered(1);
        }
        next = hear_unordered(desk, receive).await?;
    }
    // Fails only where the client has closed this side already.
    let _ = send.finish();
    Ok(())
}

async fn hear_unordered(desk: &Desk, receive: &mut RecvStream) -> Result<Option<(u64, Bytes)>, Over> {
    let read = async {
        let chunk = receive.read_chunk(usize::MAX, false).await?;
        Ok::<_, ReadError>(chunk.map(|chunk| (chunk.offset, chunk.bytes)))
    };
    tokio::select! {
        biased;
        read = within_idle(desk, read) => read,
        () = desk.tasks.draining() => Ok(None),
    }
}

async fn reply(
    desk: &Desk,
    shared: &Shared,
    release: &Release,
    length: usize,
    send: &mut SendStream,
) -> Result<(), quinn::WriteError> {
    let released = Released {
        at: release.released,
        after: Some(release.released - release.arrived),
        blocked_by: release.blocker.map(|blocker| blocker.id),
    };
    let reply = match release.probe.extension {
        Some(Extension::Request(request)) => {
            shared.with_tally(|tally| tally.answer(&*desk.host, (release.probe, request), released))
        }
        _ => release.probe,
    };
    let head = reply.header(length);
    send.write_chunk(Bytes::copy_from_slice(&head)).await?;
    for part in padding(head.len()..length) {
        send.write_chunk(part).await?;
    }
    Ok(())
}

/// What one stream has ahead of its order, as far as its connection may.
struct Ahead<'a> {
    shared: &'a Shared,
    bytes: usize,
}

impl Ahead<'_> {
    fn set(&mut self, bytes: u64) -> Result<(), Over> {
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        let others = self.shared.ahead.fetch_sub(self.bytes, Ordering::Relaxed) - self.bytes;
        self.shared.ahead.fetch_add(bytes, Ordering::Relaxed);
        self.bytes = bytes;
        if others.saturating_add(bytes) > AHEAD_BYTES { Err(Over::TooLong) } else { Ok(()) }
    }
}

impl Drop for Ahead<'_> {
    fn drop(&mut self) {
        self.shared.ahead.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}
