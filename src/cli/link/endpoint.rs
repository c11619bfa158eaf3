//! An address on the command line of `link`.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs},
    str::FromStr,
};

use anyhow::anyhow;

/// A host and a port, or a port of this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Endpoint {
    host: String,
    port: u16,
}

impl FromStr for Endpoint {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(address) = text.parse::<SocketAddr>() {
            return Ok(Self { host: address.ip().to_string(), port: address.port() });
        }
        let (host, port) = text.rsplit_once(':').unwrap_or(("127.0.0.1", text));
        match port.parse() {
            Ok(port) if !host.is_empty() && !host.contains([':', '[', '/']) => {
                Ok(Self { host: host.to_owned(), port })
            }
            _ => Err("expected an address like 127.0.0.1:9000, [::1]:9000, host:9000 or 9000".to_owned()),
        }
    }
}

impl Endpoint {
    /// The address, preferably 127.0.0.1 if a name has several.
    pub(super) fn resolve(&self) -> anyhow::Result<SocketAddr> {
        let Self { host, port } = self;
        let found = (host.as_str(), *port).to_socket_addrs();
        let found = found.map_err(|e| anyhow!("cannot resolve {host}: {e}"))?;
        // A name may have several addresses. Servers listen on this one by default, and UDP does not report a wrong
        // one.
        let preferred = |address: &SocketAddr| address.ip() != IpAddr::V4(Ipv4Addr::LOCALHOST);
        found.min_by_key(preferred).ok_or_else(|| anyhow!("{host} has no address"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_a_host_and_a_port_or_a_port_of_this_machine() {
        let resolved = |text: &str| text.parse::<Endpoint>().unwrap().resolve().unwrap().to_string();
        assert_eq!(resolved("9000"), "127.0.0.1:9000");
        assert_eq!(resolved("0.0.0.0:0"), "0.0.0.0:0");
        assert_eq!(resolved("[::1]:53"), "[::1]:53");
        assert_eq!(resolved("localhost:53"), "127.0.0.1:53");
        for wrong in ["", ":53", "::1:53", "udp://127.0.0.1:53", "localhost", "127.0.0.1:70000", "[::1]"] {
            assert!(wrong.parse::<Endpoint>().is_err(), "{wrong}");
        }
    }
}
