//! Connects to a server.

use std::sync::Arc;

use super::{Options, arq, error::Peer, quic};
use crate::{
    path::{Elapsed, Host, timeout},
    transport::{self, ConnectError, DialSettings, Session, Transport},
};

/// Makes sessions with one server.
#[derive(Debug)]
pub(super) struct Dialer {
    pub(super) host: Arc<dyn Host>,
    pub(super) transport: Transport,
    pub(super) peer: Peer,
    pub(super) options: Options,
}

impl Dialer {
    pub(super) async fn dial(&self) -> Result<Session, ConnectError> {
        let (quic, arq) = (quic::settings(&self.options), arq::settings(&self.options));
        let settings = DialSettings {
            quic: &quic,
            arq: &arq,
            tls: &self.options.tls,
            shared_key: self.options.shared_key.as_ref(),
            tcp_tracer: None,
            seed: self.options.seed,
            tap: None,
        };
        self.in_time(transport::dial(&self.host, self.transport, self.peer.address, settings)).await?
    }

    /// Runs a part of connecting for at most the time limit.
    pub(super) async fn in_time<T>(&self, connecting: impl Future<Output = T>) -> Result<T, ConnectError> {
        timeout(&*self.host, self.options.timeout, connecting).await.map_err(|Elapsed(after)| {
            ConnectError::TimedOut { what: self.transport.spec().handshake, peer: self.peer.address, after }
        })
    }
}
