//! Sockets of this machine in front of a wire.

use std::{fmt::Debug, io, net::SocketAddr, sync::Arc};

use quinn::AsyncUdpSocket;

use crate::path::layered_quic::QuicLayer;

/// A socket of quinn's in front of a wire.
#[derive(Debug)]
pub(in crate::path) struct OnWire<G> {
    /// Dropped just before the socket.
    pub(in crate::path) _guard: G,
    pub(in crate::path) socket: Arc<dyn AsyncUdpSocket>,
    /// Where others reach the socket.
    pub(in crate::path) reached: SocketAddr,
}

impl<G: Debug + Send + Sync + 'static> QuicLayer for OnWire<G> {
    fn socket(&self) -> &Arc<dyn AsyncUdpSocket> {
        &self.socket
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.reached)
    }

    /// One packet per transmit, as in virtual time, so that both paths send the same packets.
    fn max_transmit_segments(&self) -> usize {
        1
    }

    /// The wire drops what exceeds its MTU.
    fn may_fragment(&self) -> bool {
        false
    }
}
