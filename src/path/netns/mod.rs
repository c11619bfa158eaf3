//! Two hosts of this machine in network namespaces of their own, and the emulated wire between them: IP packets of
//! the kernel's, TCP's too, meet the same [`Link`](crate::link::Link) as in virtual time.
//!
//! ```text
//! client's namespace                      server's namespace
//!   sockets, wire0 10.0.0.1                 wire0 10.0.0.2, sockets
//!              └──── forwarder thread: Link to server ────┘
//!                                      Link to client
//! ```
//!
//! Namespaces are anonymous: descriptors hold them, and sockets made in them, so that nothing is left behind however
//! the process ends. As root, or with the capabilities, a thread of its own makes each ([`World::new`] may be called
//! anywhere). An ordinary user first moves the whole process into a user namespace ([`prepare`]), which goes only
//! before its second thread is started.

mod device;
mod forwarder;
mod host;
mod namespace;
mod netlink;
mod permission;
mod programs;
mod tcp;

use std::{
    io,
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
    time::{Duration, Instant},
};

use self::forwarder::Forwarder;
pub use self::{
    device::Device,
    host::NetnsHost,
    namespace::{Namespace, settings},
    permission::prepare,
    programs::Programs,
};
use super::{Fidelity, Observers, Side, WireBroken, fidelity::resolution};
use crate::{
    link::{Counters, LinkSpec},
    unit::PerDirection,
};

/// A path through network namespaces could not be made.
#[derive(Debug, thiserror::Error)]
pub enum NetnsError {
    /// The system does not let us.
    #[error("cannot make {what} ({source}): {remedy}")]
    Forbidden {
        /// What was to be made.
        what: &'static str,
        /// Which permission is missing, and what would give it.
        remedy: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// The process had more than one thread.
    #[error("cannot make a user namespace: this process has started threads before")]
    Threads,
    /// A program could not be started.
    #[error("cannot start `{program}`: {source}")]
    Start {
        /// As it was asked for.
        program: String,
        /// What the system said.
        source: io::Error,
    },
    /// The wire carries nothing any more.
    #[error(transparent)]
    Broken(#[from] WireBroken),
    /// Something else went wrong on the way.
    #[error("cannot {operation}: {source}")]
    Setup {
        /// What was tried.
        operation: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

impl NetnsError {
    fn setup(operation: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Setup { operation, source }
    }
}

/// Two namespaces and the wire between them.
#[derive(Debug)]
pub struct World {
    forwarder: Forwarder,
    namespaces: [Arc<Namespace>; 2],
    device: Device,
    origin: Instant,
    resolution: Duration,
}

impl World {
    /// Fresh namespaces, on a wire that follows `links`, with every draw keyed by `seed` as in virtual time.
    ///
    /// # Errors
    ///
    /// Returns [`NetnsError`] if the system lacks what it takes or forbids it.
    pub fn new(links: &PerDirection<LinkSpec>, seed: u64) -> Result<Self, NetnsError> {
        Self::with_device(links, seed, Device::best(), Observers::default())
    }

    /// [`World::new`] with devices of this kind, whose packets `observers` see.
    ///
    /// # Errors
    ///
    /// As [`World::new`].
    #[expect(clippy::disallowed_methods, reason = "the origin of real time on this path")]
    pub fn with_device(
        links: &PerDirection<LinkSpec>,
        seed: u64,
        device: Device,
        observers: Observers,
    ) -> Result<Self, NetnsError> {
        let origin = Instant::now();
        let namespaces = [Arc::new(Namespace::new()?), Arc::new(Namespace::new()?)];
        // An interface has one MTU for both ways, and packets above the smaller one would only be for the link to drop.
        let mtu = links.to_server.mtu.min(links.to_client.mtu);
        let port = |side: Side| device.connect(&namespaces[side as usize], address(side), mtu);
        let ports = PerDirection { to_server: port(Side::Client)?, to_client: port(Side::Server)? };
        let forwarder = Forwarder::start(ports, (links, seed), observers, origin)
            .map_err(NetnsError::setup("start the forwarder of packets"))?;
        Ok(Self { forwarder, namespaces, device, origin, resolution: resolution(links) })
    }

    /// Where the host of one end lives.
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

    /// Completes when the wire carries nothing any more, for example because a device is gone. One task may wait.
    pub async fn broken(&self) -> WireBroken {
        self.forwarder.broken().await
    }

    /// What the wire has done to packets, to the server and to the client.
    pub fn counters(&self) -> PerDirection<Counters> {
        self.forwarder.counters()
    }

    /// How true the wire has been to its model so far. What was dropped includes what the hosts' interfaces and their
    /// UDP sockets had no room for.
    pub fn fidelity(&self) -> Fidelity {
        let mut fidelity = self.forwarder.fidelity();
        let at_hosts = self.namespaces.iter().map(|namespace| namespace.drops()).sum::<u64>();
        fidelity.dropped = fidelity.dropped.map(|dropped| dropped + at_hosts);
        fidelity
    }
}

fn address(side: Side) -> Ipv4Addr {
    match side.ip(Ipv4Addr::UNSPECIFIED.into()) {
        IpAddr::V4(address) => address,
        IpAddr::V6(_) => unreachable!("asked for IPv4"),
    }
}
