//! Computes the reply to a request.
//!
//! No clock and no socket: the time of reception is an argument. A datagram is one message; [`split`] cuts a byte
//! stream into messages.

mod json;
pub mod split;

use std::{fmt, str::FromStr, time::Duration};

/// Default limit on the bytes of a message.
pub(crate) const DEFAULT_MAX_MESSAGE: usize = 64 * 1024;

/// What a server replies to a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// The request itself.
    Echo,
    /// `Hello, <data>!`
    Hello,
    /// `thank you !`
    Thanks,
    /// A JSON object with a status, the JSON value received, and the time of its reception.
    Json,
}

impl Service {
    /// Every service, in the order of the help.
    pub const ALL: [Self; 4] = [Self::Echo, Self::Hello, Self::Thanks, Self::Json];

    /// Its name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Echo => "echo",
            Self::Hello => "hello",
            Self::Thanks => "thanks",
            Self::Json => "json",
        }
    }

    /// Whether a reply can be longer than its request. Such a service could be abused for amplification attacks from a
    /// forged source (RFC 8085 section 3.1.8), so on datagrams it answers only sources in the allow list.
    pub const fn amplifies(self) -> bool {
        !matches!(self, Self::Echo)
    }

    /// Appends to `reply` the reply to `request`, which was received at `received` since the Unix epoch.
    pub fn answer(self, request: &[u8], received: Duration, reply: &mut Vec<u8>) {
        match self {
            Self::Echo => reply.extend_from_slice(request),
            Self::Hello => {
                reply.extend_from_slice(b"Hello, ");
                reply.extend_from_slice(request);
                reply.push(b'!');
            }
            Self::Thanks => reply.extend_from_slice(b"thank you !"),
            Self::Json => json::answer(request, received, reply),
        }
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Not the name of a service.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown service `{0}`: expected {known}", known = Service::ALL.map(Service::name).join(", "))]
pub struct UnknownService(String);

impl FromStr for Service {
    type Err = UnknownService;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|service| service.name() == name)
            .ok_or_else(|| UnknownService(name.to_owned()))
    }
}
