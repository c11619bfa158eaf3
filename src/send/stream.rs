//! Messages on byte streams: a line each on one stream, or a QUIC stream each.

use std::{io, time::Duration};

use quinn::Connection;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};

use super::{MAX_REPLY, Peer, SendError, beginning, broken, close_quic, closed, ended, no_reply};
use crate::{
    path::{ByteStream, Host, timeout},
    transport::quic::QuicClient,
};

/// How a TLS alert begins: its content type and the version in every TLS record (RFC 8446 section 5.1).
const TLS_ALERT: &[u8] = &[21, 3];

/// Messages and replies are lines.
#[derive(Debug)]
pub(super) struct LineClient {
    stream: Box<dyn ByteStream>,
    /// What has come and was not asked for yet.
    incoming: Vec<u8>,
    /// What carries the stream, where that is QUIC.
    quic: Option<(QuicClient, Connection)>,
}

impl LineClient {
    pub(super) fn new(stream: Box<dyn ByteStream>, quic: Option<(QuicClient, Connection)>) -> Self {
        Self { stream, incoming: Vec::new(), quic }
    }

    /// Sends `message` and a newline; the reply is what comes up to a newline or to the end of the stream.
    /// From a server that uses neither, it is what has come within `limit`.
    pub(super) async fn exchange(
        &mut self,
        host: &dyn Host,
        peer: &Peer,
        message: &[u8],
        limit: Duration,
    ) -> Result<Vec<u8>, SendError> {
        if message.contains(&b'\n') {
            return Err(SendError::Newline { message: beginning(message), peer: peer.url.clone() });
        }
        let line = [message, b"\n"].concat();
        let (reader, mut writer) = tokio::io::split(&mut self.stream);
        let writing = async {
            let written = match writer.write_all(&line).await {
                Ok(()) => writer.flush().await,
                failed => failed,
            };
            written.map_err(|e| broken(peer, message.len(), &e))
        };
        let reading = read_line(reader, &mut self.incoming, peer, message.len());
        // Both at once: a server that echoes takes no more until its replies are read.
        let exchange = async { tokio::try_join!(reading, writing).map(|(reply, ())| reply) };
        match timeout(host, limit, exchange).await {
            Ok(reply) => reply,
            Err(_) if self.incoming.is_empty() => Err(no_reply(peer, message, limit, 1)),
            Err(_) => Ok(std::mem::take(&mut self.incoming)),
        }
    }

    pub(super) async fn close(mut self) {
        match &self.quic {
            // Takes the stream along; one that ends without a message would pass for an empty one.
            Some((client, connection)) => close_quic(client, connection).await,
            // Whether or not the server hears of it, nothing more is sent.
            None => drop(self.stream.shutdown().await),
        }
    }
}

/// What comes up to a newline or to the end, in reply to a message of `len` bytes.
async fn read_line(
    mut reader: impl AsyncRead + Unpin,
    incoming: &mut Vec<u8>,
    peer: &Peer,
    len: usize,
) -> Result<Vec<u8>, SendError> {
    let mut searched = 0;
    loop {
        if let Some(at) = incoming[searched..].iter().position(|&byte| byte == b'\n') {
            let after = incoming.split_off(searched + at + 1);
            let mut line = std::mem::replace(incoming, after);
            line.pop();
            return check(peer, line);
        }
        searched = incoming.len();
        if searched > MAX_REPLY {
            return Err(SendError::ReplyTooLong { peer: peer.url.clone(), max: MAX_REPLY });
        }
        match reader.read_buf(incoming).await {
            Ok(0) if incoming.is_empty() => return Err(closed(peer, len)),
            Ok(0) => return check(peer, std::mem::take(incoming)),
            Ok(_) => {}
            Err(e) => return Err(broken(peer, len, &e)),
        }
    }
}

fn check(peer: &Peer, reply: Vec<u8>) -> Result<Vec<u8>, SendError> {
    if reply.starts_with(TLS_ALERT) {
        return Err(SendError::SpeaksTls { peer: peer.url.clone() });
    }
    Ok(reply)
}

/// Every message has a QUIC stream of its own, whose end is the message's.
#[derive(Debug)]
pub(super) struct StreamPerMessage {
    client: QuicClient,
    connection: Connection,
}

impl StreamPerMessage {
    pub(super) fn new(client: QuicClient, connection: Connection) -> Self {
        Self { client, connection }
    }

    pub(super) async fn exchange(&mut self, peer: &Peer, message: &[u8]) -> Result<Vec<u8>, SendError> {
        let (mut send, mut receive) = self.connection.open_bi().await.map_err(|e| ended(peer, &e))?;
        let failed = |e: io::Error| broken(peer, message.len(), &e);
        let writing = async {
            send.write_all(message).await.map_err(|e| failed(e.into()))?;
            send.finish().map_err(|e| ended(peer, &e))
        };
        let reading = async {
            receive.read_to_end(MAX_REPLY).await.map_err(|e| match e {
                quinn::ReadToEndError::TooLong => {
                    SendError::ReplyTooLong { peer: peer.url.clone(), max: MAX_REPLY }
                }
                quinn::ReadToEndError::Read(e) => failed(e.into()),
            })
        };
        // Both at once: a server that echoes takes no more until its replies are read.
        tokio::try_join!(reading, writing).map(|(reply, ())| reply)
    }

    pub(super) async fn close(self) {
        close_quic(&self.client, &self.connection).await;
    }
}
