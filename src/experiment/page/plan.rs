//! What is loaded, and how.

use std::time::Duration;

use super::model::Page;
pub use crate::report::HandshakeMode as Mode;
use crate::{
    experiment::{path_kind::PathKind, setup::Setup},
    link::LinkSpec,
    transport::{Congestion, LossDetection, Shape, Transport},
    unit::PerDirection,
};

/// One cell: one page over one transport on one link and path.
#[derive(Debug, Clone, PartialEq)]
pub struct PagePlan {
    /// Where packets travel.
    pub path: PathKind,
    /// How messages travel.
    pub transport: Transport,
    /// The wire to the server and to the client; without effect on a path without a link.
    pub links: PerDirection<LinkSpec>,
    /// The congestion controller.
    pub congestion: Congestion,
    /// When QUIC and ARQ declare packets lost.
    pub loss_detection: LossDetection,
    /// The page.
    pub page: Page,
    /// What the client knows of the server before.
    pub mode: Mode,
    /// The most connections of a load. One carries all requests at once, as in HTTP/2 and HTTP/3. Of several, each
    /// carries one request at a time, as in HTTP/1.1.
    pub connections: u32,
    /// Streams that `quic-flow` spreads the objects over.
    pub flows: u32,
    /// Loads of a seed, one after another.
    pub loads: u64,
}

impl PagePlan {
    /// Its point of the matrix.
    pub(super) fn setup(&self) -> Setup<'_> {
        let Self { path, transport, ref links, congestion, loss_detection, .. } = *self;
        Setup { path, transport, links, congestion, loss_detection }
    }

    /// Whether a load can have several connections: those over a byte stream, as browsers do with HTTP/1.1.
    pub fn has_connections(transport: Transport) -> bool {
        transport.shape() == Shape::Stream
    }

    /// The round trip of the link without queueing; `None` without one, or where it is instant.
    pub(super) fn round_trip(&self) -> Option<Duration> {
        let sum = self.links.to_server.delay + self.links.to_client.delay;
        Some(sum).filter(|sum| self.path.has_link() && !sum.is_zero())
    }

    /// Why a page cannot be loaded like this, if it cannot.
    pub(super) fn refusal(&self) -> Option<&'static str> {
        if self.transport.is_datagram() {
            return Some(
                "a page needs every byte, and lost datagrams are not sent again; use a reliable transport",
            );
        }
        self.setup().refusal()
    }
}
