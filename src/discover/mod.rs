//! Finding servers on the local network: a query to a multicast group or a broadcast address, and answers by unicast.
//!
//! # Scope and hop limit
//!
//! | query to | hop limit | answered if |
//! | --- | --- | --- |
//! | the link's groups, 224.0.0.254 and ff02::114 | 255 | it arrived with 255 |
//! | a broadcast address | 255 | it arrived with 255 |
//! | the site's groups, 239.255.0.114 and ff05::114 | 1, or as told | it came from a network of the interface, or from a listed one |
//!
//! A hop limit of 1 would keep a query on its link, but a receiver could not tell: a packet that arrives with 1 may have
//! been sent with any. Only 255 proves that no router forwarded a packet (RFC 5082 section 3). It widens nothing, because
//! no router forwards a packet to 224.0.0.0/24 or to a group of link-local scope, whatever its hop limit (RFC 5771
//! section 4, RFC 4291 section 2.7). Multicast DNS does the same (RFC 6762 section 11). Site-local groups (RFC 2365
//! section 6.1, RFC 7346) are forwarded, so their queries begin with 1. The groups are those for experiments (RFC 4727),
//! and one of the block that needs no registration (RFC 2365).
//!
//! Answers have the hop limit 255. A searcher drops any other, unless its query could leave the link.

mod error;
mod interfaces;
mod responder;
mod search;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

pub use self::{
    error::DiscoverError,
    responder::{Announcement, Discoverable, announce},
    search::{Findings, Found, Search, search},
};

/// The UDP port on which servers wait for queries.
pub const PORT: u16 = 9995;

/// How far a query to a multicast group may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// The link.
    Link,
    /// The site: as many routers away as the hop limit says, if they forward multicast.
    Site,
}

impl Scope {
    const ALL: [Self; 2] = [Self::Link, Self::Site];

    /// Its group, in the family of `like`.
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
