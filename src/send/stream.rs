//! Messages as lines on a byte stream.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};

use super::error::{MAX_REPLY, Peer, SendError};
use crate::{
    path::{ByteStream, Host, timeout},
    transport::{quic::QuicSession, tls::is_tls_alert},
};

#[derive(Debug)]
pub(super) struct LineClient {
    stream: Box<dyn ByteStream>,
    /// Bytes that have been received beyond the last reply.
    incoming: Vec<u8>,
    /// The connection of the stream, if it is a QUIC stream.
    quic: Option<QuicSession>,
}

impl LineClient {
    pub(super) fn new(stream: Box<dyn ByteStream>) -> Self {
        Self { stream, incoming: Vec::new(), quic: None }
    }

    /// Opens the one stream that all messages use.
    pub(super) async fn on_quic(session: QuicSession, peer: &Peer) -> Result<Self, SendError> {
        let (send, receive) = session.connection.open_bi().await.map_err(|e| peer.lost(&e))?;
        let stream = Box::new(tokio::io::join(receive, send));
        Ok(Self { stream, incoming: Vec::new(), quic: Some(session) })
    }

    /// Sends `message` and a newline. The reply is what comes up to a newline or the end of the stream, or, from a
    /// server that uses neither, what has come within `limit`.
    pub(super) async fn exchange(
        &mut self,
        host: &dyn Host,
        peer: &Peer,
        message: &[u8],
        limit: Duration,
    ) -> Result<Vec<u8>, SendError> {
        if message.contains(&b'\n') {
            return Err(peer.newline(message));
        }
        let line = [message, b"\n"].concat();
        let (reader, mut writer) = tokio::io::split(&mut self.stream);
        let writing = async {
            let written = match writer.write_all(&line).await {
                Ok(()) => writer.flush().await,
                failed => failed,
            };
            written.map_err(|e| peer.broken(message.len(), &e))
        };
        let reading = read_line(reader, &mut self.incoming, peer, message.len());
        // At the same time: an echo server reads no more until its replies are read.
        let exchange = async { tokio::try_join!(reading, writing).map(|(reply, ())| reply) };
        match timeout(host, limit, exchange).await {
            Ok(reply) => reply,
            Err(_) if self.incoming.is_empty() => Err(peer.no_reply(message, limit, 1)),
            Err(_) => Ok(std::mem::take(&mut self.incoming)),
        }
    }

    pub(super) async fn close(mut self) {
        match &self.quic {
            // Without ending the stream first: a server takes a stream without bytes for an empty message.
            Some(session) => session.close().await,
            // Nothing more is sent, so a failure does not matter.
            None => drop(self.stream.shutdown().await),
        }
    }
}

/// Reads up to a newline or the end, in reply to a message of `len` bytes.
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
            return Err(peer.reply_too_long());
        }
        match reader.read_buf(incoming).await {
            Ok(0) if incoming.is_empty() => return Err(peer.closed(len)),
            Ok(0) => return check(peer, std::mem::take(incoming)),
            Ok(_) => {}
            Err(e) => return Err(peer.broken(len, &e)),
        }
    }
}

fn check(peer: &Peer, reply: Vec<u8>) -> Result<Vec<u8>, SendError> {
    if is_tls_alert(&reply) {
        return Err(SendError::SpeaksTls { peer: peer.url.clone() });
    }
    Ok(reply)
}
