//! Messages on an ARQ connection.

use std::time::Duration;

use bytes::Bytes;

use super::{
    Options,
    error::{MAX_REPLY, Peer, SendError},
};
use crate::{
    arq::{ConnectionError, SendError as Refused},
    transport::{
        Congestion, LossDetection,
        arq::{ArqConnection, ArqError, ArqLimits, ArqSettings, SAFE_DATAGRAM},
    },
};

/// The receive window is in segments, and has to hold a whole reply.
const LIMITS: ArqLimits =
    ArqLimits { receive_window: 16 << 10, send_buffer: 1 << 20, idle: Duration::from_secs(60) };

/// The settings of a client's connection.
pub(super) fn settings(options: &Options) -> ArqSettings {
    ArqSettings {
        congestion: Congestion::Cubic,
        loss_detection: LossDetection::default(),
        seed: options.seed,
        max_datagram: SAFE_DATAGRAM,
        limits: LIMITS,
        tracer: None,
    }
}

#[derive(Debug)]
pub(super) struct ArqClient(pub(super) ArqConnection);

impl ArqClient {
    /// Sends `message`. The reply is the next message that comes.
    pub(super) async fn exchange(&self, peer: &Peer, message: &[u8]) -> Result<Vec<u8>, SendError> {
        let len = message.len();
        self.0.send(Bytes::copy_from_slice(message)).await.map_err(|e| failed(peer, len, &e))?;
        match self.0.recv().await {
            Ok(Some(reply)) if reply.bytes.len() > MAX_REPLY => Err(peer.reply_too_long()),
            Ok(Some(reply)) => Ok(reply.bytes.to_vec()),
            Ok(None) => Err(peer.closed(len)),
            Err(error) => Err(failed(peer, len, &error)),
        }
    }

    /// Closes the connection, and waits until the server has acknowledged that.
    pub(super) async fn close(self) {
        self.0.close();
        // If this fails, the connection has ended all the same.
        let _ = self.0.closed().await;
    }
}

/// The connection failed before the reply to a message of `len` bytes.
fn failed(peer: &Peer, len: usize, error: &ArqError) -> SendError {
    match error {
        ArqError::Send(Refused::TooLarge { .. }) => peer.too_long(len),
        ArqError::Connection(ConnectionError::ResetByPeer) => peer.closed(len),
        error => peer.ended(error),
    }
}
