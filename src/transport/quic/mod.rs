//! QUIC by quinn (RFC 9000), over any host.

pub(crate) mod bulk;
pub(super) mod channel;
mod meter;
mod spec;
mod strays;
mod tap;

use std::{fmt, net::SocketAddr, sync::Arc, time::Duration};

use quinn::{
    AsyncUdpSocket, Connection, Endpoint, EndpointConfig, IdleTimeout, TransportConfig, VarInt,
    ZeroRttAccepted,
    crypto::rustls::{QuicClientConfig, QuicServerConfig},
};
use quinn_proto::HashedConnectionIdGenerator;
use ring::{hkdf, hmac};

pub(super) use self::spec::DATAGRAM_BYTES;
pub use self::{channel::Reading, strays::Strays};
use self::{
    meter::{Meter, MeteredFactory},
    strays::{Counted, Screened},
    tap::Tapped,
};
use super::{
    Congestion, ConnectError, Recovery,
    tls::{ClientTls, HostClock, ServerTls},
};
use crate::{
    path::{Host, PathError, quinn_runtime, unspecified},
    tap::Tap,
    unit::random,
};

/// The application error by which a server says that a message is longer than it takes.
pub const TOO_LONG: VarInt = VarInt::from_u32(2);

/// How quinn is set up. What differs from quinn's defaults is here, and results disclose it.
#[derive(Debug, Clone)]
pub struct QuicSettings {
    /// The congestion controller.
    pub congestion: Congestion,
    /// Draw connection ids and the like from this seed, in place of the system's randomness.
    pub seed: Option<u64>,
    /// Bounds on what a peer may ask of us.
    pub limits: QuicLimits,
}

/// Bounds on what a QUIC peer may ask of us.
#[derive(Debug, Clone, Copy)]
pub struct QuicLimits {
    /// Bidirectional streams that a client may have open.
    pub streams: u32,
    /// Unidirectional streams that a peer may have open.
    pub unidirectional: u32,
    /// Bytes that a peer may send ahead of the application on one stream, and on all of them.
    pub receive_window: u64,
    /// Bytes that may wait to be sent on all streams, and as many again as datagrams.
    pub send_buffer: u64,
    /// After how long without a packet a connection is given up; `None`: never.
    pub idle: Option<Duration>,
}

impl QuicLimits {
    /// Out of the reach of any experiment: limits fake head-of-line blocking.
    pub const EXPERIMENT: Self = Self {
        streams: 65_536,
        unidirectional: 0,
        receive_window: 1 << 40,
        // What waits to be sent is measured, not dropped.
        send_buffer: 1 << 30,
        idle: None,
    };
}

/// Streams of the generator that keys are drawn from, so that the two ends differ.
const CLIENT_KEYS: u64 = 0x5143_4c49;
const SERVER_KEYS: u64 = 0x5153_5256;

impl QuicSettings {
    /// `streams` is how many the peer may open.
    fn transport(&self, meter: &Meter, streams: u32) -> TransportConfig {
        let limits = self.limits;
        let window = VarInt::from_u64(limits.receive_window).unwrap_or(VarInt::MAX);
        let mut transport = TransportConfig::default();
        transport
            .max_concurrent_bidi_streams(streams.into())
            .max_concurrent_uni_streams(limits.unidirectional.into())
            .stream_receive_window(window)
            .receive_window(window)
            .send_window(limits.send_buffer)
            .datagram_send_buffer_size(usize::try_from(limits.send_buffer).unwrap_or(usize::MAX))
            .datagram_receive_buffer_size(Some(usize::try_from(limits.receive_window).unwrap_or(usize::MAX)))
            .max_idle_timeout(limits.idle.and_then(idle_timeout))
            .congestion_controller_factory(Arc::new(MeteredFactory {
                congestion: self.congestion,
                meter: meter.clone(),
            }));
        transport
    }

    fn endpoint(&self, keys: u64) -> EndpointConfig {
        let Some(seed) = self.seed else {
            return EndpointConfig::default();
        };
        let reset_key = hmac::Key::new(hmac::HMAC_SHA256, &random::key(seed, keys));
        let mut endpoint = EndpointConfig::new(Arc::new(reset_key));
        endpoint.rng_seed(Some(random::key(seed, keys + 1)));
        endpoint
    }
}

/// QUIC counts in milliseconds, and none of them mean for ever (RFC 9000 section 18.2).
fn idle_timeout(idle: Duration) -> Option<IdleTimeout> {
    IdleTimeout::try_from(idle.max(Duration::from_millis(1))).ok()
}

/// What the end of `connection` whose controller is on `meter` did to recover from loss.
fn recovery(meter: &Meter, connection: &Connection) -> Recovery {
    let reading = meter.read();
    let path = connection.stats().path;
    Recovery {
        retransmitted_packets: Some(path.lost_packets),
        congestion_events: Some(reading.congestion_events),
        timeouts: None,
        min_window_bytes: reading.min_window_bytes.map(|least| least.min(path.cwnd)).or(Some(path.cwnd)),
        window_limited: Some(reading.limited),
        corrupted: 0,
    }
}

/// A QUIC server's end.
#[derive(Debug)]
pub struct QuicServer {
    /// quinn's endpoint.
    pub endpoint: Endpoint,
    /// Reads the controllers of all its connections together.
    meter: Meter,
    config: quinn::ServerConfig,
    settings: QuicSettings,
    /// What its socket received in vain, if it [shares](listen_sharing) keys.
    pub strays: Arc<Strays>,
}

impl QuicServer {
    /// The configuration for a connection whose peer may ask for no more than `limits`.
    pub fn within(&self, limits: QuicLimits) -> Arc<quinn::ServerConfig> {
        let settings = QuicSettings { limits, ..self.settings };
        let mut config = self.config.clone();
        config.transport_config(Arc::new(settings.transport(&self.meter, limits.streams)));
        Arc::new(config)
    }
}

/// The secrets by which a server knows its own tokens (RFC 9000 section 8.1) and makes its stateless resets (section
/// 10.3). Endpoints on one port share them: a client's packets may come to another than those before.
#[derive(Clone)]
pub struct QuicKeys {
    reset: Arc<hmac::Key>,
    token: Arc<hkdf::Prk>,
    /// By which connection ids of ours are told from any others.
    ids: u64,
}

impl QuicKeys {
    /// New secrets, drawn from `seed` where there is one.
    pub fn new(seed: Option<u64>) -> Self {
        let key = |stream| match seed {
            Some(seed) => random::key(seed, stream),
            None => rand::random(),
        };
        let salt = hkdf::Salt::new(hkdf::HKDF_SHA256, &[]);
        Self {
            reset: Arc::new(hmac::Key::new(hmac::HMAC_SHA256, &key(SERVER_KEYS))),
            token: Arc::new(salt.extract(&key(SERVER_KEYS + 2))),
            ids: key(SERVER_KEYS + 3).first_chunk().map_or(0, |bytes| u64::from_ne_bytes(*bytes)),
        }
    }
}

impl fmt::Debug for QuicKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QuicKeys").finish_non_exhaustive()
    }
}

/// Handshakes that may wait to be looked at, and the bytes that come with each and with all of them.
const MAX_INCOMING: usize = 1024;
const INCOMING_BYTES: u64 = 64 << 10;
const ALL_INCOMING_BYTES: u64 = 8 << 20;

/// Listens on `local`.
///
/// # Errors
///
/// Where the socket is not to be had, or key and certificate do not fit.
pub fn listen(
    host: &Arc<dyn Host>,
    local: SocketAddr,
    tls: &ServerTls,
    settings: &QuicSettings,
) -> Result<QuicServer, ConnectError> {
    listen_tapped(host, local, (tls, settings), None)
}

/// Listens on `local` as one who shares `keys` with others there, and holds little for handshakes that wait.
///
/// # Errors
///
/// Where the socket is not to be had, or the cipher suites are not fit for QUIC.
pub fn listen_sharing(
    host: &Arc<dyn Host>,
    local: SocketAddr,
    (crypto, keys): (Arc<rustls::ServerConfig>, &QuicKeys),
    settings: &QuicSettings,
) -> Result<QuicServer, ConnectError> {
    let failed = |reason| ConnectError::Failed { what: "QUIC server setup", peer: local, reason };
    let inner = Arc::new(QuicServerConfig::try_from(crypto).map_err(|e| failed(e.to_string()))?);
    let strays = Arc::<Strays>::default();
    let crypto = Arc::new(Counted { inner, strays: strays.clone() });
    let mut config = quinn::ServerConfig::new(crypto, keys.token.clone());
    config
        .max_incoming(MAX_INCOMING)
        .incoming_buffer_size(INCOMING_BYTES)
        .incoming_buffer_size_total(ALL_INCOMING_BYTES);
    let mut endpoint = EndpointConfig::new(keys.reset.clone());
    let ids = keys.ids;
    endpoint
        .rng_seed(settings.seed.map(|seed| random::key(seed, SERVER_KEYS + 1)))
        .cid_generator(move || Box::new(HashedConnectionIdGenerator::from_key(ids)));
    let ids = HashedConnectionIdGenerator::from_key(ids);
    let socket = Screened::new(host.quic_bind(local)?, ids, strays.clone(), host.timers().clone());
    let server = open_server(host, Arc::new(socket), (config, endpoint), settings)?;
    Ok(QuicServer { strays, ..server })
}

/// [`listen`], with every connection on `tap`; a tap tells one connection at a time.
pub(super) fn listen_tapped(
    host: &Arc<dyn Host>,
    local: SocketAddr,
    (tls, settings): (&ServerTls, &QuicSettings),
    tap: Option<Tap>,
) -> Result<QuicServer, ConnectError> {
    let failed = |reason| ConnectError::Failed { what: "QUIC server setup", peer: local, reason };
    let crypto = tls.config(host).map_err(|e| failed(e.to_string()))?;
    let inner = Arc::new(QuicServerConfig::try_from(crypto).map_err(|e| failed(e.to_string()))?);
    let config = quinn::ServerConfig::with_crypto(match tap {
        Some(tap) => Arc::new(Tapped { inner, tap }),
        None => inner,
    });
    open_server(host, host.quic_bind(local)?, (config, settings.endpoint(SERVER_KEYS)), settings)
}

fn open_server(
    host: &Arc<dyn Host>,
    socket: Arc<dyn AsyncUdpSocket>,
    (mut config, endpoint_config): (quinn::ServerConfig, EndpointConfig),
    settings: &QuicSettings,
) -> Result<QuicServer, ConnectError> {
    let meter = Meter::default();
    config
        .transport_config(Arc::new(settings.transport(&meter, settings.limits.streams)))
        .time_source(Arc::new(HostClock(host.clone())));
    let endpoint = endpoint(host, socket, endpoint_config, Some(config.clone()))?;
    Ok(QuicServer { endpoint, meter, config, settings: settings.clone(), strays: Arc::default() })
}

fn endpoint(
    host: &Arc<dyn Host>,
    socket: Arc<dyn AsyncUdpSocket>,
    config: EndpointConfig,
    server: Option<quinn::ServerConfig>,
) -> Result<Endpoint, PathError> {
    let local = socket.local_addr().unwrap_or_else(|_| SocketAddr::from(([0; 4], 0)));
    Endpoint::new_with_abstract_socket(config, server, socket, quinn_runtime(host.clone()))
        .map_err(|e| PathError::from_io("open QUIC", local, e))
}

/// A QUIC client's end. Its connections resume each other's sessions.
#[derive(Debug)]
pub struct QuicClient {
    endpoint: Endpoint,
    config: quinn::ClientConfig,
    server_name: String,
    meter: Meter,
}

impl QuicClient {
    /// A client for servers in the address family of `like`.
    ///
    /// # Errors
    ///
    /// Where the socket is not to be had.
    pub fn new(
        host: &Arc<dyn Host>,
        like: SocketAddr,
        tls: &ClientTls,
        settings: &QuicSettings,
    ) -> Result<Self, ConnectError> {
        Self::tapped(host, like, (tls, settings), None)
    }

    /// [`QuicClient::new`], with its connections on `tap`, one after the other.
    pub(super) fn tapped(
        host: &Arc<dyn Host>,
        like: SocketAddr,
        (tls, settings): (&ClientTls, &QuicSettings),
        tap: Option<Tap>,
    ) -> Result<Self, ConnectError> {
        let meter = Meter::default();
        let failed = |reason| ConnectError::Failed { what: "QUIC client setup", peer: like, reason };
        let crypto = tls.config(host).map_err(|e| failed(e.to_string()))?;
        let inner = Arc::new(QuicClientConfig::try_from(crypto).map_err(|e| failed(e.to_string()))?);
        let mut config = quinn::ClientConfig::new(match tap {
            Some(tap) => Arc::new(Tapped { inner, tap }),
            None => inner,
        });
        // Servers here open none, and quinn sets up each that they might open.
        config.transport_config(Arc::new(settings.transport(&meter, 0)));
        let endpoint =
            endpoint(host, host.quic_bind(unspecified(like))?, settings.endpoint(CLIENT_KEYS), None)?;
        Ok(Self { endpoint, config, server_name: tls.server_name.to_str().into_owned(), meter })
    }

    /// Connects, with the whole handshake.
    ///
    /// # Errors
    ///
    /// What the handshake failed of.
    pub async fn connect(&self, peer: SocketAddr) -> Result<Connection, ConnectError> {
        self.begin(peer)?.await.map_err(|e| ConnectError::from_quic(peer, e))
    }

    /// Connects so that data goes with the first flight, where an earlier connection allows it (0-RTT). Without
    /// that, this is [`QuicClient::connect`]. The second value tells whether the server took the early data.
    ///
    /// # Errors
    ///
    /// What the handshake failed of.
    pub async fn connect_early(
        &self,
        peer: SocketAddr,
    ) -> Result<(Connection, Option<ZeroRttAccepted>), ConnectError> {
        match self.begin(peer)?.into_0rtt() {
            Ok((connection, accepted)) => Ok((connection, Some(accepted))),
            Err(connecting) => {
                let connection = connecting.await.map_err(|e| ConnectError::from_quic(peer, e))?;
                Ok((connection, None))
            }
        }
    }

    fn begin(&self, peer: SocketAddr) -> Result<quinn::Connecting, ConnectError> {
        self.endpoint
            .connect_with(self.config.clone(), peer, &self.server_name)
            .map_err(|e| ConnectError::Failed { what: "QUIC handshake", peer, reason: e.to_string() })
    }

    /// Waits until the peers have been told that the connections are closed.
    pub async fn finish(&self) {
        self.endpoint.wait_idle().await;
    }
}
