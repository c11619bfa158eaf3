//! Clients whose address is not proven: no cookie of ours has come back from there.

use std::{
    collections::VecDeque,
    net::{IpAddr, SocketAddr},
};

use crate::path::network;

/// How many there may be. Their addresses may be forged, so the oldest makes room for a new one.
const MOST: usize = 1024;
/// How many of them may be of one source: an IPv4 address, or an IPv6 /64 network.
const MOST_OF_SOURCE: usize = 16;

/// The unproven clients, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Unproven(VecDeque<(IpAddr, SocketAddr)>);

impl Unproven {
    /// Adds `client`, and returns the one that makes room for it.
    pub(super) fn add(&mut self, client: SocketAddr) -> Option<SocketAddr> {
        let source = network(client.ip());
        let of_source = self.0.iter().filter(|(other, _)| *other == source).count();
        let evicted = if of_source >= MOST_OF_SOURCE {
            self.0.iter().position(|(other, _)| *other == source)
        } else {
            (self.0.len() >= MOST).then_some(0)
        };
        let evicted = evicted.and_then(|index| self.0.remove(index));
        self.0.push_back((source, client));
        evicted.map(|(_, client)| client)
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Removes `client`: it is proven, or gone.
    pub(super) fn remove(&mut self, client: SocketAddr) {
        if let Some(index) = self.0.iter().position(|(_, other)| *other == client) {
            self.0.remove(index);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_makes_room_of_its_own_source_first() {
        let mut unproven = Unproven::default();
        let client = |host: u8, port: u16| SocketAddr::from(([192, 0, host, 1], port));
        assert_eq!(unproven.add(client(9, 1)), None);
        for port in 0..MOST_OF_SOURCE as u16 {
            assert_eq!(unproven.add(client(1, port)), None);
        }
        assert_eq!(unproven.add(client(1, 99)), Some(client(1, 0)), "one of the same source");
        for number in unproven.0.len()..MOST {
            let address = [10, 0, (number / 256) as u8, (number % 256) as u8];
            assert_eq!(unproven.add(SocketAddr::from((address, 1))), None);
        }
        assert_eq!(unproven.add(client(2, 1)), Some(client(9, 1)), "the oldest of all");
        unproven.remove(client(2, 1));
        assert_eq!((unproven.add(client(3, 1)), unproven.0.len()), (None, MOST));
    }
}
