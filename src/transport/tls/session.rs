//! TLS sessions over the kernel's TCP.

use std::{net::SocketAddr, sync::Arc};

use futures_util::{StreamExt, stream::FuturesUnordered};
use rustls::{ServerConfig, pki_types::ServerName};

use super::early::accept_early;
use crate::{
    path::{Connected, Host, Listener},
    tap::{StreamTap, Tap},
    transport::{
        Carrier, ClosedForm, ConnectError, Controllers, Credentials, DialSettings, Establishing,
        ListenResult, ListenSettings, Listening, OrderedUnit, Protocol, Scheme, Session, Shape, Spec,
        StreamSession, Transport, security::ClientTls, session::tap_stream,
    },
};

#[derive(Debug)]
struct Tls;

impl Protocol for Tls {
    fn dial<'a>(
        &'a self,
        host: &'a Arc<dyn Host>,
        peer: SocketAddr,
        settings: DialSettings<'a>,
    ) -> Establishing<'a> {
        Box::pin(async move {
            // Handshake records stand between early messages, so the offsets of these are unknown.
            let tap = settings.tap.filter(|_| !settings.tls.early_data);
            let (connected, tap) = tap_stream(tap.as_ref(), host.tcp_connect(peer).await?);
            Ok(session(connect(host, connected, settings.tls).await?, tap))
        })
    }

    fn listen(&self, host: &Arc<dyn Host>, local: SocketAddr, settings: ListenSettings<'_>) -> ListenResult {
        let listener = host.tcp_listen(local)?;
        let tls = settings.need_tls("TLS", local)?;
        let config = tls.config(host).map_err(|e| ConnectError::Failed {
            what: "TLS server setup",
            peer: listener.local_addr(),
            reason: e.to_string(),
        })?;
        let tap = settings.tap.filter(|_| !tls.early_data);
        let handshakes = FuturesUnordered::new();
        Ok(Box::new(TlsListening { host: host.clone(), listener, config: Arc::new(config), tap, handshakes }))
    }
}

struct TlsListening {
    host: Arc<dyn Host>,
    listener: Box<dyn Listener>,
    config: Arc<ServerConfig>,
    tap: Option<Tap>,
    /// Those in progress.
    handshakes: FuturesUnordered<Establishing<'static>>,
}

impl Listening for TlsListening {
    fn local_addr(&self) -> SocketAddr {
        self.listener.local_addr()
    }

    /// The next session whose handshake ends. Several clients can make theirs at a time.
    fn accept(&mut self) -> Establishing<'_> {
        Box::pin(async move {
            loop {
                let connected = tokio::select! {
                    biased;
                    Some(session) = self.handshakes.next() => return session,
                    connected = self.listener.accept() => connected?,
                };
                let (connected, tap) = tap_stream(self.tap.as_ref(), connected);
                if self.config.max_early_data_size > 0 {
                    return Ok(session(accept_early(&self.host, connected, &self.config)?, tap));
                }
                self.handshakes.push(Box::pin(handshake(self.config.clone(), connected, tap)));
            }
        })
    }
}

/// A server's TLS handshake over a TCP connection.
async fn handshake(
    config: Arc<ServerConfig>,
    connected: Connected,
    tap: Option<StreamTap>,
) -> Result<Session, ConnectError> {
    let Connected { stream, local, peer, kernel } = connected;
    let accepting = tokio_rustls::TlsAcceptor::from(config).accept(stream);
    let mut stream = accepting.await.map_err(|e| ConnectError::from_tls(peer, e))?;
    fill_records(stream.get_mut().1);
    Ok(session(Connected { stream: Box::new(stream), local, peer, kernel }, tap))
}

/// A client's TLS handshake over a TCP connection. With early data and a session to resume it returns at once, and the
/// handshake is made as the first bytes are written.
async fn connect(
    host: &Arc<dyn Host>,
    connected: Connected,
    tls: &ClientTls,
) -> Result<Connected, ConnectError> {
    let Connected { stream, local, peer, kernel } = connected;
    let config = tls.config(host).map_err(|e| ConnectError::Failed {
        what: "TLS client setup",
        peer,
        reason: e.to_string(),
    })?;
    let name: ServerName<'static> = tls.server_name.clone();
    let mut stream = tokio_rustls::TlsConnector::from(Arc::new(config))
        .early_data(tls.early_data)
        .connect(name, stream)
        .await
        .map_err(|e| ConnectError::from_tls(peer, e))?;
    fill_records(stream.get_mut().1);
    Ok(Connected { stream: Box::new(stream), local, peer, kernel })
}

/// Makes rustls take a message as a whole, so that each of its records but the last is full. With its limit of 64 KiB
/// the records of a longer message would depend on how fast the socket takes them.
pub(crate) fn fill_records<D>(connection: &mut rustls::ConnectionCommon<D>) {
    connection.set_buffer_limit(None);
}

fn session(connected: Connected, tap: Option<StreamTap>) -> Session {
    Session::Stream(StreamSession { connected, tap, wire_bytes })
}

/// How many bytes of TCP a message of `length` bytes takes.
pub(crate) fn wire_bytes(length: usize) -> u64 {
    /// A record's header, the content type that ends its plaintext, and the tag (RFC 8446 section 5.2).
    const RECORD_OVERHEAD: usize = 5 + 1 + 16;
    /// The largest plaintext of a record (RFC 8446 section 5.1). See [`fill_records`].
    const RECORD: usize = 1 << 14;
    (length + length.div_ceil(RECORD) * RECORD_OVERHEAD) as u64
}

static SPEC: Spec = Spec {
    name: "tls",
    scheme: &Scheme {
        name: "tls",
        default_port: 9443,
        query: None,
        default: || Transport::TLS,
        carrier: Carrier::KernelTcp,
        credentials: Credentials::Certificate { p256: false },
    },
    variant: None,
    shape: Shape::Stream,
    protocol: &Tls,
    ordered_unit: OrderedUnit::All,
    datagram: None,
    has_handshake: true,
    handshake: "TLS handshake",
    resumes_sessions: true,
    controllers: Controllers::Kernel,
    closed_form: ClosedForm::KERNEL_TCP,
    no_remote_transfer: None,
};

impl Transport {
    /// TLS 1.3 over the kernel's TCP (RFC 8446).
    pub const TLS: Self = Self::new(&SPEC);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_takes_22_bytes_more_for_each_record_that_it_fills() {
        for (length, records) in [(1, 1), (1000, 1), (16_384, 1), (16_385, 2), (40_000, 3)] {
            assert_eq!(wire_bytes(length), length as u64 + 22 * records, "{length}");
        }
    }
}
