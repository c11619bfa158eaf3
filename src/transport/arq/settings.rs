//! How the two ends of an ARQ connection are set up.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use rand::Rng;

use crate::{
    arq::{self, Config, ConnectionId, Mode},
    trace::ArqTracer,
    transport::{Congestion, ConnectError, LossDetection},
    unit::random,
};

/// The largest UDP payload that every IPv6 path carries (RFC 8200 section 5): 1280 bytes less IPv6 and UDP headers. ARQ
/// does not discover the MTU of a path.
pub(crate) const SAFE_DATAGRAM: u16 = 1280 - 48;

/// Why BBR is refused.
pub(super) const NO_BBR: &str = "reliability by hand has no bbr; expected cubic, newreno or fixed";

/// How the two ends are set up.
#[derive(Debug, Clone)]
pub struct ArqSettings {
    /// The congestion controller. [`Congestion::Bbr`] is refused.
    pub congestion: Congestion,
    /// When segments are declared lost.
    pub loss_detection: LossDetection,
    /// Seed for connection ids and keys, in place of the system's randomness.
    pub seed: Option<u64>,
    /// The largest datagram, in bytes of UDP payload.
    pub max_datagram: u16,
    /// Limits on a peer's use of resources.
    pub limits: ArqLimits,
    /// Traces the connections, if they are traced.
    pub tracer: Option<Arc<dyn ArqTracer>>,
}

/// Limits on a peer's use of resources.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ArqLimits {
    /// Segments that a peer may send ahead of the application.
    pub receive_window: u32,
    /// Bytes that may wait to be sent.
    pub send_buffer: usize,
    /// Idle timeout.
    pub idle: Duration,
}

impl ArqLimits {
    /// Beyond the reach of any experiment: waiting messages are measured, not refused.
    pub const EXPERIMENT: Self =
        Self { receive_window: 1 << 20, send_buffer: usize::MAX, idle: Duration::from_secs(86_400) };
}

/// Streams of the random generator for ids and keys.
const CLIENT_IDS: u64 = 0x4152_434c;
const SERVER_KEYS: u64 = 0x4152_5356;

impl ArqSettings {
    /// The configuration of an end.
    pub(super) fn config(&self, mode: Mode, peer: SocketAddr) -> Result<Config, ConnectError> {
        let congestion = controller(self.congestion).ok_or_else(|| ConnectError::Failed {
            what: "ARQ setup",
            peer,
            reason: NO_BBR.to_owned(),
        })?;
        Ok(Config {
            mode,
            max_datagram: self.max_datagram,
            receive_window: self.limits.receive_window,
            send_buffer: self.limits.send_buffer,
            congestion,
            packet_threshold: self.loss_detection.packet_threshold,
            time_threshold: self.loss_detection.time_threshold.round_trips(),
            idle_timeout: self.limits.idle,
            ..Config::default()
        })
    }

    pub(super) fn id(&self) -> ConnectionId {
        let mut id = [0; 8];
        match self.seed {
            Some(seed) => random::generator(seed, CLIENT_IDS).fill_bytes(&mut id),
            None => rand::rng().fill_bytes(&mut id),
        }
        ConnectionId(u64::from_le_bytes(id))
    }
}

/// The key of a server's cookies, from `seed` if there is one. Servers that share a port share the key.
pub(crate) fn cookie_key(seed: Option<u64>) -> [u8; 32] {
    match seed {
        Some(seed) => random::key(seed, SERVER_KEYS),
        None => rand::random(),
    }
}

/// The controller of that name, if ARQ has it.
fn controller(congestion: Congestion) -> Option<arq::Congestion> {
    match congestion {
        Congestion::Cubic => Some(arq::Congestion::Cubic),
        Congestion::NewReno => Some(arq::Congestion::NewReno),
        Congestion::Fixed(bytes) => Some(arq::Congestion::Fixed(bytes)),
        Congestion::Bbr => None,
    }
}
