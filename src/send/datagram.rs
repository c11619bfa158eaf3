//! Messages as datagrams, on UDP or in QUIC: each may be lost, and be sent again.

use std::{net::SocketAddr, num::NonZeroU32, sync::Arc, time::Duration};

use bytes::Bytes;
use quinn::{Connection, SendDatagramError};

use super::{Peer, SendError, close_quic, ended, no_reply};
use crate::{
    path::{Datagrams, Host, timeout},
    transport::{ConnectError, quic::QuicClient},
};

#[derive(Debug)]
pub(super) struct DatagramClient {
    carrier: Carrier,
    retries: u32,
}

#[derive(Debug)]
enum Carrier {
    Udp {
        host: Arc<dyn Host>,
        socket: Arc<dyn Datagrams>,
        buffer: Box<[u8]>,
    },
    /// `None`: to be connected again.
    Quic {
        client: QuicClient,
        connection: Option<Connection>,
    },
}

impl DatagramClient {
    pub(super) fn udp(host: &Arc<dyn Host>, peer: SocketAddr, retries: u32) -> Result<Self, SendError> {
        let socket = host.udp_connect(peer).map_err(ConnectError::from)?;
        let buffer = vec![0; usize::from(u16::MAX)].into_boxed_slice();
        Ok(Self { carrier: Carrier::Udp { host: host.clone(), socket, buffer }, retries })
    }

    pub(super) fn quic(client: QuicClient, connection: Connection, retries: u32) -> Self {
        Self { carrier: Carrier::Quic { client, connection: Some(connection) }, retries }
    }

    /// Sends `message` until a reply comes, or until all tries got none within `limit` each.
    pub(super) async fn exchange(
        &mut self,
        host: &dyn Host,
        peer: &Peer,
        message: &[u8],
        limit: Duration,
    ) -> Result<(Vec<u8>, NonZeroU32), SendError> {
        let mut tries = NonZeroU32::MIN;
        loop {
            let exchange = self.carrier.exchange(peer, message);
            if let Ok(reply) = timeout(host, limit, exchange).await {
                let reply = reply?;
                if tries > NonZeroU32::MIN {
                    self.carrier.forget(peer)?;
                }
                return Ok((reply, tries));
            }
            if tries.get() > self.retries {
                self.carrier.forget(peer)?;
                return Err(no_reply(peer, message, limit, tries.get()));
            }
            tries = tries.saturating_add(1);
        }
    }

    pub(super) async fn close(self) {
        if let Carrier::Quic { client, connection: Some(connection) } = self.carrier {
            close_quic(&client, &connection).await;
        }
    }
}

impl Carrier {
    async fn exchange(&mut self, peer: &Peer, message: &[u8]) -> Result<Vec<u8>, SendError> {
        match self {
            Self::Udp { socket, buffer, .. } => {
                socket.send(message, peer.address, None).await?;
                let received = socket.recv(buffer).await?;
                Ok(buffer[..received.len].to_vec())
            }
            Self::Quic { client, connection } => {
                let connection = match connection {
                    Some(connection) => connection,
                    None => connection.insert(client.connect(peer.address).await?),
                };
                connection.send_datagram(Bytes::copy_from_slice(message)).map_err(|e| match e {
                    SendDatagramError::TooLarge => SendError::TooLarge {
                        len: message.len(),
                        max: connection.max_datagram_size().unwrap_or(0),
                        peer: peer.url.clone(),
                    },
                    other => ended(peer, &other),
                })?;
                let reply = connection.read_datagram().await.map_err(|e| ended(peer, &e))?;
                Ok(reply.into())
            }
        }
    }

    /// A reply that comes late must not pass for the reply to the next message. Over UDP it goes to a port
    /// that nobody listens on any more, and in QUIC to a connection that is closed; the next message opens another.
    fn forget(&mut self, peer: &Peer) -> Result<(), SendError> {
        match self {
            Self::Udp { host, socket, .. } => {
                *socket = host.udp_connect(peer.address).map_err(ConnectError::from)?;
            }
            Self::Quic { connection, .. } => {
                if let Some(connection) = connection.take() {
                    connection.close(0u32.into(), b"done");
                }
            }
        }
        Ok(())
    }
}
