//! Two namespaces and the wire between them.

use std::{
    io,
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    device::{self, Device},
    error::NetnsError,
    forwarder::Forwarder,
    namespace::Namespace,
};
use crate::{
    link::{Counters, LinkSpec},
    path::{
        AddressChange, Fidelity, Host, Observers, Side, WireBroken,
        address_change::changed_ip,
        realtime::{broken, resolution},
    },
    unit::PerDirection,
};

/// Two namespaces and the wire between them.
#[derive(Debug)]
pub struct World {
    forwarder: Forwarder,
    pub(super) namespaces: [Arc<Namespace>; 2],
    device: Device,
    pub(super) origin: Instant,
    pub(super) resolution: Duration,
    pub(super) uses_ecn: bool,
}

impl World {
    /// Fresh namespaces, on a wire that follows `links`, with every draw keyed by `seed` as in virtual time.
    ///
    /// Returns [`NetnsError`] if the system lacks what it takes or forbids it.
    pub fn new(links: &PerDirection<LinkSpec>, seed: u64) -> Result<Self, NetnsError> {
        Self::with_device(links, seed, Device::best(), Observers::default())
    }

    /// [`World::new`] with devices of this kind, whose packets `observers` see. Fails like [`World::new`].
    #[expect(clippy::disallowed_methods, reason = "the origin of real time on this path")]
    pub fn with_device(
        links: &PerDirection<LinkSpec>,
        seed: u64,
        device: Device,
        observers: Observers,
    ) -> Result<Self, NetnsError> {
        let origin = Instant::now();
        let uses_ecn = links.iter().any(LinkSpec::uses_ecn);
        let namespaces = [Arc::new(Namespace::new(uses_ecn)?), Arc::new(Namespace::new(uses_ecn)?)];
        // An interface has one MTU for both directions; larger packets would only be dropped by the link.
        let mtu = links.to_server.mtu.min(links.to_client.mtu);
        let port = |side: Side| device.connect(&namespaces[side as usize], address(side), mtu);
        let ports = PerDirection { to_server: port(Side::Client)?, to_client: port(Side::Server)? };
        let forwarder = Forwarder::start(ports, links, seed, observers, origin)
            .map_err(NetnsError::setup("start the forwarder of packets"))?;
        Ok(Self { forwarder, namespaces, device, origin, resolution: resolution(links), uses_ecn })
    }

    /// The namespace of one end's host.
    pub fn namespace(&self, side: Side) -> &Arc<Namespace> {
        &self.namespaces[side as usize]
    }

    /// The address of one end.
    pub fn ip(side: Side) -> IpAddr {
        address(side).into()
    }

    /// The devices that connect the hosts to the wire.
    pub fn device(&self) -> Device {
        self.device
    }

    /// Gives the client's host another address when `change` is due, by the clock of `host`: the kernel removes the old
    /// one.
    ///
    /// Returns an error if the kernel refuses that.
    pub async fn change_address(&self, change: &AddressChange, host: &dyn Host) -> Result<(), WireBroken> {
        let old = address(Side::Client);
        self.forwarder.follow(change.clone(), old.into());
        host.sleep_until(change.scheduled().await).await;
        let replace = |replaced: io::Result<io::Result<()>>| {
            replaced.flatten().map_err(broken("change the client's address"))
        };
        let client = self.namespace(Side::Client);
        replace(client.within(|| device::remove_address(old)))?;
        host.sleep(change.outage()).await;
        let IpAddr::V4(new) = changed_ip(old.into()) else { return Ok(()) };
        replace(client.within(|| device::add_address(new)))
    }

    /// Completes when the wire carries nothing any more, for example because a device is gone. One task may wait.
    pub async fn broken(&self) -> WireBroken {
        self.forwarder.broken().await
    }

    /// What the wire has done so far.
    pub fn counters(&self) -> PerDirection<Counters> {
        self.forwarder.counters()
    }

    /// How true the wire has been to its model so far. The drops include those of the hosts' interfaces and UDP
    /// sockets.
    pub fn fidelity(&self) -> Fidelity {
        let mut fidelity = self.forwarder.fidelity();
        let at_hosts = self.namespaces.iter().map(|namespace| namespace.drops()).sum::<Option<u64>>();
        fidelity.dropped = fidelity.dropped.zip(at_hosts).map(|(dropped, at_hosts)| dropped + at_hosts);
        fidelity.corrupted = self.namespaces.iter().map(|namespace| namespace.corrupted()).sum();
        fidelity
    }
}

fn address(side: Side) -> Ipv4Addr {
    match side.ip(Ipv4Addr::UNSPECIFIED.into()) {
        IpAddr::V4(address) => address,
        IpAddr::V6(_) => unreachable!("asked for IPv4"),
    }
}
