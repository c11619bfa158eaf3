//! One cell of a matrix of messages.

use std::time::Duration;

use super::{
    path_kind::PathKind,
    setup::Setup,
    workload::{Wait, Workload},
};
use crate::{
    channel::Exchange,
    link::LinkSpec,
    path::Handover,
    transport::{Congestion, DatagramBound, LossDetection, Transport},
    unit::PerDirection,
    wire::HEADER_BYTES,
};

/// One cell of a matrix: one transport on one link and path with one workload.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Where packets travel.
    pub path: PathKind,
    /// How messages travel.
    pub transport: Transport,
    /// The wire to the server and to the client; without effect on a path without a link.
    pub links: PerDirection<LinkSpec>,
    /// The messages.
    pub workload: Workload,
    /// QUIC's congestion controller.
    pub congestion: Congestion,
    /// When QUIC and ARQ declare packets lost.
    pub loss_detection: LossDetection,
}

/// A plan that cannot be carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// No room for what a message says of itself.
    #[error(
        "{option} {bytes} is too short: a message holds its flow, number and instant in {HEADER_BYTES} bytes"
    )]
    TooShort {
        /// The option.
        option: &'static str,
        /// Its value.
        bytes: usize,
    },
    /// More than a datagram carries.
    #[error("{option} {bytes} does not fit into one {transport} datagram, which holds {most} here; {hint}")]
    TooLong {
        /// The option.
        option: &'static str,
        /// Its value.
        bytes: usize,
        /// On which transport.
        transport: Transport,
        /// What would fit.
        most: usize,
        /// What would do.
        hint: &'static str,
    },
}

impl Plan {
    /// Its point of the matrix.
    pub(super) fn setup(&self) -> Setup<'_> {
        let Self { path, transport, ref links, congestion, loss_detection, .. } = *self;
        Setup { path, transport, links, congestion, loss_detection }
    }

    /// The same plan, with a wait that is long enough for the first reply over its links, and for as many round trips
    /// over the network of a handover as the wait has.
    pub(super) fn patient(&self, handover: Option<&Handover>) -> Self {
        let round_trip =
            self.path.has_link().then(|| self.links.to_server.delay + self.links.to_client.delay);
        let wait = self.workload.wait;
        let most = wait.after_datagrams(round_trip).max(wait.most);
        let most = most.max(handover.map_or(Duration::ZERO, Handover::round_trip).saturating_mul(wait.times));
        Self { workload: Workload { wait: Wait { most, ..wait }, ..self.workload.clone() }, ..self.clone() }
    }

    /// Whether this plan and `other` make a fair comparison of their transports.
    pub fn differs_in_transport_only(&self, other: &Self) -> bool {
        *self == Self { transport: self.transport, ..other.clone() }
    }

    /// Checks that it can be carried out. Returns [`PlanError`], which names the option and what is valid.
    pub fn validate(&self) -> Result<(), PlanError> {
        self.validate_length("--length", self.workload.length, &self.links.to_server)?;
        if self.workload.application.exchange() == Exchange::OneWay {
            return Ok(());
        }
        self.validate_length("--reply-length", self.workload.reply_length, &self.links.to_client)
    }

    fn validate_length(&self, option: &'static str, bytes: usize, link: &LinkSpec) -> Result<(), PlanError> {
        if bytes < HEADER_BYTES {
            return Err(PlanError::TooShort { option, bytes });
        }
        let transport = self.transport;
        let Some(DatagramBound { max_message, hint }) = transport.spec().datagram else {
            return Ok(());
        };
        let most = max_message(link.mtu);
        // Without a link there is no --mtu.
        let hint = if self.path.has_link() { hint } else { "take a transport that splits messages" };
        if bytes > most {
            return Err(PlanError::TooLong { option, bytes, transport, most, hint });
        }
        Ok(())
    }
}
