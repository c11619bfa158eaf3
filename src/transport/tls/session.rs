//! TLS sessions over the kernel's TCP.

use std::{net::SocketAddr, sync::Arc};

use futures_util::{StreamExt, stream::FuturesUnordered};
use rustls::{ServerConfig, pki_types::ServerName};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{
    early::accept_early,
    limits::{HANDSHAKE_LIMIT, MOST_HANDSHAKES},
};
use crate::{
    path::{Connected, Host, Listener, timeout},
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
        Ok(Box::new(TlsListening::new(host, listener, config, tap)))
    }
}

struct TlsListening {
    host: Arc<dyn Host>,
    listener: Box<dyn Listener>,
    config: Arc<ServerConfig>,
    tap: Option<Tap>,
    /// Those in progress.
    handshakes: FuturesUnordered<Establishing<'static>>,
    /// Places for handshakes.
    places: Arc<Semaphore>,
}

impl TlsListening {
    fn new(
        host: &Arc<dyn Host>,
        listener: Box<dyn Listener>,
        config: ServerConfig,
        tap: Option<Tap>,
    ) -> Self {
        let places = Arc::new(Semaphore::new(MOST_HANDSHAKES));
        let (host, config) = (host.clone(), Arc::new(config));
        Self { host, listener, config, tap, handshakes: FuturesUnordered::new(), places }
    }
}

impl Listening for TlsListening {
    fn local_addr(&self) -> SocketAddr {
        self.listener.local_addr()
    }

    /// The next session whose handshake ends. Several clients can make theirs at a time.
    fn accept(&mut self) -> Establishing<'_> {
        let Self { host, listener, config, tap, handshakes, places } = self;
        Box::pin(async move {
            loop {
                let next_client = async {
                    // The semaphore is never closed.
                    let place = places.clone().acquire_owned().await.ok();
                    listener.accept().await.map(|connected| (connected, place))
                };
                let (connected, place) = tokio::select! {
                    biased;
                    Some(session) = handshakes.next() => return session,
                    client = next_client => client?,
                };
                let (connected, tap) = tap_stream(tap.as_ref(), connected);
                if config.max_early_data_size > 0 {
                    return Ok(session(accept_early(host, connected, config, place)?, tap));
                }
                handshakes.push(Box::pin(handshake(host.clone(), config.clone(), connected, tap, place)));
            }
        })
    }
}

/// A server's TLS handshake over a TCP connection, which takes a place.
async fn handshake(
    host: Arc<dyn Host>,
    config: Arc<ServerConfig>,
    connected: Connected,
    tap: Option<StreamTap>,
    _place: Option<OwnedSemaphorePermit>,
) -> Result<Session, ConnectError> {
    let Connected { stream, local, peer, kernel } = connected;
    let accepting = tokio_rustls::TlsAcceptor::from(config).accept(stream);
    let accepted = timeout(&*host, HANDSHAKE_LIMIT, accepting).await;
    let accepted =
        accepted.map_err(|e| ConnectError::TimedOut { what: "TLS handshake", peer, after: e.0 })?;
    let mut stream = accepted.map_err(|e| ConnectError::from_tls(peer, e))?;
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
    use std::collections::VecDeque;

    use tokio::io::duplex;

    use super::*;
    use crate::{
        certs,
        link::LinkSpec,
        path::{BoxFuture, PathError, Side, sim::World},
        transport::security::{CertificateVerdict, ServerTls, Trust},
        unit::{PerDirection, Time},
    };

    const ADDRESS: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 1);

    /// The backlog of a listener.
    #[derive(Debug)]
    struct Backlog(VecDeque<Connected>);

    impl Listener for Backlog {
        fn local_addr(&self) -> SocketAddr {
            ADDRESS
        }

        fn accept(&mut self) -> BoxFuture<'_, Result<Connected, PathError>> {
            match self.0.pop_front() {
                Some(connected) => Box::pin(std::future::ready(Ok(connected))),
                None => Box::pin(std::future::pending()),
            }
        }
    }

    /// The two ends of a connection.
    fn connection() -> [Connected; 2] {
        let (client, server) = duplex(1 << 14);
        [client, server].map(|stream| Connected {
            stream: Box::new(stream),
            local: ADDRESS,
            peer: ADDRESS,
            kernel: None,
        })
    }

    /// When a client's handshake ends that connects after `silent` others that say nothing.
    fn accepted_after(silent: usize, early_data: bool) -> Time {
        let world = World::new(&PerDirection::both(LinkSpec::default()), 1);
        let host = world.host(Side::Server);
        let (identity, _) = certs::ephemeral().unwrap();
        let tls = ServerTls { identity, early_data, key_log: None };
        let client_tls = ClientTls {
            trust: Trust::Anyone,
            server_name: certs::EPHEMERAL_NAME.try_into().unwrap(),
            early_data: false,
            sessions: None,
            key_log: None,
            verdict: CertificateVerdict::default(),
        };
        let (others, waiting): (Vec<_>, VecDeque<_>) = (0..silent).map(|_| connection().into()).unzip();
        let [client, server] = connection();
        let backlog = Backlog(waiting.into_iter().chain([server]).collect());
        let config = tls.config(&host).unwrap();
        let mut listening = TlsListening::new(&host, Box::new(backlog), config, None);
        let serving = async {
            let mut sessions = Vec::new();
            loop {
                sessions.push(listening.accept().await);
            }
        };
        let connected = world.run(async {
            tokio::select! {
                biased;
                session = connect(&host, client, &client_tls) => session.map(|_| host.now()),
                () = serving => unreachable!("it does not end"),
            }
        });
        drop(others);
        connected.unwrap().unwrap()
    }

    #[test]
    fn handshakes_in_progress_are_limited_in_number_and_time() {
        for early_data in [false, true] {
            let last_place = accepted_after(MOST_HANDSHAKES - 1, early_data);
            assert_eq!(last_place, Time::ZERO, "early data: {early_data}");
            let no_place = accepted_after(MOST_HANDSHAKES, early_data);
            assert_eq!(no_place, Time::ZERO + HANDSHAKE_LIMIT, "early data: {early_data}");
        }
    }

    #[test]
    fn a_message_takes_22_bytes_more_for_each_record_that_it_fills() {
        for (length, records) in [(1, 1), (1000, 1), (16_384, 1), (16_385, 2), (40_000, 3)] {
            assert_eq!(wire_bytes(length), length as u64 + 22 * records, "{length}");
        }
    }
}
