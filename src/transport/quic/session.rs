//! QUIC sessions.

use std::{fmt, net::SocketAddr, sync::Arc};

use quinn::Connection;

use super::{
    client::QuicClient,
    meter::Meter,
    server::{self, QuicServer},
};
use crate::{
    path::Host,
    transport::{
        ConnectError, DialSettings, Establishing, ListenResult, ListenSettings, Listening, Mapping, Protocol,
        Recovery, Session,
    },
};

/// One end of a QUIC connection, and how messages map to it.
pub struct QuicSession {
    /// quinn's connection.
    pub connection: Connection,
    /// How messages map to it.
    pub mapping: Mapping,
    /// The endpoint of a client. It has to live as long as its connection.
    pub client: Option<QuicClient>,
    pub(super) meter: Meter,
}

impl QuicSession {
    /// A server's end of a connection that has a meter of its own.
    pub(crate) fn metered(connection: Connection, mapping: Mapping, meter: Meter) -> Self {
        Self { connection, mapping, client: None, meter }
    }

    /// Replaces a client's connection with a new one. Returns an error if the handshake failed.
    pub(crate) async fn reconnect(&mut self) -> Result<(), ConnectError> {
        let peer = self.connection.remote_address();
        let client = self.client.as_ref().ok_or_else(|| ConnectError::closed(peer))?;
        self.connection = client.connect(peer).await?;
        Ok(())
    }

    /// Closes the connection. A client waits until the server has acknowledged that.
    pub async fn close(&self) {
        self.connection.close(0u32.into(), b"done");
        if let Some(client) = &self.client {
            client.finish().await;
        }
    }

    /// Measures its congestion controller, and what waits to be sent.
    pub(crate) fn meter(&self) -> &Meter {
        &self.meter
    }

    /// Bytes of messages that the peer has acknowledged, without what may be headers.
    pub(crate) fn acknowledged(&self) -> u64 {
        self.meter.acknowledged()
    }

    /// What this end has done so far to recover from loss.
    pub fn recovery(&self) -> Recovery {
        let reading = self.meter.read(&self.connection);
        let path = self.connection.stats().path;
        let min_window = reading.min_window_bytes.map_or(path.cwnd, |least| least.min(path.cwnd));
        Recovery {
            retransmitted_packets: Some(path.lost_packets),
            congestion_events: Some(reading.congestion_events),
            timeouts: None,
            window_bytes: Some(path.cwnd),
            min_window_bytes: Some(min_window),
            window_limited: Some(reading.limited),
            limits: reading.limits,
            ..Recovery::default()
        }
    }
}

impl QuicServer {
    /// The session on a connection of this server.
    fn session(&self, connection: Connection, mapping: Mapping) -> QuicSession {
        QuicSession::metered(connection, mapping, self.meter.clone())
    }
}

impl Protocol for Mapping {
    fn dial<'a>(
        &'a self,
        host: &'a Arc<dyn Host>,
        peer: SocketAddr,
        settings: DialSettings<'a>,
    ) -> Establishing<'a> {
        Box::pin(async move {
            let DialSettings { quic, tls, tap, .. } = settings;
            let client = QuicClient::new(host, peer, tls, quic, tap)?;
            let connection = match tls.early_data {
                true => client.connect_early(peer).await?.0,
                false => client.connect(peer).await?,
            };
            let meter = client.meter.clone();
            let session = QuicSession { connection, mapping: *self, client: Some(client), meter };
            Ok(Session::Quic(Box::new(session)))
        })
    }

    fn listen(&self, host: &Arc<dyn Host>, local: SocketAddr, settings: ListenSettings<'_>) -> ListenResult {
        let tls = settings.need_tls("QUIC", local)?;
        let ListenSettings { quic, tap, .. } = settings;
        let server = server::listen(host, local, tls, quic, tap)?;
        let local = server.endpoint.local_addr().unwrap_or(local);
        Ok(Box::new(QuicListening { local, server, mapping: *self, early_data: tls.early_data }))
    }
}

struct QuicListening {
    local: SocketAddr,
    server: QuicServer,
    mapping: Mapping,
    early_data: bool,
}

impl Listening for QuicListening {
    fn local_addr(&self) -> SocketAddr {
        self.local
    }

    fn accept(&mut self) -> Establishing<'_> {
        Box::pin(async move {
            // A corrupted first packet is a failed handshake. Its sender tries again.
            let connection = loop {
                let incoming = self.server.endpoint.accept().await;
                let incoming = incoming.ok_or_else(|| ConnectError::closed(self.local))?;
                if let Ok(connection) = handshake(incoming, self.early_data).await {
                    break connection;
                }
            };
            Ok(Session::Quic(Box::new(self.server.session(connection, self.mapping))))
        })
    }
}

/// A server's handshake. With early data, the connection is returned before the handshake is complete.
async fn handshake(
    incoming: quinn::Incoming,
    early_data: bool,
) -> Result<Connection, quinn::ConnectionError> {
    if !early_data {
        return incoming.await;
    }
    match incoming.accept()?.into_0rtt() {
        Ok((connection, _)) => Ok(connection),
        Err(connecting) => connecting.await,
    }
}

impl fmt::Debug for QuicSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let peer = self.connection.remote_address();
        f.debug_struct("QuicSession")
            .field("peer", &peer)
            .field("mapping", &self.mapping)
            .finish_non_exhaustive()
    }
}
