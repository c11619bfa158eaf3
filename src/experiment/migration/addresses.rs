//! What the server sends to a new address before the address could have been validated (RFC 9000 section 9.3.1).

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    sync::Arc,
};

use serde::{Deserialize, Serialize};

use crate::{
    path::{AddressChange, Exit, Observer, PacketView},
    unit::{Direction, Mutex},
};

/// What a server sent to an address that it had not validated.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Unvalidated {
    /// Bytes of datagrams received from that address.
    pub received: u64,
    /// Bytes of datagrams sent to that address.
    pub sent: u64,
}

impl Unvalidated {
    /// What a server may send for each byte that it received (RFC 9000 section 8).
    pub(crate) const LIMIT: u64 = 3;

    /// Bytes sent for each byte received; `None` if none was received.
    pub(crate) fn factor(&self) -> Option<f64> {
        (self.received > 0).then(|| self.sent as f64 / self.received as f64)
    }

    /// Whether the server stayed within the limit.
    pub(crate) fn is_within_limit(&self) -> bool {
        self.sent <= self.received.saturating_mul(Self::LIMIT)
    }

    /// The one of the two with the larger factor.
    pub(in crate::experiment) fn worse(self, other: Self) -> Self {
        let [one, two] = [(self.sent, other.received), (other.sent, self.received)]
            .map(|(a, b)| u128::from(a) * u128::from(b));
        if one >= two { self } else { other }
    }
}

/// Follows the datagrams of addresses that appear after the change.
#[derive(Debug)]
pub(super) struct Addresses {
    change: AddressChange,
    old: BTreeSet<SocketAddr>,
    new: BTreeMap<SocketAddr, Address>,
}

/// A new address, until it could have been validated.
#[derive(Debug, Default)]
struct Address {
    so_far: Unvalidated,
    worst: Unvalidated,
    /// A datagram from the server has arrived there.
    is_reached: bool,
    /// The first packet that left it after that, by number. When it arrives, the address may be validated.
    answer: Option<u64>,
    is_answered: bool,
}

impl Addresses {
    pub(super) fn new(change: AddressChange) -> Self {
        Self { change, old: BTreeSet::new(), new: BTreeMap::new() }
    }

    /// The worst of all new addresses that the server has sent to.
    pub(super) fn worst(&self) -> Option<Unvalidated> {
        let answered = self.new.values().map(|address| address.worst).filter(|worst| worst.sent > 0);
        answered.reduce(Unvalidated::worse)
    }

    /// The client's address in `packet`, if it is new.
    fn address(&mut self, packet: &PacketView<'_>) -> Option<&mut Address> {
        let client = match packet.direction {
            Direction::ToServer => packet.from,
            Direction::ToClient => packet.to,
        };
        if !self.change.has_happened(packet.at) {
            self.old.insert(client);
        }
        (!self.old.contains(&client)).then(|| self.new.entry(client).or_default())
    }

    fn entered(&mut self, packet: &PacketView<'_>) {
        let Some(bytes) = packet.datagram().map(|datagram| datagram.len() as u64) else { return };
        let Some(address) = self.address(packet).filter(|address| !address.is_answered) else { return };
        match packet.direction {
            Direction::ToServer if address.is_reached => {
                address.answer.get_or_insert(packet.number);
            }
            Direction::ToServer => {}
            Direction::ToClient => {
                address.so_far.sent += bytes;
                address.worst = address.so_far.worse(address.worst);
            }
        }
    }

    fn arrived(&mut self, packet: &PacketView<'_>) {
        let Some(bytes) = packet.datagram().map(|datagram| datagram.len() as u64) else { return };
        let Some(address) = self.address(packet).filter(|address| !address.is_answered) else { return };
        match packet.direction {
            Direction::ToServer => {
                address.so_far.received += bytes;
                address.is_answered = address.answer.is_some_and(|answer| answer <= packet.number);
            }
            Direction::ToClient => address.is_reached = true,
        }
    }
}

struct Watch(Arc<Mutex<Addresses>>);

impl Observer for Watch {
    fn entered(&mut self, packet: &PacketView<'_>) {
        self.0.lock().entered(packet);
    }

    fn left(&mut self, packet: &PacketView<'_>, exit: Exit) {
        if matches!(exit, Exit::Arrived { .. }) {
            self.0.lock().arrived(packet);
        }
    }
}

/// An observer of all packets of a path.
pub(super) fn observer(addresses: Arc<Mutex<Addresses>>) -> Box<dyn Observer> {
    Box::new(Watch(addresses))
}
