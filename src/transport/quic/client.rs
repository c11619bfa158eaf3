//! A QUIC client's end.

use std::{net::SocketAddr, sync::Arc};

use quinn::{
    Connection, ConnectionError, ConnectionId, Endpoint, ZeroRttAccepted, crypto::rustls::QuicClientConfig,
};

use super::{
    meter::Meter,
    settings::{CLIENT_KEYS, QuicSettings, open_endpoint},
    tap::{Tapped, Watch},
};
use crate::{
    path::{Host, Side},
    tap::Tap,
    transport::{
        ConnectError,
        security::{CertificateVerdict, ClientTls},
    },
};

/// A QUIC client's end. Its connections resume each other's sessions.
#[derive(Debug)]
pub struct QuicClient {
    endpoint: Endpoint,
    config: quinn::ClientConfig,
    server_name: String,
    verdict: CertificateVerdict,
    pub(super) meter: Meter,
}

impl QuicClient {
    /// A client for servers in the address family of `like`. A tap records one of its connections at a time.
    ///
    /// Returns an error if the socket cannot be opened.
    pub fn new(
        host: &Arc<dyn Host>,
        like: SocketAddr,
        tls: &ClientTls,
        settings: &QuicSettings,
        tap: Option<Tap>,
    ) -> Result<Self, ConnectError> {
        let meter = Meter::new(host);
        let failed = |reason| ConnectError::Failed { what: "QUIC client setup", peer: like, reason };
        let crypto = tls.config(host).map_err(|e| failed(e.to_string()))?;
        let inner = Arc::new(QuicClientConfig::try_from(crypto).map_err(|e| failed(e.to_string()))?);
        let recorders = settings.recorders(Side::Client, host, tap.as_ref());
        let mut config = quinn::ClientConfig::new(match Watch::new(tap, recorders.clone()) {
            Some(watch) => Arc::new(Tapped { inner, watch }),
            None => inner,
        });
        // Servers open no streams, and quinn allocates each stream that they may open.
        config.transport_config(Arc::new(settings.transport(&meter, recorders, 0)));
        if let Some(randomness) = host.randomness().cloned() {
            config.initial_dst_cid_provider(Arc::new(move || ConnectionId::new(&randomness.draw::<20>())));
        }
        let endpoint_config = settings.endpoint(&**host, CLIENT_KEYS);
        let endpoint = open_endpoint(host, host.quic_connect(like)?, endpoint_config, None)?;
        let (server_name, verdict) = (tls.server_name.to_str().into_owned(), tls.verdict.clone());
        Ok(Self { endpoint, config, server_name, verdict, meter })
    }

    /// Connects with a full handshake. Returns an error if the handshake failed.
    pub async fn connect(&self, peer: SocketAddr) -> Result<Connection, ConnectError> {
        self.begin(peer)?.await.map_err(|e| self.failed(peer, &e))
    }

    /// Connects with 0-RTT data if an earlier connection allows it. Otherwise this is [`QuicClient::connect`]. The
    /// second value tells whether the server accepted the early data.
    ///
    /// Returns an error if the handshake failed.
    pub async fn connect_early(
        &self,
        peer: SocketAddr,
    ) -> Result<(Connection, Option<ZeroRttAccepted>), ConnectError> {
        match self.begin(peer)?.into_0rtt() {
            Ok((connection, accepted)) => Ok((connection, Some(accepted))),
            Err(connecting) => {
                let connection = connecting.await.map_err(|e| self.failed(peer, &e))?;
                Ok((connection, None))
            }
        }
    }

    fn failed(&self, peer: SocketAddr, error: &ConnectionError) -> ConnectError {
        ConnectError::from_quic(peer, error, self.verdict.take())
    }

    fn begin(&self, peer: SocketAddr) -> Result<quinn::Connecting, ConnectError> {
        self.endpoint
            .connect_with(self.config.clone(), peer, &self.server_name)
            .map_err(|e| ConnectError::Failed { what: "QUIC handshake", peer, reason: e.to_string() })
    }

    /// Waits until all connections are closed at both ends.
    pub(crate) async fn finish(&self) {
        self.endpoint.wait_idle().await;
    }
}
