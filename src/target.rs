//! Servers by URL: `udp://127.0.0.1:9999`, `quic://[::1]?streams=datagram`.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6, ToSocketAddrs},
    str::FromStr,
};

use rustls::pki_types::ServerName;
use url::Url;

use crate::{
    transport::{Scheme, Transport},
    unit::shown,
};

/// The host of a URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Name {
    /// An IP address.
    Ip(IpAddr),
    /// An IPv6 address in a zone, which is an interface by name or number (RFC 4007 section 11).
    InZone(Ipv6Addr, String),
    /// A host name.
    Domain(String),
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(IpAddr::V4(ip)) => ip.fmt(f),
            Self::Ip(IpAddr::V6(ip)) => write!(f, "[{ip}]"),
            Self::InZone(ip, zone) => write!(f, "[{ip}%25{zone}]"),
            Self::Domain(name) => name.fmt(f),
        }
    }
}

/// A server by URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The scheme.
    pub scheme: &'static Scheme,
    /// The transport that the URL's query selects, if there is one.
    pub variant: Option<Transport>,
    /// The host. A URL without a host means this machine.
    pub name: Name,
    /// The port. A server may listen on port 0, which means any free port.
    pub port: u16,
}

/// The address family to use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// IPv4 only.
    V4,
    /// IPv6 only.
    V6,
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V4 => "IPv4",
            Self::V6 => "IPv6",
        })
    }
}

impl Family {
    fn contains(self, address: &SocketAddr) -> bool {
        address.is_ipv4() == (self == Self::V4)
    }
}

/// An invalid URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{url}` {problem}")]
pub struct TargetError {
    url: String,
    problem: String,
}

/// Why a host name has no usable address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// The resolver found no address.
    #[error("cannot resolve {name}: no such host ({reason})")]
    NoSuchHost {
        /// The name.
        name: String,
        /// The resolver's error.
        reason: String,
    },
    /// The zone of an IPv6 address is no interface of this machine.
    #[error("no interface `{zone}` on this machine (ip link lists them)")]
    NoInterface {
        /// The zone.
        zone: String,
    },
    /// The host has addresses, but none of the requested family.
    #[error("{name} has no {family} address")]
    Family {
        /// The name.
        name: String,
        /// The family.
        family: Family,
    },
}

impl Target {
    /// The default server of `scheme` on this machine.
    pub const fn local(scheme: &'static Scheme) -> Self {
        let name = Name::Ip(IpAddr::V4(Ipv4Addr::LOCALHOST));
        Self { scheme, variant: None, name, port: scheme.default_port }
    }

    /// The transport that a client uses: the one that the URL selects, or the scheme's default.
    pub fn transport(&self) -> Transport {
        self.variant.unwrap_or_else(|| (self.scheme.default)())
    }

    /// The transports that the server speaks and the URL permits.
    pub fn transports(&self) -> Vec<Transport> {
        self.variant.map_or_else(|| self.scheme.transports().collect(), |variant| vec![variant])
    }

    /// The name to verify the server's certificate against.
    ///
    /// Returns an error if the host is not a valid name for a certificate.
    pub fn server_name(&self) -> Result<ServerName<'static>, TargetError> {
        match &self.name {
            Name::Ip(ip) => Ok(ServerName::from(*ip)),
            Name::InZone(ip, _) => Ok(ServerName::from(IpAddr::from(*ip))),
            Name::Domain(name) => ServerName::try_from(name.clone())
                .map_err(|_| problem(name, "is not a valid name for a certificate")),
        }
    }

    /// Resolves the host to addresses, the preferred one first. Blocks on the system's resolver.
    ///
    /// Returns an error if there is no address, or none of `family`.
    pub fn resolve(&self, family: Option<Family>) -> Result<Vec<SocketAddr>, ResolveError> {
        let mut addresses: Vec<_> = match &self.name {
            Name::Ip(ip) => vec![SocketAddr::new(*ip, self.port)],
            Name::InZone(ip, zone) => {
                vec![SocketAddrV6::new(*ip, self.port, 0, interface_number(zone)?).into()]
            }
            Name::Domain(name) => (name.as_str(), self.port)
                .to_socket_addrs()
                .map_err(|e| ResolveError::NoSuchHost { name: name.clone(), reason: reason(&e) })?
                .collect(),
        };
        addresses.dedup();
        addresses.retain(|address| family.is_none_or(|family| family.contains(address)));
        // `wirelab serve` listens on 127.0.0.1 by default, and a UDP client does not notice an absent server.
        addresses.sort_by_key(|address| address.ip() != IpAddr::V4(Ipv4Addr::LOCALHOST));
        interleave_families(&mut addresses);
        match family {
            Some(family) if addresses.is_empty() => {
                Err(ResolveError::Family { name: self.name.to_string(), family })
            }
            _ if addresses.is_empty() => Err(ResolveError::NoSuchHost {
                name: self.name.to_string(),
                reason: "it has no address".to_owned(),
            }),
            _ => Ok(addresses),
        }
    }
}

/// The number of an interface that is given by name or number.
fn interface_number(zone: &str) -> Result<u32, ResolveError> {
    // The resolver asks the kernel. /sys is not used: it may show interfaces of another network namespace.
    let by_name = || match (format!("fe80::1%{zone}"), 0).to_socket_addrs().ok()?.next()? {
        SocketAddr::V6(address) => Some(address.scope_id()).filter(|&number| number > 0),
        SocketAddr::V4(_) => None,
    };
    let number = zone.parse().ok().or_else(by_name);
    number.ok_or_else(|| ResolveError::NoInterface { zone: zone.to_owned() })
}

/// Alternates the families, the preferred one first (RFC 8305 section 4), because often one family fails as a whole.
fn interleave_families(addresses: &mut [SocketAddr]) {
    let first = addresses.first().map(SocketAddr::is_ipv4);
    let (mut of_first, mut of_other) = (0, 0);
    // Stable: within a family the resolver's order is kept.
    addresses.sort_by_cached_key(|address| {
        let is_first = Some(address.is_ipv4()) == first;
        let place = if is_first { &mut of_first } else { &mut of_other };
        *place += 1;
        (*place, !is_first)
    });
}

/// The resolver's message without the standard library's prefix.
fn reason(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.strip_prefix("failed to lookup address information: ").map(str::to_owned).unwrap_or(text)
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}:{}", self.scheme.name, self.name, self.port)?;
        let variant = self.variant.and_then(|transport| transport.spec().variant);
        match self.scheme.query.zip(variant) {
            Some((key, value)) => write!(f, "?{key}={value}"),
            None => Ok(()),
        }
    }
}

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let Some((scheme, rest)) = text.split_once("://") else {
            return Err(problem(text, &without_scheme(text)));
        };
        let Some(scheme) = Scheme::all().find(|known| known.name.eq_ignore_ascii_case(scheme)) else {
            return Err(problem(
                text,
                &format!("has an unknown scheme: expected one of {}", Scheme::names()),
            ));
        };
        // Without a host, as in `udp://:9999` and `udp://`, the URL means this machine.
        let host = if rest.is_empty() || rest.starts_with([':', '?', '/']) { "127.0.0.1" } else { "" };
        let (rest, zone) = split_zone(rest).map_err(|reason| problem(text, reason))?;
        let url = Url::parse(&format!("{}://{host}{rest}", scheme.name))
            .map_err(|e| problem(text, &format!("is not a valid URL: {e}")))?;
        let plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
        if !plain || !matches!(url.path(), "" | "/") {
            return Err(problem(text, "has more than a scheme, a host, a port and a query"));
        }
        let name = match url.host() {
            Some(url::Host::Ipv6(ip)) if zone.is_some() => Name::InZone(ip, zone.unwrap_or_default()),
            Some(url::Host::Ipv6(ip)) => Name::Ip(ip.into()),
            Some(url::Host::Ipv4(ip)) => Name::Ip(ip.into()),
            Some(url::Host::Domain(name)) => parse_name(name).map_err(|reason| problem(text, reason))?,
            None => return Err(problem(text, "has no host")),
        };
        let variant = parse_query(scheme, &url).map_err(|reason| problem(text, &reason))?;
        Ok(Self { scheme, variant, name, port: url.port().unwrap_or(scheme.default_port) })
    }
}

/// What to write where a URL lacks its scheme.
fn without_scheme(text: &str) -> String {
    let is_host = (1..60).contains(&text.len())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || ".-_:[]".contains(c));
    let host = if is_host { text } else { "HOST:PORT" };
    let urls: Vec<String> = Scheme::all().map(|scheme| format!("{}://{host}", scheme.name)).collect();
    format!("is not a URL: write one of {}", urls.join(", "))
}

/// Takes the zone out of `[fe80::1%25eth0]:9999` (RFC 6874), or out of `[fe80::1%eth0]:9999`, as most programs write it.
fn split_zone(rest: &str) -> Result<(String, Option<String>), &'static str> {
    let address = rest.strip_prefix('[').and_then(|rest| rest.split_once(']'));
    let Some(((ip, zone), after)) = address.and_then(|(host, after)| Some((host.split_once('%')?, after)))
    else {
        return Ok((rest.to_owned(), None));
    };
    let zone = zone.strip_prefix("25").filter(|zone| !zone.is_empty()).unwrap_or(zone);
    let valid = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '@');
    if zone.is_empty() || !zone.chars().all(valid) {
        return Err("has no valid interface name behind the %: write it as [fe80::1%25eth0]");
    }
    Ok((format!("[{ip}]{after}"), Some(zone.to_owned())))
}

fn problem(url: &str, problem: &str) -> TargetError {
    TargetError { url: shown(url), problem: problem.to_owned() }
}

fn parse_name(name: &str) -> Result<Name, &'static str> {
    if let Ok(ip) = name.parse::<Ipv4Addr>() {
        return Ok(Name::Ip(ip.into()));
    }
    if name.parse::<Ipv6Addr>().is_ok() {
        return Err("has an IPv6 address without brackets: write it as [::1]");
    }
    let valid = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    // A host name never ends in a numeric label, so `127.0.0.256` and `10.1` are mistyped addresses.
    let last = name.trim_end_matches('.').rsplit('.').next().unwrap_or_default();
    if name.chars().all(valid) && !last.is_empty() && !last.chars().all(|c| c.is_ascii_digit()) {
        Ok(Name::Domain(name.to_ascii_lowercase()))
    } else {
        Err("has no valid host name or address")
    }
}

fn parse_query(scheme: &Scheme, url: &Url) -> Result<Option<Transport>, String> {
    let mut selected = None;
    for (key, value) in url.query_pairs() {
        if scheme.query != Some(&*key) {
            return Err(format!("has an unknown option `{key}`: expected {}", known_options()));
        }
        let by_value = |transport: &Transport| transport.spec().variant == Some(&*value);
        selected = Some(scheme.transports().find(by_value).ok_or_else(|| {
            let known: Vec<_> =
                scheme.transports().filter_map(|transport| transport.spec().variant).collect();
            format!("has an invalid value {key}={value}: expected {}", known.join(", "))
        })?);
    }
    Ok(selected)
}

/// The query options of all schemes, for errors: `mode on arq://, streams on quic://`.
fn known_options() -> String {
    let options = Scheme::all().filter_map(|scheme| Some(format!("{} on {}://", scheme.query?, scheme.name)));
    options.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_take_turns() {
        let parse = |list: &[&str]| list.iter().map(|a| a.parse().unwrap()).collect::<Vec<SocketAddr>>();
        let mut addresses = parse(&["[::1]:1", "[::2]:1", "[::3]:1", "192.0.2.1:1", "192.0.2.2:1"]);
        interleave_families(&mut addresses);
        assert_eq!(addresses, parse(&["[::1]:1", "192.0.2.1:1", "[::2]:1", "192.0.2.2:1", "[::3]:1"]));
    }
}
