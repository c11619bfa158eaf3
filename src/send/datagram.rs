//! Messages as datagrams, on a socket or in QUIC. A datagram may be lost, and is then sent again.

use std::num::NonZeroU32;

use super::{
    dialer::Dialer,
    error::{Peer, SendError},
    quic::exchange_datagram,
};
use crate::{
    path::timeout,
    transport::{DatagramSession, Session, quic::QuicSession},
};

#[derive(Debug)]
pub(super) enum DatagramClient {
    Socket {
        session: DatagramSession,
        buffer: Box<[u8]>,
    },
    Quic {
        session: QuicSession,
        /// Whether the connection was closed, so that the next message needs a new one.
        closed: bool,
    },
}

impl DatagramClient {
    pub(super) fn on_socket(session: DatagramSession) -> Self {
        Self::Socket { session, buffer: vec![0; usize::from(u16::MAX)].into_boxed_slice() }
    }

    pub(super) fn on_quic(session: QuicSession) -> Self {
        Self::Quic { session, closed: false }
    }

    /// Sends `message` until a reply comes or all tries have timed out.
    pub(super) async fn exchange(
        &mut self,
        dialer: &Dialer,
        message: &[u8],
    ) -> Result<(Vec<u8>, NonZeroU32), SendError> {
        let limit = dialer.options.timeout;
        let mut tries = NonZeroU32::MIN;
        loop {
            let exchange = self.exchange_once(&dialer.peer, message);
            if let Ok(reply) = timeout(&*dialer.host, limit, exchange).await {
                let reply = reply?;
                if tries > NonZeroU32::MIN {
                    self.discard_late_replies(dialer).await?;
                }
                return Ok((reply, tries));
            }
            if tries.get() > dialer.options.retries {
                self.discard_late_replies(dialer).await?;
                return Err(dialer.peer.no_reply(message, limit, tries.get()));
            }
            tries = tries.saturating_add(1);
        }
    }

    async fn exchange_once(&mut self, peer: &Peer, message: &[u8]) -> Result<Vec<u8>, SendError> {
        match self {
            Self::Socket { session, buffer } => {
                session.socket.send(message, peer.address, None).await?;
                let received = session.socket.recv(buffer).await?;
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

    /// Makes sure that a late reply is not taken for the reply to the next message: the socket is replaced by a new
    /// one, or the QUIC connection is closed.
    async fn discard_late_replies(&mut self, dialer: &Dialer) -> Result<(), SendError> {
        match self {
            Self::Socket { session, .. } => {
                if let Session::Datagrams(new) = dialer.dial().await? {
                    *session = new;
                }
            }
            Self::Quic { session, closed } => {
                session.connection.close(0u32.into(), b"done");
                *closed = true;
            }
        }
        Ok(())
    }

    pub(super) async fn close(self) {
        if let Self::Quic { session, closed: false } = self {
            session.close().await;
        }
    }
}
