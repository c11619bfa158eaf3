//! The multicast groups that a responder has joined.

use std::{collections::BTreeMap, io, net::IpAddr};

use socket2::{Domain, InterfaceIndexOrAddress, Protocol, Socket, Type};

use super::{Scope, interfaces::Interface};

/// The groups of one address family, on all interfaces.
///
/// Each group has a socket of its own, because Linux limits the groups of a socket (`net.ipv4.igmp_max_memberships`, 20
/// by default). The kernel delivers datagrams to a group to every socket that is bound to the port, not only to the one
/// that joined (`IP_MULTICAST_ALL`, on by default).
#[derive(Debug)]
pub(super) struct Memberships {
    /// Any address of the family.
    family: IpAddr,
    /// By interface and group. `None`: joining failed, which was reported.
    sockets: BTreeMap<(u32, IpAddr), Option<Socket>>,
}

impl Memberships {
    pub(super) fn new(family: IpAddr) -> Self {
        Self { family, sockets: BTreeMap::new() }
    }

    /// Joins the groups of all scopes on `interfaces`, and leaves those on all other interfaces. A group that could not
    /// be joined is tried again, but its failure is returned only once.
    pub(super) fn renew(&mut self, interfaces: &[Interface]) -> Vec<String> {
        let groups = Scope::ALL.map(|scope| scope.group(self.family));
        let wanted: BTreeMap<_, _> = interfaces
            .iter()
            .filter(|interface| interface.address_like(self.family).is_some())
            .flat_map(|interface| groups.map(|group| ((interface.index, group), &interface.name)))
            .collect();
        self.sockets.retain(|membership, _| wanted.contains_key(membership));
        let mut failures = Vec::new();
        for ((index, group), name) in wanted {
            let known = self.sockets.get(&(index, group));
            if let Some(Some(_)) = known {
                continue;
            }
            let was_reported = known.is_some();
            let joined = join(group, index);
            if let Err(error) = &joined
                && !was_reported
            {
                failures.push(format!("cannot join {group} on {name}: {error}"));
            }
            self.sockets.insert((index, group), joined.ok());
        }
        failures
    }
}

/// Joins `group` on the interface with this index, until the socket is dropped.
fn join(group: IpAddr, index: u32) -> io::Result<Socket> {
    let domain = if group.is_ipv4() { Domain::IPV4 } else { Domain::IPV6 };
    let socket = Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))?;
    match group {
        IpAddr::V4(group) => socket.join_multicast_v4_n(&group, &InterfaceIndexOrAddress::Index(index))?,
        IpAddr::V6(group) => socket.join_multicast_v6(&group, index)?,
    }
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use super::*;

    fn interface(index: u32, name: &str, networks: &[&str]) -> Interface {
        let networks = networks.iter().map(|network| network.parse().unwrap()).collect();
        Interface { index, name: name.to_owned(), networks, broadcasts: Vec::new() }
    }

    #[test]
    fn a_failure_is_reported_once_and_forgotten_with_its_interface() {
        let none = interface(u32::MAX, "none", &["192.0.2.1/24"]);
        let mut memberships = Memberships::new(Ipv4Addr::UNSPECIFIED.into());
        let failures = memberships.renew(std::slice::from_ref(&none));
        assert_eq!(failures.len(), 2, "{failures:?}");
        assert!(failures[0].starts_with("cannot join 224.0.0.254 on none: "), "{failures:?}");
        assert!(failures[1].starts_with("cannot join 239.255.0.114 on none: "), "{failures:?}");
        assert_eq!(memberships.renew(std::slice::from_ref(&none)), [""; 0]);
        memberships.renew(&[]);
        assert_eq!(memberships.renew(&[none]).len(), 2);
    }

    #[test]
    fn groups_are_joined_only_on_interfaces_with_an_address_of_the_family() {
        // No interface has this index, so an attempt would fail.
        let six = interface(u32::MAX, "none", &["2001:db8::7/64"]);
        let mut memberships = Memberships::new(Ipv4Addr::UNSPECIFIED.into());
        assert_eq!(memberships.renew(std::slice::from_ref(&six)), [""; 0]);
        let failures = Memberships::new(Ipv6Addr::UNSPECIFIED.into()).renew(&[six]);
        assert!(failures[0].starts_with("cannot join ff02::114 on none: "), "{failures:?}");
    }
}
