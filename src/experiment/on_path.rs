//! Two hosts and the wire between them, on any path: the only code that knows one path from another.

#[cfg(feature = "sockets")]
mod real_time;
#[cfg(not(feature = "sockets"))]
#[path = "on_path/no_sockets.rs"]
mod real_time;

use std::{
    cell::Cell,
    future::Future,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use super::{error::RunError, path_kind::PathKind};
use crate::{
    link::{Counters, LinkSpec},
    path::{
        Fidelity, Host, Observers, Side, StopSignal,
        sim::{Limits, World},
    },
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
    /// See every packet.
    pub observers: Observers,
}

/// The two ends of a run.
#[derive(Debug, Clone)]
pub struct Ends {
    /// The host that asks.
    pub client: Arc<dyn Host>,
    /// The host that answers.
    pub server: Arc<dyn Host>,
    /// Where the server listens.
    pub listen: SocketAddr,
    /// The address at which the client reaches the server; the port is the listener's.
    pub reach: IpAddr,
}

/// The wire of a run, for the experiment that runs on it.
pub struct Wire<'a> {
    read: &'a dyn Fn() -> Option<PerDirection<Counters>>,
    before: Cell<Option<PerDirection<Counters>>>,
}

/// What a run returned, and what its wire did.
#[derive(Debug, Clone)]
pub struct OnPath<T> {
    /// What the run returned.
    pub value: T,
    /// What the wire did since [`Wire::measure_from_now`], to the server and to the client; `None` without a link.
    pub wire: Option<PerDirection<Counters>>,
    /// How true the wire was to its model; `None` in virtual time, where it is exact, and without a link.
    pub fidelity: Option<Fidelity>,
}

/// Runs `run` between two hosts on `route`. In virtual time the result is a pure function of the arguments; on the
/// other paths `run` takes as long as it takes.
///
/// # Errors
///
/// Returns the error of `run`, or why the path could not be made, could not complete, or broke.
pub fn on_path<T>(
    route: Route<'_>,
    run: impl AsyncFnOnce(&Ends, &Wire<'_>) -> Result<T, RunError>,
) -> Result<OnPath<T>, RunError> {
    let stop = route.stop.clone();
    let run =
        async |ends: &Ends, wire: &Wire<'_>| unless_overdue(&*ends.client, &stop, run(ends, wire)).await;
    match route.path {
        PathKind::Sim => in_virtual_time(route, run),
        PathKind::Relay | PathKind::Netns | PathKind::Direct => real_time::on_path(route, run),
    }
}

/// Runs `run` on a host of this machine's, against servers elsewhere, and abandons it if it does not end soon after
/// `stop` is set.
pub(super) fn on_this_machine<T>(
    stop: &StopSignal,
    run: impl AsyncFnOnce(&Arc<dyn Host>) -> Result<T, RunError>,
) -> Result<T, RunError> {
    real_time::on_this_machine(async |host| unless_overdue(&**host, stop, run(host)).await)
}

/// Settings of the kernel that affect results in real time, and those `in_namespaces`, by name.
pub(super) fn system_settings(in_namespaces: bool) -> Vec<(String, String)> {
    real_time::system_settings(in_namespaces)
}

/// How long a run may take to end after it was told to.
const GRACE: Duration = Duration::from_millis(700);

/// Runs `run`, which should end by itself when `stop` is set, and abandons it if it does not.
async fn unless_overdue<T>(
    host: &dyn Host,
    stop: &StopSignal,
    run: impl Future<Output = Result<T, RunError>>,
) -> Result<T, RunError> {
    let overdue = async {
        stop.stopped().await;
        host.sleep(GRACE).await;
    };
    tokio::select! {
        biased;
        result = run => result,
        () = overdue => Err(RunError::Interrupted),
    }
}

fn in_virtual_time<T>(
    route: Route<'_>,
    run: impl AsyncFnOnce(&Ends, &Wire<'_>) -> Result<T, RunError>,
) -> Result<OnPath<T>, RunError> {
    let world = World::new(route.links, route.seed).with_limits(route.limits).with_observers(route.observers);
    let any = IpAddr::from(Ipv4Addr::UNSPECIFIED);
    let ends = Ends {
        client: world.host(Side::Client),
        server: world.host(Side::Server),
        listen: SocketAddr::new(any, 0),
        reach: Side::Server.ip(any),
    };
    let counters = || Some(world.counters());
    let wire = Wire::new(&counters);
    let value = world.run(run(&ends, &wire))??;
    Ok(OnPath { value, wire: wire.measured(), fidelity: None })
}

impl<'a> Wire<'a> {
    fn new(read: &'a dyn Fn() -> Option<PerDirection<Counters>>) -> Self {
        Self { read, before: Cell::new(read()) }
    }

    /// What the wire has done so far, to the server and to the client; `None` without a link.
    pub fn counters(&self) -> Option<PerDirection<Counters>> {
        (self.read)()
    }

    /// Starts the counters of [`OnPath::wire`] again from zero. Without this call they count from the start.
    pub fn measure_from_now(&self) {
        self.before.set(self.counters());
    }

    fn measured(&self) -> Option<PerDirection<Counters>> {
        let (before, after) = self.before.get().zip(self.counters())?;
        Some(after - before)
    }
}
