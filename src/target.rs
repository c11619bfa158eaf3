//! Servers by URL: `udp://127.0.0.1:9999`, `quic://[::1]?streams=datagram`.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs},
    str::FromStr,
};

use rustls::pki_types::ServerName;
use url::Url;

use crate::transport::Transport;

/// What a server speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// Raw UDP.
    Udp,
    /// Reliability by hand, in all its variants at once.
    Arq,
    /// TCP.
    Tcp,
    /// TLS on TCP.
    Tls,
    /// QUIC, in all its mappings at once.
    Quic,
}

impl Scheme {
    /// Every scheme, in the order in which they are shown.
    pub const ALL: [Self; 5] = [Self::Udp, Self::Arq, Self::Tcp, Self::Tls, Self::Quic];

    /// Its name in a URL.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Arq => "arq",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::Quic => "quic",
        }
    }

    /// The port where a URL names none.
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Udp | Self::Tcp => 9999,
            Self::Arq => 9996,
            Self::Tls => 9443,
            Self::Quic => 4433,
        }
    }

    /// Whether its port is one of UDP.
    pub const fn is_udp(self) -> bool {
        matches!(self, Self::Udp | Self::Arq | Self::Quic)
    }

    /// Whether it needs a certificate.
    pub const fn is_encrypted(self) -> bool {
        matches!(self, Self::Tls | Self::Quic)
    }

    /// The URL of a server that speaks this on `address`.
    pub fn url(self, address: SocketAddr) -> String {
        format!("{}://{address}", self.name())
    }
}

/// Where a server is, or shall be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Name {
    /// An address.
    Ip(IpAddr),
    /// A name to be resolved.
    Domain(String),
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(IpAddr::V4(ip)) => ip.fmt(f),
            Self::Ip(IpAddr::V6(ip)) => write!(f, "[{ip}]"),
            Self::Domain(name) => name.fmt(f),
        }
    }
}

/// A server by URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// What it speaks.
    pub scheme: Scheme,
    /// How messages are mapped to QUIC (`?streams=`), or which variant of reliability by hand (`?mode=`), where the URL
    /// says it.
    pub variant: Option<Transport>,
    /// Where it is. Without a host in the URL: this machine.
    pub name: Name,
    /// The port. Zero, which only a server may ask for, means any that is free.
    pub port: u16,
}

/// Which addresses of a name are wanted.
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

/// A URL cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{url}` {problem}")]
pub struct TargetError {
    url: String,
    problem: String,
}

/// A name has no address that could be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// Nobody knows it.
    #[error("cannot resolve {name}: no such host ({reason})")]
    NoSuchHost {
        /// The name.
        name: String,
        /// What the system's resolver said.
        reason: String,
    },
    /// It has addresses, but none of the family asked for.
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
    pub const fn local(scheme: Scheme) -> Self {
        let name = Name::Ip(IpAddr::V4(Ipv4Addr::LOCALHOST));
        Self { scheme, variant: None, name, port: scheme.default_port() }
    }

    /// The transport that a client uses. Unless the URL says otherwise, on QUIC a stream per message, and selective
    /// repeat.
    pub fn transport(&self) -> Transport {
        match self.scheme {
            Scheme::Udp => Transport::UDP,
            Scheme::Tcp => Transport::TCP,
            Scheme::Tls => Transport::TLS,
            Scheme::Arq => self.variant.unwrap_or(Transport::ARQ_SELECTIVE),
            Scheme::Quic => self.variant.unwrap_or(Transport::QUIC_MESSAGE),
        }
    }

    /// The name that the server's certificate should bear.
    ///
    /// # Errors
    ///
    /// Where it is no name that a certificate could bear.
    pub fn server_name(&self) -> Result<ServerName<'static>, TargetError> {
        match &self.name {
            Name::Ip(ip) => Ok(ServerName::from(*ip)),
            Name::Domain(name) => ServerName::try_from(name.clone())
                .map_err(|_| problem(name, "is no name that a certificate could bear")),
        }
    }

    /// The addresses, the best first. Asks the system's resolver, and waits for it.
    ///
    /// # Errors
    ///
    /// Where there is none, or none of `family`.
    pub fn resolve(&self, family: Option<Family>) -> Result<Vec<SocketAddr>, ResolveError> {
        let mut addresses: Vec<_> = match &self.name {
            Name::Ip(ip) => vec![SocketAddr::new(*ip, self.port)],
            Name::Domain(name) => (name.as_str(), self.port)
                .to_socket_addrs()
                .map_err(|e| ResolveError::NoSuchHost { name: name.clone(), reason: reason(&e) })?
                .collect(),
        };
        addresses.dedup();
        addresses.retain(|address| family.is_none_or(|family| family.contains(address)));
        // Our own servers listen on 127.0.0.1 unless told otherwise, and UDP cannot tell who is not there.
        addresses.sort_by_key(|address| address.ip() != IpAddr::V4(Ipv4Addr::LOCALHOST));
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

/// The resolver's words without Rust's prefix.
fn reason(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.strip_prefix("failed to lookup address information: ").map(str::to_owned).unwrap_or(text)
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}:{}", self.scheme.name(), self.name, self.port)?;
        match self.variant {
            Some(selected) => {
                let (key, value) = (selected.scheme().query, selected.spec().variant);
                write!(f, "?{}={}", key.unwrap_or_default(), value.unwrap_or_default())
            }
            None => Ok(()),
        }
    }
}

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let Some((scheme, rest)) = text.split_once("://") else {
            return Err(problem(text, "is no URL; write it as udp://HOST:PORT"));
        };
        let Some(scheme) = Scheme::ALL.into_iter().find(|known| known.name() == scheme) else {
            let known = Scheme::ALL.map(|scheme| format!("{}://", scheme.name())).join(", ");
            return Err(problem(text, &format!("has a scheme that is not one of {known}")));
        };
        // `udp://:9999` and `udp://` mean this machine.
        let host = if rest.is_empty() || rest.starts_with([':', '?', '/']) { "127.0.0.1" } else { "" };
        let url = Url::parse(&format!("{}://{host}{rest}", scheme.name()))
            .map_err(|e| problem(text, &format!("is no URL: {e}")))?;
        let plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
        if !plain || !matches!(url.path(), "" | "/") {
            return Err(problem(text, "holds more than a scheme, a host, a port, `?streams=` and `?mode=`"));
        }
        let name = match url.host() {
            Some(url::Host::Ipv6(ip)) => Name::Ip(ip.into()),
            Some(url::Host::Ipv4(ip)) => Name::Ip(ip.into()),
            Some(url::Host::Domain(name)) => parse_name(name).map_err(|reason| problem(text, reason))?,
            None => return Err(problem(text, "names no host")),
        };
        let variant = parse_query(scheme, &url).map_err(|reason| problem(text, &reason))?;
        Ok(Self { scheme, variant, name, port: url.port().unwrap_or(scheme.default_port()) })
    }
}

fn problem(url: &str, problem: &str) -> TargetError {
    TargetError { url: url.to_owned(), problem: problem.to_owned() }
}

fn parse_name(name: &str) -> Result<Name, &'static str> {
    if let Ok(ip) = name.parse::<Ipv4Addr>() {
        return Ok(Name::Ip(ip.into()));
    }
    if name.parse::<Ipv6Addr>().is_ok() {
        return Err("holds an IPv6 address without brackets; write it as [::1]");
    }
    let valid = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    // The last label of a name is never a number, so `127.0.0.256` and `10.1` are mistyped addresses.
    let last = name.trim_end_matches('.').rsplit('.').next().unwrap_or_default();
    if name.chars().all(valid) && !last.is_empty() && !last.chars().all(|c| c.is_ascii_digit()) {
        Ok(Name::Domain(name.to_ascii_lowercase()))
    } else {
        Err("holds no valid host name or address")
    }
}

fn parse_query(scheme: Scheme, url: &Url) -> Result<Option<Transport>, String> {
    let mut variant = None;
    for (key, value) in url.query_pairs() {
        let (prefix, variants, known) = match (&*key, scheme) {
            ("streams", Scheme::Quic) => ("quic-", Transport::QUIC, "one, flow, message and datagram"),
            ("mode", Scheme::Arq) => {
                ("arq-", Transport::ARQ, "stop-and-wait, go-back-n, selective and unordered")
            }
            _ => {
                return Err(format!(
                    "holds an unknown option `{key}`; there are `streams`, on quic:// only, and `mode`, on arq:// only"
                ));
            }
        };
        let named = variants.into_iter().find(|t| t.name().strip_prefix(prefix) == Some(&*value));
        variant = Some(named.ok_or_else(|| format!("says {key}={value}; there are: {key}={known}"))?);
    }
    Ok(variant)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> String {
        match text.parse::<Target>() {
            Ok(target) => target.to_string(),
            Err(e) => e.to_string(),
        }
    }

    #[test]
    fn what_a_url_leaves_out_has_a_default() {
        assert_eq!(parse("udp://"), "udp://127.0.0.1:9999");
        assert_eq!(parse("tcp://:7000"), "tcp://127.0.0.1:7000");
        assert_eq!(parse("tls://example.org"), "tls://example.org:9443");
        assert_eq!(parse("quic://[::1]"), "quic://[::1]:4433");
        assert_eq!(parse("quic://?streams=one"), "quic://127.0.0.1:4433?streams=one");
        assert_eq!(parse("arq://h?mode=go-back-n"), "arq://h:9996?mode=go-back-n");
        assert_eq!(parse("udp://LOCALHOST:0/"), "udp://localhost:0");
    }

    #[test]
    fn quic_maps_a_message_to_a_stream_unless_told_otherwise() {
        let transport = |text: &str| text.parse::<Target>().unwrap().transport();
        assert_eq!(transport("quic://h"), Transport::QUIC_MESSAGE);
        assert_eq!(transport("quic://h?streams=datagram"), Transport::QUIC_DATAGRAM);
        assert_eq!(transport("tls://h"), Transport::TLS);
        assert_eq!(transport("arq://h"), Transport::ARQ_SELECTIVE);
    }

    #[test]
    fn what_cannot_be_meant_is_refused_with_a_reason() {
        for (text, part) in [
            ("127.0.0.1:9999", "write it as udp://HOST:PORT"),
            ("http://h", "udp://, arq://, tcp://, tls://, quic://"),
            ("arq://h?mode=two", "mode=stop-and-wait, go-back-n, selective and unordered"),
            ("arq://h?streams=one", "on quic:// only"),
            ("udp://h:65536", "invalid port number"),
            ("udp://h:9999/path", "holds more than"),
            ("udp://me@h", "holds more than"),
            ("udp://::1", "is no URL"),
            ("udp://127.0.0.256", "no valid host name"),
            ("udp://a b", "is no URL"),
            ("quic://h?streams=two", "streams=one, flow, message and datagram"),
            ("tcp://h?streams=one", "on quic:// only"),
            ("quic://h?stream=one", "unknown option `stream`"),
        ] {
            let result = parse(text);
            assert!(result.contains(part), "{text}: {result}");
        }
    }

    #[test]
    fn addresses_resolve_to_themselves_and_families_are_kept_apart() {
        let target: Target = "udp://127.0.0.1".parse().unwrap();
        assert_eq!(target.resolve(None).unwrap(), ["127.0.0.1:9999".parse().unwrap()]);
        let error = target.resolve(Some(Family::V6)).unwrap_err().to_string();
        assert_eq!(error, "127.0.0.1 has no IPv6 address");
    }
}
