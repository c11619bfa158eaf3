//! A change of the client's address in the middle of a run, as by a NAT that forgets its mappings.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    str::FromStr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::sync::Notify;

use crate::{
    link::LinkSpec,
    unit::{PerDirection, Time, nanos},
};

/// The part of the client's address that changes, as seen by the server.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum NewAddress {
    /// The port, as with a new mapping in a NAT.
    #[default]
    Port,
    /// The IP address, as with another address of the NAT or another network.
    Ip,
}

/// Not the name of a part of an address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown part of an address `{0}`: expected port, ip")]
pub struct UnknownPart(String);

impl fmt::Display for NewAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Port => "port",
            Self::Ip => "ip",
        })
    }
}

impl FromStr for NewAddress {
    type Err = UnknownPart;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let known = [Self::Port, Self::Ip].into_iter().find(|part| part.to_string() == name);
        known.ok_or_else(|| UnknownPart(name.to_owned()))
    }
}

/// A change to another network.
#[derive(Debug, Clone, PartialEq)]
pub struct Handover {
    /// How long the client has no network before that.
    pub outage: Duration,
    /// The link of the other network.
    pub after: PerDirection<LinkSpec>,
}

impl Handover {
    /// The round trip of the link of the other network, without queues.
    pub(crate) fn round_trip(&self) -> Duration {
        self.after.iter().map(|link| link.delay).sum()
    }
}

/// A change of the client's address, which an experiment schedules and a path makes.
///
/// From then on, the client's packets have the new address. Packets to the old address are dropped when they reach the
/// client's end of the link. Neither end is notified.
#[derive(Debug, Clone)]
pub struct AddressChange(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    what: NewAddress,
    handover: Option<Handover>,
    /// In nanoseconds of the path's clock; [`NEVER`] until it is scheduled.
    at: AtomicU64,
    scheduled: Notify,
    unroutable: AtomicU64,
}

const NEVER: u64 = u64::MAX;

impl AddressChange {
    /// A change that is not scheduled yet. With a handover, the client first has no network, and then another one.
    pub fn new(what: NewAddress, handover: Option<Handover>) -> Self {
        let (at, unroutable) = (AtomicU64::new(NEVER), AtomicU64::new(0));
        Self(Arc::new(Shared { what, handover, at, scheduled: Notify::new(), unroutable }))
    }

    /// What changes.
    pub(crate) fn what(&self) -> NewAddress {
        self.0.what
    }

    /// The other network, if it is a handover.
    pub(crate) fn handover(&self) -> Option<&Handover> {
        self.0.handover.as_ref()
    }

    /// How long the client has no network.
    pub(crate) fn outage(&self) -> Duration {
        self.handover().map_or(Duration::ZERO, |handover| handover.outage)
    }

    /// Whether the client has no network at `now`.
    pub(super) fn is_out(&self, now: Time) -> bool {
        let at = self.0.at.load(Ordering::Relaxed);
        (at..at.saturating_add(nanos(self.outage()))).contains(&now.as_nanos())
    }

    /// Whether the address has changed by `now`, and the outage after it is over.
    pub(super) fn has_network_again(&self, now: Time) -> bool {
        self.has_happened(now) && !self.is_out(now)
    }

    /// Sets when the address changes.
    pub fn schedule(&self, at: Time) {
        self.0.at.store(at.as_nanos(), Ordering::Relaxed);
        self.0.scheduled.notify_one();
    }

    /// Completes when it is scheduled, with its instant. One task may wait.
    #[cfg(real_time)]
    pub(super) async fn scheduled(&self) -> Time {
        loop {
            match self.at() {
                Some(at) => return at,
                None => self.0.scheduled.notified().await,
            }
        }
    }

    /// When it changes, once that is known.
    pub fn at(&self) -> Option<Time> {
        let at = self.0.at.load(Ordering::Relaxed);
        (at != NEVER).then(|| Time::from_nanos(at))
    }

    /// Whether the address has changed by `now`.
    pub(crate) fn has_happened(&self, now: Time) -> bool {
        now.as_nanos() >= self.0.at.load(Ordering::Relaxed)
    }

    /// Packets to the old address that were dropped at the client's end.
    pub fn unroutable(&self) -> u64 {
        self.0.unroutable.load(Ordering::Relaxed)
    }

    pub(super) fn count_unroutable(&self, packets: u64) {
        self.0.unroutable.fetch_add(packets, Ordering::Relaxed);
    }
}

/// The first port of a new mapping, far from those that clients bind in virtual time.
const FIRST_PORT: u16 = 50_000;

/// The client's NAT. It does not translate addresses until the change. Then it makes a new mapping for each socket.
#[derive(Debug)]
pub(super) struct Nat {
    change: AddressChange,
    /// The client's address and the one that the server sees, in the order in which the mappings were made.
    mappings: Vec<(SocketAddr, SocketAddr)>,
}

impl Nat {
    pub(super) fn new(change: AddressChange) -> Self {
        Self { change, mappings: Vec::new() }
    }

    /// The source that the server sees of a packet from `inner`. `None` if the client has no network.
    pub(super) fn outgoing(&mut self, now: Time, inner: SocketAddr) -> Option<SocketAddr> {
        if !self.change.has_happened(now) {
            return Some(inner);
        }
        if self.change.is_out(now) {
            return None;
        }
        if let Some((_, outer)) = self.mappings.iter().find(|(known, _)| *known == inner) {
            return Some(*outer);
        }
        let outer = match self.change.what() {
            NewAddress::Port => {
                let number = u16::try_from(self.mappings.len()).unwrap_or(u16::MAX);
                SocketAddr::new(inner.ip(), FIRST_PORT.saturating_add(number))
            }
            NewAddress::Ip => SocketAddr::new(changed_ip(inner.ip()), inner.port()),
        };
        self.mappings.push((inner, outer));
        Some(outer)
    }

    /// The client's address for a packet to `outer`. `None` if there is no such mapping. Then the packet is counted,
    /// and the caller drops it.
    pub(super) fn incoming(&mut self, now: Time, outer: SocketAddr) -> Option<SocketAddr> {
        if !self.change.has_happened(now) {
            return Some(outer);
        }
        let inner = self.mappings.iter().find(|(_, known)| *known == outer).map(|(inner, _)| *inner);
        if inner.is_none() {
            self.change.count_unroutable(1);
        }
        inner
    }
}

/// The client's IP address after a change of [`NewAddress::Ip`].
pub(super) fn changed_ip(ip: IpAddr) -> IpAddr {
    /// The number added to the last byte.
    const STEP: u8 = 100;
    match ip {
        IpAddr::V4(ip) => {
            let [a, b, c, d] = ip.octets();
            Ipv4Addr::new(a, b, c, d.wrapping_add(STEP)).into()
        }
        IpAddr::V6(ip) => {
            let mut octets = ip.octets();
            octets[15] = octets[15].wrapping_add(STEP);
            IpAddr::from(octets)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nat_forgets_its_mappings_at_the_instant_of_the_change() {
        let address = |text: &str| text.parse::<SocketAddr>().unwrap();
        let (client, other) = (address("10.0.0.1:40000"), address("10.0.0.1:40001"));
        let change = AddressChange::new(NewAddress::Port, None);
        let mut nat = Nat::new(change.clone());
        assert_eq!(nat.outgoing(Time::from_nanos(9), client), Some(client));
        assert_eq!(nat.incoming(Time::from_nanos(9), client), Some(client));
        change.schedule(Time::from_nanos(10));
        assert_eq!(nat.incoming(Time::from_nanos(9), client), Some(client));
        assert_eq!(nat.incoming(Time::from_nanos(10), client), None);
        let new = nat.outgoing(Time::from_nanos(10), client).unwrap();
        assert_eq!(new, address("10.0.0.1:50000"));
        assert_eq!(nat.outgoing(Time::from_nanos(11), other), Some(address("10.0.0.1:50001")));
        assert_eq!(nat.outgoing(Time::from_nanos(11), client), Some(new));
        assert_eq!(nat.incoming(Time::from_nanos(11), new), Some(client));
        assert_eq!(change.unroutable(), 1);

        let change = AddressChange::new(NewAddress::Ip, None);
        change.schedule(Time::ZERO);
        let mut nat = Nat::new(change);
        assert_eq!(nat.outgoing(Time::ZERO, client), Some(address("10.0.0.101:40000")));
        assert_eq!(nat.outgoing(Time::ZERO, address("[fd00::1]:7")), Some(address("[fd00::65]:7")));
    }

    #[test]
    fn between_two_networks_there_is_none() {
        let client: SocketAddr = "10.0.0.1:40000".parse().unwrap();
        let handover = Handover { outage: Duration::from_nanos(5), after: PerDirection::default() };
        let change = AddressChange::new(NewAddress::Ip, Some(handover));
        change.schedule(Time::from_nanos(10));
        let mut nat = Nat::new(change);
        let sent: Vec<bool> =
            [9, 10, 14, 15].map(|at| nat.outgoing(Time::from_nanos(at), client).is_some()).into();
        assert_eq!(sent, [true, false, false, true]);
    }
}
