//! What is done in a transfer, but for the seed.

use crate::{
    experiment::{PathKind, setup::Setup},
    link::LinkSpec,
    report,
    transfer::Content,
    transport::{Congestion, LossDetection, Mapping, Transport},
    unit::{PerDirection, Rate},
    wire::transfer::Fetch,
};

pub use report::TransferDirection as Direction;

/// One cell of a matrix: content over one transport on one link and path.
#[derive(Debug, Clone, PartialEq)]
pub struct TransferPlan {
    /// Where packets travel.
    pub path: PathKind,
    /// How content travels.
    pub transport: Transport,
    /// The wire to the server and to the client; without effect on a path without a link.
    pub links: PerDirection<LinkSpec>,
    /// QUIC's congestion controller.
    pub congestion: Congestion,
    /// When QUIC and ARQ declare packets lost.
    pub loss_detection: LossDetection,
    /// Streams, where each flow has one.
    pub flows: u32,
    /// How fast raw datagrams are sent.
    pub pace: Rate,
    /// Which way.
    pub direction: Direction,
    /// What is sent; the seed of generated content is the run's.
    pub content: Content,
}

impl TransferPlan {
    /// Its point of the matrix.
    pub(super) fn setup(&self) -> Setup<'_> {
        let Self { path, transport, ref links, congestion, loss_detection, .. } = *self;
        Setup { path, transport, links, congestion, loss_detection }
    }

    /// The content of the run with `seed`.
    pub(super) fn content(&self, seed: u64) -> Content {
        match &self.content {
            Content::Generated { bytes, .. } => Content::Generated { bytes: *bytes, seed },
            file => file.clone(),
        }
    }

    /// What the client asks for, where it wants to have content.
    pub(super) fn fetch(&self, seed: u64) -> Fetch {
        let lanes = match self.transport.mapping() {
            Some(Mapping::Message) => 0,
            Some(Mapping::Flow) => self.flows,
            _ => 1,
        };
        let datagrams = self.transport.mapping() == Some(Mapping::Datagram);
        Fetch { length: self.content.bytes(), seed, lanes, datagrams }
    }

    /// The largest payload of a raw datagram that the way of the content carries.
    pub(super) fn datagram_bytes(&self) -> usize {
        /// Of Ethernet, where there is no link of ours to know better.
        const ETHERNET: u16 = 1500;
        let mtu = if self.path.has_link() {
            self.links.to_server.mtu.min(self.links.to_client.mtu)
        } else {
            ETHERNET
        };
        self.transport.spec().datagram.map_or(0, |bound| (bound.max_message)(mtu))
    }
}
