//! A service on a byte stream, whatever carries it: TCP, TLS or a QUIC stream.
//!
//! `echo` copies. For the others a message ends at a newline, at the end of what the client sends, or at
//! [`SILENCE`]. Whoever does not read its replies is not read from either.

use std::{io, net::IpAddr, time::Duration};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::{
    Refusal,
    desk::Desk,
    probes::{self, Beginning, Kind},
};
use crate::{
    path::timeout,
    service::{
        Service,
        split::{Splitter, TooLong},
    },
};

/// What ends a message that has no line end.
pub(super) const SILENCE: Duration = Duration::from_millis(50);

/// How much the first read may take in: a QUIC stream is mostly one short message.
const FIRST_READ_BYTES: usize = 1024;
/// How much those may that come after one that was not enough.
const READ_BYTES: usize = 16 * 1024;
/// What is taken of one stream before others on this thread have their turn: some tens of microseconds' work.
const TURN_BYTES: usize = 64 * 1024;
/// Replies are written together up to about here.
const WRITE_BYTES: usize = 64 * 1024;

/// The conversation is over before its time; what there is to say about it has been counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Over {
    /// The peer has sent a message that is too long.
    TooLong,
    /// The connection is of no more use.
    Broken,
}

/// What carries a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Carrier {
    /// A connection. One that ends without a byte has said nothing.
    Connection,
    /// A QUIC stream. Finished, it is a message, and without a byte an empty one.
    QuicStream,
}

/// Answers what `peer` sends on `reader` until it ends, and says so on `writer`. A stream that turns out to be an
/// experiment's or a transfer's is given back, with what has been read of it.
pub(super) async fn converse<R, W>(
    desk: &Desk,
    (carrier, peer): (Carrier, IpAddr),
    reader: &mut R,
    writer: &mut W,
) -> Result<Option<Beginning>, Over>
where
    R: AsyncRead + Unpin + Send,
    W: AsyncWrite + Unpin + Send,
{
    let mut buffer = Vec::with_capacity(FIRST_READ_BYTES);
    let mut talk = Talk {
        desk,
        peer,
        writer,
        splitter: Splitter::new(desk.options.max_message),
        in_line: false,
        replies: Vec::new(),
    };
    let mut silent = true;
    let mut turn = 0;
    loop {
        turn += buffer.len();
        if turn >= TURN_BYTES {
            turn = 0;
            tokio::task::yield_now().await;
        }
        if buffer.len() == buffer.capacity() && buffer.len() < READ_BYTES {
            buffer = Vec::with_capacity(READ_BYTES);
        }
        buffer.clear();
        match hear(desk, talk.in_message(), reader, &mut buffer).await {
            Heard::Bytes if silent && desk.options.service == Service::Echo => {
                silent = false;
                let kind = probes::begin(desk, &mut buffer, reader).await?;
                if kind != Kind::Plain {
                    return Ok(Some(Beginning { bytes: buffer, kind }));
                }
                talk.take(&buffer).await?;
            }
            Heard::Bytes => {
                silent = false;
                talk.take(&buffer).await?;
            }
            Heard::Silence => talk.end_message().await?,
            Heard::End if silent && carrier == Carrier::QuicStream => {
                talk.answer_empty().await?;
                break;
            }
            Heard::End => {
                talk.end_message().await?;
                break;
            }
            Heard::Nothing => {
                desk.counters.refuse(Refusal::Idle);
                break;
            }
            Heard::Stop => break,
            Heard::Broken => return Err(Over::Broken),
        }
    }
    finish(desk, talk.writer).await.map(|()| None)
}

/// Says that no more will come.
pub(super) async fn finish<W: AsyncWrite + Unpin>(desk: &Desk, writer: &mut W) -> Result<(), Over> {
    match timeout(&*desk.host, desk.options.idle, writer.shutdown()).await {
        Ok(Ok(())) => Ok(()),
        _ => Err(Over::Broken),
    }
}

enum Heard {
    Bytes,
    /// Nothing more for long enough to end a message.
    Silence,
    /// The client has said all it wants to say.
    End,
    /// Nothing for so long that the connection is given up.
    Nothing,
    /// The server stops, and no message is in progress.
    Stop,
    Broken,
}

struct Talk<'a, W> {
    desk: &'a Desk,
    peer: IpAddr,
    writer: &'a mut W,
    splitter: Splitter,
    /// `echo` only: the last byte was no newline, so that a message is in progress.
    in_line: bool,
    replies: Vec<u8>,
}

async fn hear<R: AsyncRead + Unpin + Send>(
    desk: &Desk,
    in_message: bool,
    reader: &mut R,
    buffer: &mut Vec<u8>,
) -> Heard {
    let limit = if in_message { SILENCE } else { desk.options.idle };
    tokio::select! {
        biased;
        read = reader.read_buf(buffer) => match read {
            Ok(0) => Heard::End,
            Ok(_) => Heard::Bytes,
            // TLS's word for a peer that closes without a word.
            Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => Heard::End,
            Err(_) => Heard::Broken,
        },
        // Only where there is nothing to read at once.
        () = async { desk.host.sleep(limit).await } => if in_message { Heard::Silence } else { Heard::Nothing },
        () = async { desk.tasks.draining().await }, if !in_message => Heard::Stop,
    }
}

impl<W: AsyncWrite + Unpin + Send> Talk<'_, W> {
    fn in_message(&self) -> bool {
        self.in_line || self.splitter.is_pending()
    }

    async fn take(&mut self, bytes: &[u8]) -> Result<(), Over> {
        self.desk.counters.received(bytes.len());
        if self.desk.options.service == Service::Echo {
            let lines = bytes.iter().filter(|&&byte| byte == b'\n').count() as u64;
            self.in_line = bytes.last() != Some(&b'\n');
            self.desk.hold_up(self.peer, lines.max(1)).await;
            self.write(bytes).await?;
            self.desk.answered(lines);
            return Ok(());
        }
        let received = self.desk.host.unix_time();
        self.splitter.push(bytes);
        let mut messages = 0;
        loop {
            match self.splitter.line() {
                Ok(Some(message)) => {
                    self.desk.options.service.answer(message.bytes, received, &mut self.replies);
                    self.replies.extend_from_slice(message.line_end);
                    messages += 1;
                }
                Ok(None) => return self.reply(messages).await,
                Err(TooLong(_)) => {
                    self.desk.counters.refuse(Refusal::TooLong);
                    // Those before it are answered nevertheless.
                    self.reply(messages).await?;
                    return Err(Over::TooLong);
                }
            }
            if self.replies.len() >= WRITE_BYTES {
                self.reply(std::mem::take(&mut messages)).await?;
            }
        }
    }

    /// The message in progress, if there is one, is complete.
    async fn end_message(&mut self) -> Result<(), Over> {
        if std::mem::take(&mut self.in_line) {
            self.desk.answered(1);
        }
        let received = self.desk.host.unix_time();
        let Some(message) = self.splitter.rest() else {
            return Ok(());
        };
        self.desk.options.service.answer(message.bytes, received, &mut self.replies);
        self.reply(1).await
    }

    async fn answer_empty(&mut self) -> Result<(), Over> {
        let received = self.desk.host.unix_time();
        self.desk.options.service.answer(b"", received, &mut self.replies);
        self.reply(1).await
    }

    /// Writes the replies to so many messages.
    async fn reply(&mut self, messages: u64) -> Result<(), Over> {
        if messages == 0 {
            return Ok(());
        }
        self.desk.hold_up(self.peer, messages).await;
        let mut replies = std::mem::take(&mut self.replies);
        self.write(&replies).await?;
        replies.clear();
        // A long reply now is no reason to hold its memory until the next one.
        replies.shrink_to(READ_BYTES);
        self.replies = replies;
        self.desk.answered(messages);
        Ok(())
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), Over> {
        let writer = &mut *self.writer;
        let write = async {
            writer.write_all(bytes).await?;
            writer.flush().await
        };
        match timeout(&*self.desk.host, self.desk.options.idle, write).await {
            Ok(Ok(())) => {
                self.desk.counters.sent(bytes.len());
                Ok(())
            }
            Ok(Err(_)) => Err(Over::Broken),
            Err(_) => {
                self.desk.counters.refuse(Refusal::Idle);
                Err(Over::Broken)
            }
        }
    }
}
