//! The paths by name.

use std::{fmt, str::FromStr, time::Duration};

use crate::transport::{Carrier, Transport};

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

    /// The measured time of messages without an option.
    pub const fn default_duration(self) -> Duration {
        Duration::from_secs(if self.is_real_time() { 10 } else { 60 })
    }

    /// How many seeds messages have without an option.
    pub const fn default_seeds(self) -> u64 {
        if self.is_real_time() { 5 } else { 30 }
    }

    /// Why it cannot carry `transport`, if it cannot.
    pub fn refuses(self, transport: Transport) -> Option<&'static str> {
        match (self, transport.scheme().carrier) {
            (Self::Sim, Carrier::KernelTcp) => Some("the kernel's TCP cannot run in virtual time"),
            (Self::Relay, Carrier::KernelTcp) => {
                Some("a user-space relay cannot lose a TCP segment, it can only delay bytes")
            }
            _ => transport.spec().protocol.unavailable(),
        }
    }
}

impl fmt::Display for PathKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Not the name of a path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "unknown path `{0}`: expected sim (virtual time), relay (the link between loopback sockets), \
     netns (the link between network namespaces), direct (loopback sockets, no link)"
)]
pub struct UnknownPath(String);

impl FromStr for PathKind {
    type Err = UnknownPath;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|path| path.name() == name).ok_or_else(|| UnknownPath(name.to_owned()))
    }
}
