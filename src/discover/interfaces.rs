//! The network interfaces of this machine.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr},
};

use ipnet::IpNet;

use super::error::DiscoverError;

/// An interface that is up and has an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Interface {
    pub(super) index: u32,
    pub(super) name: String,
    /// Its addresses, each with its prefix length.
    pub(super) networks: Vec<IpNet>,
    pub(super) broadcasts: Vec<Ipv4Addr>,
}

impl Interface {
    /// All interfaces of this machine.
    pub(super) fn all() -> Result<Vec<Self>, DiscoverError> {
        let mut all = BTreeMap::<u32, Self>::new();
        for address in if_addrs::get_if_addrs().map_err(DiscoverError::Interfaces)? {
            let Some(index) = address.index.filter(|_| address.is_oper_up()) else { continue };
            let (ip, prefix, broadcast) = match &address.addr {
                if_addrs::IfAddr::V4(v4) => (IpAddr::from(v4.ip), v4.prefixlen, v4.broadcast),
                if_addrs::IfAddr::V6(v6) => (v6.ip.into(), v6.prefixlen, None),
            };
            let Ok(network) = IpNet::new(ip, prefix) else { continue };
            let interface = all.entry(index).or_insert_with(|| Self {
                index,
                name: address.name,
                networks: Vec::new(),
                broadcasts: Vec::new(),
            });
            interface.networks.push(network);
            interface.broadcasts.extend(broadcast);
        }
        Ok(all.into_values().collect())
    }

    pub(super) fn is_loopback(&self) -> bool {
        self.networks.iter().all(|network| network.addr().is_loopback())
    }

    /// Whether `source` is in a network of this interface, so no router is in between.
    pub(super) fn is_on_link(&self, source: IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(&source))
    }

    /// An address of this interface for `peer`: in the same network if there is one, else of the same family.
    pub(super) fn address_for(&self, peer: IpAddr) -> Option<IpAddr> {
        let near = self.networks.iter().find(|network| network.contains(&peer));
        near.map(IpNet::addr).or_else(|| self.address_like(peer))
    }

    /// The first address of this interface that has the family of `like`.
    pub(super) fn address_like(&self, like: IpAddr) -> Option<IpAddr> {
        self.networks.iter().map(IpNet::addr).find(|ip| ip.is_ipv4() == like.is_ipv4())
    }
}
