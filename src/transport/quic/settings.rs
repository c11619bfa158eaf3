//! How quinn is set up.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use quinn::{AsyncUdpSocket, Endpoint, EndpointConfig, IdleTimeout, TransportConfig, VarInt};
use ring::hmac;

use super::{
    declared::DeclaredLosses, meter::Meter, metered::MeteredFactory, recorder::Recorders,
    simulated_ids::SimulatedIds,
};
use crate::{
    path::{Host, PathError, Side, quinn_runtime},
    tap::Tap,
    trace::{QuicTracers, Thresholds},
    transport::{Congestion, LossDetection},
    unit::random,
};

/// Everything that differs from quinn's defaults. Results disclose it.
#[derive(Debug, Clone)]
pub struct QuicSettings {
    /// The congestion controller.
    pub congestion: Congestion,
    /// When packets are declared lost.
    pub loss_detection: LossDetection,
    /// Seed for connection ids and keys, in place of the system's randomness.
    pub seed: Option<u64>,
    /// Limits on a peer's use of resources.
    pub limits: QuicLimits,
    /// What traces the connections.
    pub tracers: QuicTracers,
}

/// Limits on a QUIC peer's use of resources.
#[derive(Debug, Clone, Copy)]
pub struct QuicLimits {
    /// Bidirectional streams that a client may have open.
    pub streams: u32,
    /// Unidirectional streams that a peer may have open.
    pub unidirectional: u32,
    /// How many of each `Windows` may make of them.
    pub max_streams: u32,
    /// Bytes that a peer may send ahead of the application.
    pub receive_window: u64,
    /// Bytes that may wait to be sent or acknowledged on all streams, and as many again as datagrams to be sent.
    pub send_buffer: u64,
    /// How large `Windows` may make the two.
    pub max_window: u64,
    /// Idle timeout. `None`: never.
    pub idle: Option<Duration>,
    /// Keeps a connection from becoming idle while both ends are there, and finds out early if they are not.
    pub keeps_alive: bool,
}

impl QuicLimits {
    /// Beyond the reach of any experiment: limits look like head-of-line blocking.
    pub const EXPERIMENT: Self = Self {
        streams: 65_536,
        unidirectional: 0,
        max_streams: 65_536,
        receive_window: 1 << 40,
        // Waiting messages are measured, not dropped.
        send_buffer: 1 << 30,
        max_window: 1 << 40,
        idle: None,
        keeps_alive: false,
    };
}

/// Streams of the random generator for keys. The two ends use different ones.
pub(super) const CLIENT_KEYS: u64 = 0x5143_4c49;
pub(super) const SERVER_KEYS: u64 = 0x5153_5256;

impl QuicSettings {
    /// Recorders for the connections of one end, if something traces them. They also report declared losses to `tap`.
    pub(super) fn recorders(
        &self,
        side: Side,
        host: &Arc<dyn Host>,
        tap: Option<&Tap>,
    ) -> Option<Arc<Recorders>> {
        let mut tracers = self.tracers.clone();
        tap.filter(|tap| tap.follows_losses())
            .into_iter()
            .for_each(|tap| tracers.push(Arc::new(DeclaredLosses(tap.clone()))));
        let LossDetection { packet_threshold: packets, time_threshold } = self.loss_detection;
        let thresholds = Thresholds { packets, time: time_threshold.round_trips() };
        Recorders::new(side, host, tracers, thresholds)
    }

    /// The peer may open `streams` bidirectional streams.
    pub(super) fn transport(
        &self,
        meter: &Meter,
        recorders: Option<Arc<Recorders>>,
        streams: u32,
    ) -> TransportConfig {
        let limits = self.limits;
        let LossDetection { packet_threshold, time_threshold } = self.loss_detection;
        let bytes = |bytes| VarInt::from_u64(bytes).unwrap_or(VarInt::MAX);
        let mut transport = TransportConfig::default();
        transport
            .max_concurrent_bidi_streams(streams.into())
            .max_concurrent_uni_streams(limits.unidirectional.into())
            // quinn cannot change a stream's window later; that of the connection holds for each stream, too.
            .stream_receive_window(bytes(limits.max_window))
            .receive_window(bytes(limits.receive_window))
            .send_window(limits.send_buffer)
            .datagram_send_buffer_size(usize::try_from(limits.send_buffer).unwrap_or(usize::MAX))
            .datagram_receive_buffer_size(Some(usize::try_from(limits.receive_window).unwrap_or(usize::MAX)))
            .packet_threshold(packet_threshold)
            .time_threshold(time_threshold.round_trips())
            .max_idle_timeout(limits.idle.and_then(idle_timeout))
            // Several may be lost.
            .keep_alive_interval(limits.idle.filter(|_| limits.keeps_alive).map(|idle| idle / 4))
            .congestion_controller_factory(Arc::new(MeteredFactory {
                congestion: self.congestion,
                meter: meter.clone(),
                recorders,
            }));
        transport
    }

    pub(super) fn endpoint(&self, host: &dyn Host, keys: u64) -> EndpointConfig {
        let Some(seed) = self.seed else {
            return EndpointConfig::default();
        };
        let reset_key = hmac::Key::new(hmac::HMAC_SHA256, &random::key(seed, keys));
        let mut endpoint = EndpointConfig::new(Arc::new(reset_key));
        endpoint.rng_seed(Some(random::key(seed, keys + 1)));
        if let Some(randomness) = host.randomness() {
            let ids = SimulatedIds::new(randomness);
            endpoint.cid_generator(move || Box::new(ids.clone()));
        }
        endpoint
    }
}

/// At least one millisecond: an idle timeout of 0 disables it (RFC 9000 section 18.2).
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
