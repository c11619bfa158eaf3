//! The service on a byte stream: TCP, TLS or a QUIC stream.
//!
//! `echo` copies bytes. For the other services a message ends at a newline, at the end of the stream, or after
//! [`SILENCE`]. Nothing is read from a client that does not read its replies.

use std::{io, net::IpAddr, time::Duration};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::{
    aborted::{Aborted, finish, within_idle},
    opening::{self, Opening, StreamKind},
};
use crate::{
    serve::{refusal::Refusal, worker::Worker},
    service::{
        Service,
        split::{Splitter, TooLong},
    },
};

/// Silence that ends a message without a newline.
const SILENCE: Duration = Duration::from_millis(50);

/// Size of the first read. Most QUIC streams carry one short message.
const FIRST_READ_BYTES: usize = 1024;
/// Size of later reads.
const READ_BYTES: usize = 16 * 1024;
/// Bytes that are read before the other tasks of this thread run: some tens of microseconds of work.
const TURN_BYTES: usize = 64 * 1024;
/// Replies are written once they exceed this size.
const WRITE_BYTES: usize = 64 * 1024;

/// What carries a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Carrier {
    /// A connection. If it ends without a byte, it carried no message.
    Connection,
    /// A QUIC stream. If it ends without a byte, it carried an empty message.
    QuicStream,
}

/// Answers what `peer` sends on `reader` until it ends. A stream of a measurement or a transfer is returned with the
/// bytes that have been read from it.
pub(crate) async fn answer_byte_stream<R, W>(
    worker: &Worker,
    peer: IpAddr,
    carrier: Carrier,
    reader: &mut R,
    writer: &mut W,
) -> Result<Option<Opening>, Aborted>
where
    R: AsyncRead + Unpin + Send,
    W: AsyncWrite + Unpin + Send,
{
    let mut buffer = Vec::with_capacity(FIRST_READ_BYTES);
    let mut conversation = Conversation::new(worker, peer, writer);
    let mut is_first = true;
    let mut read_in_turn = 0;
    loop {
        read_in_turn += buffer.len();
        if read_in_turn >= TURN_BYTES {
            read_in_turn = 0;
            tokio::task::yield_now().await;
        }
        if buffer.len() == buffer.capacity() && buffer.len() < READ_BYTES {
            buffer = Vec::with_capacity(READ_BYTES);
        }
        buffer.clear();
        match next_event(worker, conversation.in_message(), reader, &mut buffer).await {
            Event::Bytes => {
                if std::mem::take(&mut is_first) && worker.options.service == Service::Echo {
                    let kind = opening::read_kind(worker, &mut buffer, reader).await?;
                    if kind != StreamKind::Plain {
                        return Ok(Some(Opening { bytes: buffer, kind }));
                    }
                }
                conversation.take(&buffer).await?;
            }
            Event::Silence => conversation.end_message().await?,
            Event::End => {
                if is_first && carrier == Carrier::QuicStream {
                    conversation.answer_empty().await?;
                } else {
                    conversation.end_message().await?;
                }
                break;
            }
            Event::Idle => {
                worker.refuse(Refusal::Idle);
                break;
            }
            Event::Stopping => break,
            Event::Broken => return Err(Aborted::Broken),
        }
    }
    finish(worker, conversation.writer).await.map(|()| None)
}

enum Event {
    Bytes,
    /// No bytes for long enough to end a message.
    Silence,
    /// The client has ended its side.
    End,
    /// No bytes for the idle time.
    Idle,
    /// The server stops, and no message is in progress.
    Stopping,
    Broken,
}

async fn next_event<R: AsyncRead + Unpin + Send>(
    worker: &Worker,
    in_message: bool,
    reader: &mut R,
    buffer: &mut Vec<u8>,
) -> Event {
    let limit = if in_message { SILENCE } else { worker.options.idle };
    tokio::select! {
        biased;
        read = reader.read_buf(buffer) => match read {
            Ok(0) => Event::End,
            Ok(_) => Event::Bytes,
            // rustls reports a peer that closes without close_notify in this way.
            Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => Event::End,
            Err(_) => Event::Broken,
        },
        // Async blocks, so that the futures are created only if nothing can be read at once.
        () = async { worker.host.sleep(limit).await } => if in_message { Event::Silence } else { Event::Idle },
        () = async { worker.tasks.draining().await }, if !in_message => Event::Stopping,
    }
}

struct Conversation<'a, W> {
    worker: &'a Worker,
    peer: IpAddr,
    writer: &'a mut W,
    splitter: Splitter,
    /// `echo` only: the last byte was not a newline, so a message is in progress.
    in_line: bool,
    replies: Vec<u8>,
}

impl<'a, W: AsyncWrite + Unpin + Send> Conversation<'a, W> {
    fn new(worker: &'a Worker, peer: IpAddr, writer: &'a mut W) -> Self {
        let splitter = Splitter::new(worker.options.max_message);
        Self { worker, peer, writer, splitter, in_line: false, replies: Vec::new() }
    }

    fn in_message(&self) -> bool {
        self.in_line || self.splitter.is_pending()
    }

    async fn take(&mut self, bytes: &[u8]) -> Result<(), Aborted> {
        self.worker.counters.received(bytes.len());
        if self.worker.options.service == Service::Echo {
            self.echo(bytes).await
        } else {
            self.answer_lines(bytes).await
        }
    }

    async fn echo(&mut self, bytes: &[u8]) -> Result<(), Aborted> {
        let lines = bytes.iter().filter(|&&byte| byte == b'\n').count() as u64;
        self.in_line = bytes.last() != Some(&b'\n');
        self.worker.limit_rate(self.peer, lines.max(1)).await;
        self.write(bytes).await?;
        self.worker.answered(lines);
        Ok(())
    }

    async fn answer_lines(&mut self, bytes: &[u8]) -> Result<(), Aborted> {
        let received = self.worker.host.unix_time();
        self.splitter.push(bytes);
        let mut messages = 0;
        loop {
            match self.splitter.line() {
                Ok(Some(message)) => {
                    self.worker.options.service.answer(message.bytes, received, &mut self.replies);
                    self.replies.extend_from_slice(message.line_end);
                    messages += 1;
                }
                Ok(None) => return self.send_replies(messages).await,
                Err(TooLong(_)) => {
                    self.worker.refuse(Refusal::TooLong);
                    // The messages before it are answered.
                    self.send_replies(messages).await?;
                    return Err(Aborted::TooLong);
                }
            }
            if self.replies.len() >= WRITE_BYTES {
                self.send_replies(std::mem::take(&mut messages)).await?;
            }
        }
    }

    /// Ends the message in progress, if there is one.
    async fn end_message(&mut self) -> Result<(), Aborted> {
        if std::mem::take(&mut self.in_line) {
            self.worker.answered(1);
        }
        let received = self.worker.host.unix_time();
        let Some(message) = self.splitter.rest() else {
            return Ok(());
        };
        self.worker.options.service.answer(message.bytes, received, &mut self.replies);
        self.send_replies(1).await
    }

    async fn answer_empty(&mut self) -> Result<(), Aborted> {
        let received = self.worker.host.unix_time();
        self.worker.options.service.answer(b"", received, &mut self.replies);
        self.send_replies(1).await
    }

    /// Writes the replies to this many messages.
    async fn send_replies(&mut self, messages: u64) -> Result<(), Aborted> {
        if messages == 0 {
            return Ok(());
        }
        self.worker.limit_rate(self.peer, messages).await;
        let mut replies = std::mem::take(&mut self.replies);
        self.write(&replies).await?;
        replies.clear();
        // Frees the memory of a long reply.
        replies.shrink_to(READ_BYTES);
        self.replies = replies;
        self.worker.answered(messages);
        Ok(())
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), Aborted> {
        let writer = &mut *self.writer;
        within_idle(self.worker, async {
            writer.write_all(bytes).await?;
            writer.flush().await
        })
        .await?;
        self.worker.counters.sent(bytes.len());
        Ok(())
    }
}
