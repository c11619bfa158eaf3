//! The options of a server.

use std::{fmt::Debug, net::SocketAddr, sync::Arc, time::Duration};

use super::guard::Access;
use crate::{
    service::{DEFAULT_MAX_MESSAGE, Service},
    transport::{SharedKey, WindowMemory, tls::Identity},
};

/// Default limit on the concurrent connections of a URL.
const DEFAULT_MAX_CONNECTIONS: usize = 1024;

/// Default number of QUIC handshakes in progress from which on clients must validate their address. 500 new clients per
/// second have about 50 handshakes in progress at a round trip of 100 ms.
pub const DEFAULT_RETRY_ABOVE: usize = 64;

/// Default limit on the streams that a client may have open on a QUIC connection.
pub const DEFAULT_MAX_STREAMS: u32 = 16_384;

/// Default limit on the window of a QUIC or ARQ connection in each direction: 850 Mbit/s at a round trip of 600 ms.
const DEFAULT_MAX_WINDOW: u64 = 64 << 20;

/// Default limit on the memory by which all windows may grow.
const DEFAULT_WINDOW_MEMORY: u64 = 512 << 20;

/// Default limit on the connections of one source, out of `connections`: a quarter, so that it takes at least four
/// sources to fill the server.
pub fn share_of_one_source(connections: usize) -> usize {
    connections.div_ceil(4)
}

/// What a server answers, and its limits.
#[derive(Debug, Clone)]
pub struct Options {
    /// The service.
    pub service: Service,
    /// The sources that are answered, and their rate limit.
    pub access: Access,
    /// Maximum bytes of a message. `echo` on a byte stream copies without a limit.
    pub max_message: usize,
    /// Maximum concurrent connections of each URL.
    pub max_connections: usize,
    /// Maximum concurrent connections of one source, which is an IPv4 address or an IPv6 /64 network. Loopback is no
    /// exception.
    pub max_connections_per_source: usize,
    /// Number of QUIC handshakes in progress from which on clients must validate their address first (Retry), which
    /// takes them one more round trip.
    pub retry_above: usize,
    /// Streams that a client may have open on a QUIC connection. It begins with fewer, and gets more as it uses them.
    pub max_streams: u32,
    /// Bytes of a QUIC or ARQ connection that may be under way in each direction. A connection begins with fewer, and
    /// gets more as it uses them.
    pub max_window: u64,
    /// The memory that all QUIC and ARQ connections together may take for windows, streams and bytes out of order,
    /// beyond what each begins with.
    pub window_memory: WindowMemory,
    /// A connection is closed after this long without a byte.
    pub idle: Duration,
    /// The certificate for TLS and QUIC.
    pub identity: Option<Identity>,
    /// For transports whose two ends know one key.
    pub shared_key: Option<SharedKey>,
    /// Accept QUIC 0-RTT data, which can be replayed.
    pub early_data: bool,
    /// Seed for connection ids and keys, in place of the system's randomness.
    pub seed: Option<u64>,
    /// Receives events.
    pub observer: Arc<dyn Observer>,
}

impl Options {
    /// `service` with the default limits.
    pub fn new(service: Service) -> Self {
        Self {
            service,
            access: Access::default(),
            max_message: DEFAULT_MAX_MESSAGE,
            max_connections: DEFAULT_MAX_CONNECTIONS,
            max_connections_per_source: share_of_one_source(DEFAULT_MAX_CONNECTIONS),
            retry_above: DEFAULT_RETRY_ABOVE,
            max_streams: DEFAULT_MAX_STREAMS,
            max_window: DEFAULT_MAX_WINDOW,
            window_memory: WindowMemory::new(DEFAULT_WINDOW_MEMORY),
            idle: Duration::from_secs(60),
            identity: None,
            shared_key: None,
            early_data: false,
            seed: None,
            observer: Arc::new(Silent),
        }
    }
}

/// Receives the events of a server as they happen.
pub trait Observer: Debug + Send + Sync {
    /// `peer` has connected to `url`; on a datagram transport, it is answered for the first time.
    fn client(&self, url: &str, peer: SocketAddr);
    /// An error occurred on `url`, which is served on.
    fn trouble(&self, url: &str, problem: &str);
}

#[derive(Debug)]
struct Silent;

impl Observer for Silent {
    fn client(&self, _: &str, _: SocketAddr) {}
    fn trouble(&self, _: &str, _: &str) {}
}
