//! Messages as datagrams, on a socket or in QUIC. A datagram may be lost, and is then sent again.

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use super::{
    error::{Peer, SendError},
    quic::exchange_datagram,
};
use crate::{
    path::{Datagrams, Host, timeout},
    transport::{ConnectError, DatagramSession, quic::QuicSession},
};

#[derive(Debug)]
pub(super) struct DatagramClient {
    carrier: Carrier,
    retries: u32,
}

#[derive(Debug)]
enum Carrier {
    Socket {
        host: Arc<dyn Host>,
        socket: Arc<dyn Datagrams>,
        buffer: Box<[u8]>,
    },
    Quic {
        session: QuicSession,
        /// Whether the connection was closed, so that the next message needs a new one.
        closed: bool,
    },
}

impl DatagramClient {
    pub(super) fn on_socket(host: &Arc<dyn Host>, session: DatagramSession, retries: u32) -> Self {
        let buffer = vec![0; usize::from(u16::MAX)].into_boxed_slice();
        Self { carrier: Carrier::Socket { host: host.clone(), socket: session.socket, buffer }, retries }
    }

    pub(super) fn on_quic(session: QuicSession, retries: u32) -> Self {
        Self { carrier: Carrier::Quic { session, closed: false }, retries }
    }

    /// Sends `message` until a reply comes or all tries have timed out, each after `limit`.
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
                    self.carrier.discard_late_replies(peer)?;
                }
                return Ok((reply, tries));
            }
            if tries.get() > self.retries {
                self.carrier.discard_late_replies(peer)?;
                return Err(peer.no_reply(message, limit, tries.get()));
            }
            tries = tries.saturating_add(1);
        }
    }

    pub(super) async fn close(self) {
        if let Carrier::Quic { session, closed: false } = self.carrier {
            session.close().await;
        }
    }
}

impl Carrier {
    async fn exchange(&mut self, peer: &Peer, message: &[u8]) -> Result<Vec<u8>, SendError> {
        match self {
            Self::Socket { socket, buffer, .. } => {
                socket.send(message, peer.address, None).await?;
                let received = socket.recv(buffer).await?;
                Ok(buffer[..received.len].to_vec())
            }
            Self::Quic { session, closed } => {
                if *closed {
                    session.reconnect().await?;
                    *closed = false;
                }
                exchange_datagram(&session.connection, peer, message).await
            }
        }
    }

    /// Makes sure that a late reply is not taken for the reply to the next message: the socket gets a new port, or the
    /// QUIC connection is closed.
    fn discard_late_replies(&mut self, peer: &Peer) -> Result<(), SendError> {
        match self {
            Self::Socket { host, socket, .. } => {
                *socket = host.udp_connect(peer.address).map_err(ConnectError::from)?;
            }
            Self::Quic { session, closed } => {
                session.connection.close(0u32.into(), b"done");
                *closed = true;
            }
        }
        Ok(())
    }
}
