//! Messages on a QUIC connection: as DATAGRAM frames, or a stream each.

use std::{io, time::Duration};

use bytes::Bytes;
use quinn::{Connection, ReadToEndError, SendDatagramError};

use super::{
    Options,
    error::{MAX_REPLY, Peer, SendError},
};
use crate::transport::{
    Congestion, LossDetection,
    quic::{QuicLimits, QuicSession, QuicSettings},
};

/// Buffer of a connection, in each direction.
const BUFFER_BYTES: u64 = 1 << 20;

/// The settings of a client's connection.
pub(super) fn settings(options: &Options) -> QuicSettings {
    QuicSettings {
        congestion: Congestion::Cubic,
        loss_detection: LossDetection::default(),
        seed: options.seed,
        limits: QuicLimits {
            streams: 0,
            unidirectional: 0,
            max_streams: 0,
            receive_window: BUFFER_BYTES,
            send_buffer: BUFFER_BYTES,
            max_window: BUFFER_BYTES,
            idle: Some(Duration::from_secs(60)),
            keeps_alive: false,
        },
        tracers: Default::default(),
    }
}

/// Sends each message on a stream of its own.
#[derive(Debug)]
pub(super) struct QuicStreams(pub(super) QuicSession);

impl QuicStreams {
    /// Sends a message on a stream of its own, and returns the reply. The end of the stream ends each of them.
    pub(super) async fn exchange(&self, peer: &Peer, message: &[u8]) -> Result<Vec<u8>, SendError> {
        let (mut send, mut receive) = self.0.connection.open_bi().await.map_err(|e| peer.lost(&e))?;
        let failed = |e: io::Error| peer.broken(message.len(), &e);
        let writing = async {
            send.write_all(message).await.map_err(|e| failed(e.into()))?;
            send.finish().map_err(|e| peer.lost(&e))
        };
        let reading = async {
            receive.read_to_end(MAX_REPLY).await.map_err(|e| match e {
                ReadToEndError::TooLong => peer.reply_too_long(),
                ReadToEndError::Read(e) => failed(e.into()),
            })
        };
        // At the same time: an echo server reads no more until its replies are read.
        tokio::try_join!(reading, writing).map(|(reply, ())| reply)
    }

    pub(super) async fn close(&self) {
        self.0.close().await;
    }
}

/// Sends a message as a DATAGRAM frame, and returns the reply.
pub(super) async fn exchange_datagram(
    connection: &Connection,
    peer: &Peer,
    message: &[u8],
) -> Result<Vec<u8>, SendError> {
    connection.send_datagram(Bytes::copy_from_slice(message)).map_err(|e| match e {
        SendDatagramError::TooLarge => SendError::TooLarge {
            len: message.len(),
            max: connection.max_datagram_size().unwrap_or(0),
            peer: peer.url.clone(),
        },
        other => peer.lost(&other),
    })?;
    let reply = connection.read_datagram().await.map_err(|e| peer.lost(&e))?;
    Ok(reply.into())
}
