//! What a run is given and returns.

use std::{
    cell::Cell,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use crate::{
    experiment::{migration::ClientChange, path_kind::PathKind},
    link::{Counters, LinkSpec},
    path::{EcnCounts, Fidelity, Host, Observers, QueueDelays, QueueMeter, StopSignal, sim::Limits},
    transport::Congestion,
    unit::PerDirection,
};

/// Where packets of a run travel, and what decides their fate.
pub struct Route<'a> {
    /// The path.
    pub path: PathKind,
    /// The wire to the server and to the client; ignored on a path without a link.
    pub links: &'a PerDirection<LinkSpec>,
    /// Keys every draw of the wire.
    pub seed: u64,
    /// The controller of the kernel's TCP, on paths that carry it.
    pub congestion: Congestion,
    /// When a run in virtual time is given up.
    pub limits: Limits,
    /// Ends the run early. A run that does not end by itself soon after is abandoned.
    pub stop: StopSignal,
    /// Observers of every packet.
    pub observers: Observers,
    /// A change of the client's address, if it changes.
    pub change: Option<ClientChange>,
}

impl<'a> Route<'a> {
    /// A route with the default limits and without observers.
    pub fn new(
        path: PathKind,
        links: &'a PerDirection<LinkSpec>,
        congestion: Congestion,
        seed: u64,
        stop: &StopSignal,
    ) -> Self {
        let (limits, observers) = (Limits::default(), Observers::default());
        Self { path, links, seed, congestion, limits, stop: stop.clone(), observers, change: None }
    }
}

/// The two ends of a run.
#[derive(Debug, Clone)]
pub struct Ends {
    /// The host of the client.
    pub client: Arc<dyn Host>,
    /// The host of the server.
    pub server: Arc<dyn Host>,
    /// Where the server listens.
    pub listen: SocketAddr,
    /// The address at which the client reaches the server; the port is the listener's.
    pub reach: IpAddr,
    /// A change of the client's address, if it changes.
    pub change: Option<ClientChange>,
}

impl Ends {
    /// The same ends for a connection beside others, with a controller of its own where the path sets one.
    pub(crate) fn beside_others(&self, congestion: Congestion) -> Self {
        let controller = congestion.kernel_name();
        let beside = |host: &Arc<dyn Host>| host.beside_others(controller).unwrap_or_else(|| host.clone());
        Self { client: beside(&self.client), server: beside(&self.server), ..self.clone() }
    }
}

/// The wire of a run, for the experiment that runs on it.
pub struct Wire<'a> {
    read: &'a dyn Fn() -> Option<PerDirection<Counters>>,
    before: Cell<Option<PerDirection<Counters>>>,
    queue: Option<&'a QueueMeter>,
}

/// What a run returned, and what its wire did.
#[derive(Debug, Clone)]
pub struct OnPath<T> {
    /// What the run returned.
    pub value: T,
    /// What the wire did since the measured time began, to the server and to the client; `None` without a link.
    pub wire: Option<PerDirection<Counters>>,
    /// How long packets waited in the queues since then; `None` on a link without a rate, and without a link.
    pub queue: Option<QueueDelays>,
    /// The packets of the whole run by their ECN field; `None` if the link does not use ECN.
    pub ecn: Option<PerDirection<EcnCounts>>,
    /// How true the wire was to its model; `None` in virtual time, where it is exact, and without a link.
    pub fidelity: Option<Fidelity>,
}

impl<'a> Wire<'a> {
    pub(super) fn new(
        read: &'a dyn Fn() -> Option<PerDirection<Counters>>,
        queue: Option<&'a QueueMeter>,
    ) -> Self {
        Self { read, before: Cell::new(read()), queue }
    }

    /// What the wire has done so far, to the server and to the client; `None` without a link.
    pub(crate) fn counters(&self) -> Option<PerDirection<Counters>> {
        (self.read)()
    }

    /// Starts [`OnPath::wire`] and [`OnPath::queue`] again from zero. Without this call they count from the start.
    pub(crate) fn measure_from_now(&self) {
        self.queue.into_iter().for_each(QueueMeter::restart);
        self.before.set(self.counters());
    }

    pub(super) fn measured(&self) -> Option<PerDirection<Counters>> {
        let (before, after) = self.before.get().zip(self.counters())?;
        Some(after - before)
    }
}
