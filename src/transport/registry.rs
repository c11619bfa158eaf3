//! The transports, one line each.

use std::{cmp::Ordering, str::FromStr};

use super::{Scheme, Transport};

/// Every transport, in the order in which they are shown.
static TRANSPORTS: &[Transport] = &[
    Transport::UDP,
    Transport::UDP_HMAC,
    Transport::DTLS,
    Transport::ARQ_STOP_AND_WAIT,
    Transport::ARQ_GO_BACK_N,
    Transport::ARQ_SELECTIVE,
    Transport::ARQ_UNORDERED,
    Transport::TCP,
    Transport::TLS,
    Transport::QUIC_ONE,
    Transport::QUIC_FLOW,
    Transport::QUIC_MESSAGE,
    Transport::QUIC_DATAGRAM,
];

impl Transport {
    /// Every transport, in the order in which they are shown.
    pub fn all() -> impl Iterator<Item = Self> {
        TRANSPORTS.iter().copied()
    }

    /// The transports that `name` stands for: one by its own name, or all of a scheme that has several.
    ///
    /// Returns an error if `name` is neither.
    pub fn named(name: &str) -> Result<Vec<Self>, UnknownTransport> {
        match groups().find(|scheme| scheme.name == name) {
            Some(scheme) => Ok(scheme.transports().collect()),
            None => name.parse().map(|transport| vec![transport]),
        }
    }

    /// The names of all transports, separated by commas.
    pub fn names() -> String {
        join(Self::all().map(Self::name))
    }

    /// The names that stand for all transports of a scheme, separated by commas.
    pub fn group_names() -> String {
        join(groups().map(|scheme| scheme.name))
    }

    fn position(self) -> usize {
        TRANSPORTS.iter().position(|other| *other == self).unwrap_or(usize::MAX)
    }
}

impl Scheme {
    /// Every scheme, in the order in which they are shown.
    pub fn all() -> impl Iterator<Item = &'static Self> {
        let mut last = None;
        Transport::all()
            .map(Transport::scheme)
            .filter(move |scheme| last.replace(scheme.name) != Some(scheme.name))
    }

    /// The transports of this scheme.
    pub fn transports(&self) -> impl Iterator<Item = Transport> {
        Transport::all().filter(|transport| transport.scheme().name == self.name)
    }

    /// All schemes as URLs begin with them, separated by commas.
    pub fn names() -> String {
        join(Self::all().map(|scheme| format!("{}://", scheme.name)))
    }

    /// The URL forms of all schemes that have a transport for which `has` is true, separated by commas.
    pub fn forms(has: impl Fn(Transport) -> bool) -> String {
        let form = |scheme: &Self| {
            let variants: Vec<&str> = scheme.transports().filter_map(|each| each.spec().variant).collect();
            let query = scheme.query.map(|key| format!("?{key}={}", variants.join("|")));
            format!("{}://HOST:PORT{}", scheme.name, query.unwrap_or_default())
        };
        join(Self::all().filter(|scheme| scheme.transports().any(&has)).map(form))
    }
}

/// The schemes with several transports. The name of such a scheme stands for all of them.
fn groups() -> impl Iterator<Item = &'static Scheme> {
    Scheme::all().filter(|scheme| scheme.query.is_some())
}

fn join(names: impl Iterator<Item = impl Into<String>>) -> String {
    names.map(Into::into).collect::<Vec<_>>().join(", ")
}

/// Not the name of a transport.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown transport `{0}`: expected {names}, or a group: all, {groups}",
    names = Transport::names(), groups = Transport::group_names())]
pub struct UnknownTransport(String);

impl FromStr for Transport {
    type Err = UnknownTransport;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::all()
            .find(|transport| transport.name() == name)
            .ok_or_else(|| UnknownTransport(name.to_owned()))
    }
}

/// The order in which they are shown.
impl Ord for Transport {
    fn cmp(&self, other: &Self) -> Ordering {
        self.position().cmp(&other.position())
    }
}

impl PartialOrd for Transport {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
