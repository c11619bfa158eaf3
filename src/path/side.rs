//! The two ends of a path.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::unit::Direction;

/// Which end of the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The end that sends requests.
    Client,
    /// The end that answers them.
    Server,
}

impl Side {
    /// The end that sends in `direction`.
    pub const fn sending(direction: Direction) -> Self {
        match direction {
            Direction::ToServer => Self::Client,
            Direction::ToClient => Self::Server,
        }
    }

    /// The direction of the packets that this end sends.
    pub const fn outgoing(self) -> Direction {
        match self {
            Self::Client => Direction::ToServer,
            Self::Server => Direction::ToClient,
        }
    }

    /// The address of this end's host: IPv6 if `like` is, else IPv4.
    pub fn ip(self, like: IpAddr) -> IpAddr {
        let last = self as u8 + 1;
        match like {
            IpAddr::V4(_) => Ipv4Addr::new(10, 0, 0, last).into(),
            IpAddr::V6(_) => Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, last.into()).into(),
        }
    }
}
