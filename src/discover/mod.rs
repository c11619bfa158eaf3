//! Finds servers on the local network: a query to a multicast group or a broadcast address, and answers by unicast.
//!
//! # Scope and hop limit
//!
//! | query to | hop limit | answered if |
//! | --- | --- | --- |
//! | the link's groups, 224.0.0.254 and ff02::114 | 255 | it arrived with 255 |
//! | a broadcast address | 255 | it arrived with 255 |
//! | the site's groups, 239.255.0.114 and ff05::114 | `hops` | it came from the interface's networks or a listed one |
//!
//! A hop limit of 1 would keep a query on its link, but a server could not verify that: a packet that arrives with 1
//! may have been sent with a higher hop limit. Only 255 proves that no router forwarded a packet (RFC 5082 section 3).
//! A query with 255 goes no farther, because no router forwards a packet to 224.0.0.0/24 or to a group of link-local
//! scope, whatever its hop limit (RFC 5771 section 4, RFC 4291 section 2.7). Multicast DNS also uses 255 (RFC 6762
//! section 11). Routers forward site-local groups (RFC 2365 section 6.1, RFC 7346), so the default hop limit of these
//! queries is 1. The groups are reserved for experiments (RFC 4727), except 239.255.0.114, which is in a block that
//! needs no registration (RFC 2365).
//!
//! Answers have the hop limit 255. A client drops all others, unless its query could leave the link.

mod error;
mod interfaces;
mod memberships;
mod responder;
mod search;

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    time::Duration,
};

pub use self::{
    error::DiscoverError,
    responder::{Announcement, Discoverable, announce},
    search::{Findings, Found, OtherVersion, Search, search},
};

/// The UDP port on which servers wait for queries.
pub const PORT: u16 = 9995;

/// How far a query to a multicast group may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// The link.
    Link,
    /// The site: through as many multicast routers as the hop limit permits.
    Site,
}

impl Scope {
    const ALL: [Self; 2] = [Self::Link, Self::Site];

    /// The multicast group of this scope, in the family of `like`.
    fn group(self, like: IpAddr) -> IpAddr {
        match (self, like) {
            (Self::Link, IpAddr::V4(_)) => Ipv4Addr::new(224, 0, 0, 254).into(),
            (Self::Site, IpAddr::V4(_)) => Ipv4Addr::new(239, 255, 0, 114).into(),
            (Self::Link, IpAddr::V6(_)) => Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x114).into(),
            (Self::Site, IpAddr::V6(_)) => Ipv6Addr::new(0xff05, 0, 0, 0, 0, 0, 0, 0x114).into(),
        }
    }
}

/// The hop limit of a packet that no router has forwarded.
const ON_LINK: u8 = 255;
/// Pause after a socket error, so that a persistent error does not keep the processor busy.
const ERROR_PAUSE: Duration = Duration::from_millis(100);
