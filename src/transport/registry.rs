//! The transports, one line each.

use std::{cmp::Ordering, str::FromStr};

use super::{Scheme, Transport};

/// Every transport, in the order in which they are shown.
static TRANSPORTS: &[Transport] = &[
    Transport::UDP,
    Transport::UDP_HMAC,
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
    names = Transport::names(), groups = join(groups().map(|scheme| scheme.name)))]
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::Congestion;

    #[test]
    fn every_transport_is_found_by_its_name_and_in_its_scheme() {
        for transport in Transport::all() {
            assert_eq!(transport.name().parse(), Ok(transport));
            let scheme = transport.scheme();
            assert!(scheme.transports().any(|other| other == transport), "{transport}");
            assert_eq!(scheme.query.is_some(), transport.spec().variant.is_some(), "{transport}");
            assert!(scheme.transports().any(|other| other == (scheme.default)()), "{transport}");
        }
    }

    #[test]
    fn a_scheme_with_several_transports_is_a_group() {
        assert_eq!(Transport::named("quic").unwrap(), Transport::QUIC);
        assert_eq!(Transport::named("arq").unwrap(), Transport::ARQ);
        assert_eq!(Transport::named("udp").unwrap(), [Transport::UDP]);
        let error = Transport::named("sctp").unwrap_err().to_string();
        assert!(
            error.contains("`sctp`: expected udp, udp-hmac, arq-stop-and-wait")
                && error.ends_with("all, arq, quic"),
            "{error}"
        );
    }

    #[test]
    fn only_arq_refuses_bbr() {
        for transport in Transport::all() {
            let refuses = Transport::ARQ.contains(&transport);
            assert_eq!(transport.refuses_controller(Congestion::Bbr).is_some(), refuses, "{transport}");
            assert_eq!(transport.refuses_controller(Congestion::Cubic), None, "{transport}");
        }
    }

    #[test]
    fn transports_are_ordered_as_they_are_shown() {
        let mut sorted: Vec<Transport> = Transport::all().collect();
        sorted.reverse();
        sorted.sort();
        assert!(sorted.iter().copied().eq(Transport::all()));
        assert_eq!(Scheme::names(), "udp://, udp-hmac://, arq://, tcp://, tls://, quic://");
    }
}
