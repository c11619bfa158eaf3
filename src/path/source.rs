//! Whom limits apply to.

use std::net::{IpAddr, Ipv6Addr};

/// The address that limits apply to: an IPv4 address, or a /64 network, because an IPv6 host has all of one to send
/// from (RFC 4291 section 2.5.1).
pub(crate) fn network(source: IpAddr) -> IpAddr {
    match source.to_canonical() {
        IpAddr::V4(ip) => ip.into(),
        IpAddr::V6(ip) => {
            let [a, b, c, d, ..] = ip.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
    }
}
