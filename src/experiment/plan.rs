//! What is done in a run, but for the seed.

use std::{fmt, str::FromStr};

use super::workload::Workload;
use crate::{
    link::LinkSpec,
    transport::{Carrier, Congestion, DatagramBound, Transport},
    unit::PerDirection,
    wire::HEADER_BYTES,
};

/// Where packets travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PathKind {
    /// Virtual time, over the emulated link.
    Sim,
    /// This machine's loopback in real time, over the emulated link.
    Relay,
    /// Two network namespaces of this machine in real time, over the emulated link: the kernel's TCP too.
    Netns,
    /// This machine's loopback, with no link in between.
    Direct,
}

impl PathKind {
    /// Every path, in the order in which they are shown.
    pub const ALL: [Self; 4] = [Self::Sim, Self::Relay, Self::Netns, Self::Direct];

    /// Its name on the command line and in results.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sim => "sim",
            Self::Relay => "relay",
            Self::Netns => "netns",
            Self::Direct => "direct",
        }
    }

    /// Whether the emulated link is on it.
    pub const fn has_link(self) -> bool {
        !matches!(self, Self::Direct)
    }

    /// Whether a run takes as long as it says, on a machine that may be late.
    pub const fn is_real_time(self) -> bool {
        !matches!(self, Self::Sim)
    }

    /// Why it cannot carry `transport`, if it cannot.
    pub fn refuses(self, transport: Transport) -> Option<&'static str> {
        match (self, transport.scheme().carrier) {
            (Self::Sim, Carrier::KernelTcp) => Some(
                "the simulated wire carries UDP packets only; the kernel's TCP runs on the same link with \
                 --path netns, and without it with --path direct",
            ),
            (Self::Relay, Carrier::KernelTcp) => Some(
                "a user-space relay cannot lose a TCP segment, it can only delay bytes; the kernel's TCP runs \
                 on the same link with --path netns, and without it with --path direct",
            ),
            _ => None,
        }
    }
}

impl fmt::Display for PathKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Not a path's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no path; there are: sim (virtual time), relay (the link between loopback sockets), \
     netns (the link between network namespaces), direct (loopback sockets, no link)"
)]
pub struct UnknownPath(String);

impl FromStr for PathKind {
    type Err = UnknownPath;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|path| path.name() == name).ok_or_else(|| UnknownPath(name.to_owned()))
    }
}

/// One cell of a matrix: one transport on one link and path with one workload.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Where packets travel.
    pub path: PathKind,
    /// How messages travel.
    pub transport: Transport,
    /// The wire to the server and to the client; of no effect where the path has no link.
    pub links: PerDirection<LinkSpec>,
    /// The messages.
    pub workload: Workload,
    /// QUIC's congestion controller.
    pub congestion: Congestion,
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
    /// Why there is no such plan, if its controller is none of its transport's.
    pub fn refusal(&self) -> Option<&'static str> {
        self.transport.refuses_controller(self.congestion)
    }

    /// Whether this plan and `other` make a fair comparison of their transports.
    pub fn differs_in_transport_only(&self, other: &Self) -> bool {
        *self == Self { transport: self.transport, ..other.clone() }
    }

    /// Whether it can be carried out.
    ///
    /// # Errors
    ///
    /// [`PlanError`], which names the option and what would do.
    pub fn validate(&self) -> Result<(), PlanError> {
        self.validate_length("--length", self.workload.length, &self.links.to_server)?;
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
        if bytes > most {
            return Err(PlanError::TooLong { option, bytes, transport, most, hint });
        }
        Ok(())
    }
}
