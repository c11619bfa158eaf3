//! Messages on a connection of reliability by hand.

use bytes::Bytes;

use super::{MAX_REPLY, Peer, SendError, closed, ended};
use crate::{
    arq::{ConnectionError, SendError as Refused},
    transport::arq::{ArqConnection, ArqError},
};

#[derive(Debug)]
pub(super) struct ArqClient(ArqConnection);

impl ArqClient {
    pub(super) fn new(connection: ArqConnection) -> Self {
        Self(connection)
    }

    /// Sends `message`; the reply is the message that comes.
    pub(super) async fn exchange(&self, peer: &Peer, message: &[u8]) -> Result<Vec<u8>, SendError> {
        let len = message.len();
        self.0.send(Bytes::copy_from_slice(message)).await.map_err(|e| failed(peer, len, &e))?;
        match self.0.recv().await {
            Ok(Some(reply)) if reply.bytes.len() > MAX_REPLY => {
                Err(SendError::ReplyTooLong { peer: peer.url.clone(), max: MAX_REPLY })
            }
            Ok(Some(reply)) => Ok(reply.bytes.to_vec()),
            Ok(None) => Err(closed(peer, len)),
            Err(error) => Err(failed(peer, len, &error)),
        }
    }

    /// Until the server knows that this was all.
    pub(super) async fn close(self) {
        self.0.close();
        // Whatever cuts it short, it is over.
        let _ = self.0.closed().await;
    }
}

/// What it means that a connection failed before the reply to a message of `len` bytes.
fn failed(peer: &Peer, len: usize, error: &ArqError) -> SendError {
    match error {
        ArqError::Send(Refused::TooLarge { .. }) => SendError::TooLong { len, peer: peer.url.clone() },
        ArqError::Connection(ConnectionError::ResetByPeer) => closed(peer, len),
        error => ended(peer, error),
    }
}
