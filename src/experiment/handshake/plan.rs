//! Which connections are made.

use std::{str::FromStr, time::Duration};

pub use crate::report::HandshakeMode as Mode;
use crate::{
    experiment::{path_kind::PathKind, setup::Setup},
    link::LinkSpec,
    transport::{Congestion, LossDetection, Transport},
    unit::PerDirection,
};

impl Mode {
    /// Every mode, in the order in which they are shown.
    pub const ALL: [Self; 3] = [Self::Cold, Self::Resumed, Self::ZeroRtt];

    /// Whether `transport` has it: without TLS there is no session, and no early data.
    pub fn is_of(self, transport: Transport) -> bool {
        self == Self::Cold || transport.spec().resumes_sessions
    }
}

/// Not the name of a mode.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "unknown mode `{0}`: expected cold (nothing is known), resumed (a session ticket), 0rtt (early data)"
)]
pub struct UnknownMode(String);

impl FromStr for Mode {
    type Err = UnknownMode;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|mode| mode.to_string() == name)
            .ok_or_else(|| UnknownMode(name.to_owned()))
    }
}

/// One cell: one transport on one link and path in one mode.
#[derive(Debug, Clone, PartialEq)]
pub struct HandshakePlan {
    /// Where packets travel.
    pub path: PathKind,
    /// How messages travel.
    pub transport: Transport,
    /// The wire to the server and to the client; without effect on a path without a link.
    pub links: PerDirection<LinkSpec>,
    /// What the client knows before.
    pub mode: Mode,
    /// QUIC's congestion controller.
    pub congestion: Congestion,
    /// When QUIC and ARQ declare packets lost.
    pub loss_detection: LossDetection,
    /// Connections of a seed.
    pub connections: u64,
    /// How many are made at a time; what each took of the link is known of one only.
    pub parallel: usize,
    /// Bytes of a request, and of a reply.
    pub length: usize,
    /// How long a connection may take to its second reply.
    pub timeout: Duration,
    /// Bytes of the server's certificate, at least; 0: no more than it takes.
    pub certificate: usize,
}

impl HandshakePlan {
    /// The plan of `handshake` with the default of every option of its own.
    pub fn usual(setup: &Setup<'_>, mode: Mode) -> Self {
        let Setup { path, transport, links, congestion, loss_detection } = *setup;
        let (connections, seconds) = match path {
            PathKind::Sim => (100, 60),
            PathKind::Relay | PathKind::Netns => (10, 10),
            PathKind::Direct => (1000, 10),
        };
        // A lost datagram is not sent again, so a shorter timeout is enough.
        let is_short = path.is_real_time() && !transport.spec().has_handshake;
        Self {
            path,
            transport,
            links: links.clone(),
            mode,
            congestion,
            loss_detection,
            connections,
            parallel: 1,
            length: 100,
            timeout: Duration::from_secs(if is_short { 2 } else { seconds }),
            certificate: 0,
        }
    }

    /// Its point of the matrix.
    pub(in crate::experiment) fn setup(&self) -> Setup<'_> {
        let Self { path, transport, ref links, congestion, loss_detection, .. } = *self;
        Setup { path, transport, links, congestion, loss_detection }
    }

    /// The round trip of the link without queueing; `None` without one, or where it is instant.
    pub(super) fn round_trip(&self) -> Option<Duration> {
        let sum = self.links.to_server.delay + self.links.to_client.delay;
        Some(sum).filter(|sum| self.path.has_link() && !sum.is_zero())
    }
}
