//! One point of a matrix.

use super::path_kind::PathKind;
use crate::{
    link::LinkSpec,
    transport::{Congestion, LossDetection, Transport},
    unit::PerDirection,
};

/// What every plan has: one point of the matrix of transports, links and controllers on a path.
#[derive(Debug, Clone, Copy)]
pub struct Setup<'a> {
    /// Where packets travel.
    pub path: PathKind,
    /// How messages travel.
    pub transport: Transport,
    /// The wire to the server and to the client; ignored on a path without a link.
    pub links: &'a PerDirection<LinkSpec>,
    /// The congestion controller.
    pub congestion: Congestion,
    /// When QUIC and ARQ declare packets lost.
    pub loss_detection: LossDetection,
}

impl Setup<'_> {
    /// Why this setup cannot be run, if it cannot.
    pub fn refusal(&self) -> Option<&'static str> {
        self.path.refuses(self.transport).or_else(|| self.transport.refuses_controller(self.congestion))
    }
}
