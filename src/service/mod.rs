//! What a server answers: request bytes and the time they were received in, reply bytes out.
//!
//! Pure: no clock, no socket. A datagram is a message as it is; byte streams are cut by [`split`].

mod json;
pub mod split;

use std::{fmt, str::FromStr, time::Duration};

/// Bytes of a message, at most, unless a server is told otherwise.
pub const DEFAULT_MAX_MESSAGE: usize = 64 * 1024;

/// What is answered to a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// The bytes that came.
    Echo,
    /// `Hello, <data>!`
    Hello,
    /// `thank you !`
    Thanks,
    /// A JSON object with a status, the JSON value that came and when it did.
    Json,
}

impl Service {
    /// Every service, in the order in which they are shown.
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

    /// Whether a reply can be longer than its request. Sent to a forged source, such a service would be a
    /// weapon (RFC 8085 section 3.1.8), so over UDP it answers only those who are known.
    pub const fn amplifies(self) -> bool {
        !matches!(self, Self::Echo)
    }

    /// Appends the reply to `request`, received at `received` since the Unix epoch, to `reply`.
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

/// Not a service's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no service; there are: {known}", known = Service::ALL.map(Service::name).join(", "))]
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

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(service: Service, request: &[u8]) -> Vec<u8> {
        let mut reply = Vec::new();
        service.answer(request, Duration::ZERO, &mut reply);
        reply
    }

    #[test]
    fn each_service_answers_in_its_way() {
        assert_eq!(answer(Service::Echo, b"\0\xff"), b"\0\xff");
        assert_eq!(answer(Service::Hello, b"Michael"), b"Hello, Michael!");
        assert_eq!(answer(Service::Thanks, b"anything"), b"thank you !");
        assert!(answer(Service::Json, b"1").starts_with(b"{\"status\":\"ok\""));
    }

    #[test]
    fn only_the_echo_never_answers_more_than_it_got() {
        assert!(!Service::Echo.amplifies());
        assert!([Service::Hello, Service::Thanks, Service::Json].into_iter().all(Service::amplifies));
    }

    #[test]
    fn names_are_parsed_and_others_refused_with_the_list() {
        for service in Service::ALL {
            assert_eq!(service.name().parse(), Ok(service));
        }
        let error = "chargen".parse::<Service>().unwrap_err().to_string();
        assert_eq!(error, "`chargen` is no service; there are: echo, hello, thanks, json");
    }
}
