//! A QUIC server's end.

use std::{fmt, net::SocketAddr, sync::Arc};

use quinn::{AsyncUdpSocket, Endpoint, EndpointConfig, crypto::rustls::QuicServerConfig};
use quinn_proto::HashedConnectionIdGenerator;
use ring::{hkdf, hmac};

use super::{
    meter::Meter,
    recorder::Recorders,
    screen::{Counted, Discarded, Screened},
    settings::{QuicLimits, QuicSettings, SERVER_KEYS, open_endpoint},
    tap::{Tapped, Watch},
    worker_ids::WorkerIds,
};
use crate::{
    path::{Host, LayeredQuic, Side},
    tap::Tap,
    transport::{
        ConnectError,
        security::{HostClock, Identity, ServerTls},
    },
    unit::random,
};

/// A QUIC server's end.
#[derive(Debug)]
pub struct QuicServer {
    /// quinn's endpoint.
    pub endpoint: Endpoint,
    /// Reads the congestion controllers of all its connections together.
    pub(super) meter: Meter,
    config: quinn::ServerConfig,
    settings: QuicSettings,
    /// Counts datagrams that quinn discards, if it shares keys.
    pub discarded: Arc<Discarded>,
}

impl QuicServer {
    /// The configuration for one connection with these limits, and its meter.
    pub(crate) fn within(&self, limits: QuicLimits) -> (Arc<quinn::ServerConfig>, Meter) {
        let settings = QuicSettings { limits, ..self.settings.clone() };
        let (mut config, meter) = (self.config.clone(), self.meter.another());
        config.transport_config(Arc::new(settings.transport(&meter, None, limits.streams)));
        (Arc::new(config), meter)
    }
}

/// The keys of a server's tokens (RFC 9000 section 8.1) and stateless resets (section 10.3). Endpoints on one port
/// share them, because a client's packets may reach any of the endpoints.
#[derive(Clone)]
pub(crate) struct QuicKeys {
    reset: Arc<hmac::Key>,
    token: Arc<hkdf::Prk>,
    /// The key that validates our connection ids.
    ids: u64,
}

impl QuicKeys {
    /// New keys, from `seed` if there is one. Otherwise they are derived from the server's private key: a restarted
    /// server then resets the connections of the one before it (RFC 9000 section 10.3.2).
    pub(crate) fn new(seed: Option<u64>, identity: &Identity) -> Self {
        let secret = hmac::Key::new(hmac::HMAC_SHA256, identity.key.secret_der());
        let key = |stream: u64| match seed {
            Some(seed) => random::key(seed, stream),
            None => {
                let tag = hmac::sign(&secret, &[b"wirelab QUIC keys", &stream.to_be_bytes()[..]].concat());
                tag.as_ref().first_chunk().copied().unwrap_or_else(rand::random)
            }
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

/// Limits on handshakes that wait to be accepted: their number, and the bytes buffered for each and for all.
const MAX_INCOMING: usize = 1024;
const INCOMING_BYTES: u64 = 64 << 10;
const ALL_INCOMING_BYTES: u64 = 8 << 20;

/// Listens on `local`. A tap records one connection at a time.
///
/// Returns an error if the socket cannot be bound, or if the key does not match the certificate.
pub fn listen(
    host: &Arc<dyn Host>,
    local: SocketAddr,
    tls: &ServerTls,
    settings: &QuicSettings,
    tap: Option<Tap>,
) -> Result<QuicServer, ConnectError> {
    let failed = |reason| ConnectError::Failed { what: "QUIC server setup", peer: local, reason };
    let crypto = tls.config(host).map_err(|e| failed(e.to_string()))?;
    let inner = Arc::new(QuicServerConfig::try_from(crypto).map_err(|e| failed(e.to_string()))?);
    let recorders = settings.recorders(Side::Server, host, tap.as_ref());
    let crypto: Arc<dyn quinn::crypto::ServerConfig> = match Watch::new(tap, recorders.clone()) {
        Some(watch) => Arc::new(Tapped { inner, watch }),
        None => inner,
    };
    let token = QuicKeys::new(settings.seed, &tls.identity).token;
    let config = quinn::ServerConfig::new(crypto, token);
    let (socket, endpoint) = (host.quic_bind(local)?, settings.endpoint(&**host, SERVER_KEYS));
    open_server(host, socket, config, endpoint, settings, recorders)
}

/// Listens on `local` as one of several endpoints that share `keys`, with small buffers for waiting handshakes.
///
/// Returns an error if the socket cannot be bound, or if QUIC cannot use the cipher suites.
pub(crate) fn listen_sharing(
    host: &Arc<dyn Host>,
    local: SocketAddr,
    crypto: Arc<rustls::ServerConfig>,
    keys: &QuicKeys,
    settings: &QuicSettings,
) -> Result<QuicServer, ConnectError> {
    let failed = |reason| ConnectError::Failed { what: "QUIC server setup", peer: local, reason };
    let inner = Arc::new(QuicServerConfig::try_from(crypto).map_err(|e| failed(e.to_string()))?);
    let discarded = Arc::<Discarded>::default();
    let crypto = Arc::new(Counted { inner, discarded: discarded.clone() });
    let mut config = quinn::ServerConfig::new(crypto, keys.token.clone());
    config
        .max_incoming(MAX_INCOMING)
        .incoming_buffer_size(INCOMING_BYTES)
        .incoming_buffer_size_total(ALL_INCOMING_BYTES);
    let mut endpoint = EndpointConfig::new(keys.reset.clone());
    let (ids, share) = (keys.ids, host.port_share());
    endpoint.rng_seed(settings.seed.map(|seed| random::key(seed, SERVER_KEYS + 1))).cid_generator(
        move || Box::new(WorkerIds { ids: HashedConnectionIdGenerator::from_key(ids), share }),
    );
    let ids = HashedConnectionIdGenerator::from_key(ids);
    let socket = Screened::new(host.quic_bind(local)?, ids, discarded.clone(), host.timers().clone());
    let server = open_server(host, Arc::new(LayeredQuic(socket)), config, endpoint, settings, None)?;
    Ok(QuicServer { discarded, ..server })
}

fn open_server(
    host: &Arc<dyn Host>,
    socket: Arc<dyn AsyncUdpSocket>,
    mut config: quinn::ServerConfig,
    endpoint_config: EndpointConfig,
    settings: &QuicSettings,
    recorders: Option<Arc<Recorders>>,
) -> Result<QuicServer, ConnectError> {
    let meter = Meter::new(host);
    config
        .transport_config(Arc::new(settings.transport(&meter, recorders, settings.limits.streams)))
        .time_source(Arc::new(HostClock(host.clone())));
    let endpoint = open_endpoint(host, socket, endpoint_config, Some(config.clone()))?;
    Ok(QuicServer { endpoint, meter, config, settings: settings.clone(), discarded: Arc::default() })
}
