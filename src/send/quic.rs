//! Messages on a QUIC connection: as DATAGRAM frames, or a stream each.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use quinn::{Connection, ReadToEndError, SendDatagramError};

use super::{
    error::{MAX_REPLY, Peer, SendError},
    options::Options,
};
use crate::{
    path::Host,
    transport::{
        Congestion, ConnectError,
        quic::{QuicClient, QuicLimits, QuicSettings},
    },
};

/// Buffer of a connection, in each direction.
const BUFFER_BYTES: u64 = 1 << 20;

/// A connection and the endpoint that it belongs to.
#[derive(Debug)]
pub(super) struct QuicSession {
    pub(super) client: QuicClient,
    pub(super) connection: Connection,
}

impl QuicSession {
    pub(super) async fn connect(
        host: &Arc<dyn Host>,
        peer: SocketAddr,
        options: &Options,
    ) -> Result<Self, ConnectError> {
        let settings = QuicSettings {
            congestion: Congestion::Cubic,
            seed: options.seed,
            limits: QuicLimits {
                streams: 0,
                unidirectional: 0,
                receive_window: BUFFER_BYTES,
                send_buffer: BUFFER_BYTES,
                idle: Some(Duration::from_secs(60)),
            },
        };
        let client = QuicClient::new(host, peer, &options.tls, &settings)?;
        let connection = client.connect(peer).await?;
        Ok(Self { client, connection })
    }

    /// Sends a message on a stream of its own, and returns the reply. The end of the stream ends each of them.
    pub(super) async fn exchange(&self, peer: &Peer, message: &[u8]) -> Result<Vec<u8>, SendError> {
        let (mut send, mut receive) = self.connection.open_bi().await.map_err(|e| peer.ended(&e))?;
        let failed = |e: io::Error| peer.broken(message.len(), &e);
        let writing = async {
            send.write_all(message).await.map_err(|e| failed(e.into()))?;
            send.finish().map_err(|e| peer.ended(&e))
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

    /// Sends a message as a datagram, and returns the reply.
    pub(super) async fn exchange_datagram(&self, peer: &Peer, message: &[u8]) -> Result<Vec<u8>, SendError> {
        self.connection.send_datagram(Bytes::copy_from_slice(message)).map_err(|e| match e {
            SendDatagramError::TooLarge => SendError::TooLarge {
                len: message.len(),
                max: self.connection.max_datagram_size().unwrap_or(0),
                peer: peer.url.clone(),
            },
            other => peer.ended(&other),
        })?;
        let reply = self.connection.read_datagram().await.map_err(|e| peer.ended(&e))?;
        Ok(reply.into())
    }

    /// Replaces the connection with a new one.
    pub(super) async fn reconnect(&mut self, peer: &Peer) -> Result<(), ConnectError> {
        self.connection = self.client.connect(peer.address).await?;
        Ok(())
    }

    pub(super) fn close_connection(&self) {
        self.connection.close(0u32.into(), b"done");
    }

    /// Closes the connection, and waits until the server has acknowledged that.
    pub(super) async fn close(&self) {
        self.close_connection();
        self.client.finish().await;
    }
}
