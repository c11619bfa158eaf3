//! How quinn is set up.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use quinn::{AsyncUdpSocket, Endpoint, EndpointConfig, IdleTimeout, TransportConfig, VarInt};
use ring::hmac;

use super::meter::{Meter, MeteredFactory};
use crate::{
    path::{Host, PathError, quinn_runtime},
    transport::Congestion,
    unit::random,
};

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
pub(super) const CLIENT_KEYS: u64 = 0x5143_4c49;
pub(super) const SERVER_KEYS: u64 = 0x5153_5256;

impl QuicSettings {
    /// `streams` is how many the peer may open.
    pub(super) fn transport(&self, meter: &Meter, streams: u32) -> TransportConfig {
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

    pub(super) fn endpoint(&self, keys: u64) -> EndpointConfig {
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

/// Opens an endpoint on `socket`. Without `server` it accepts no connections.
pub(super) fn open_endpoint(
    host: &Arc<dyn Host>,
    socket: Arc<dyn AsyncUdpSocket>,
    config: EndpointConfig,
    server: Option<quinn::ServerConfig>,
) -> Result<Endpoint, PathError> {
    let local = socket.local_addr().unwrap_or_else(|_| SocketAddr::from(([0; 4], 0)));
    Endpoint::new_with_abstract_socket(config, server, socket, quinn_runtime(host.clone()))
        .map_err(|e| PathError::from_io("open QUIC", local, e))
}
