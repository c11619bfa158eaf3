//! Virtual time.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::route::{Ends, OnPath, Route, Wire};
use crate::{
    experiment::error::RunError,
    path::{QueueMeter, Side, sim::World},
};

pub(super) fn on_path<T>(
    route: Route<'_>,
    queue: Option<&QueueMeter>,
    run: impl AsyncFnOnce(&Ends, &Wire<'_>) -> Result<T, RunError>,
) -> Result<OnPath<T>, RunError> {
    let world = World::new(route.links, route.seed).with_limits(route.limits).with_observers(route.observers);
    let world = match &route.change {
        Some(change) => world.with_address_change(change.address.clone()),
        None => world,
    };
    let any = IpAddr::from(Ipv4Addr::UNSPECIFIED);
    let ends = Ends {
        client: world.host(Side::Client),
        server: world.host(Side::Server),
        listen: SocketAddr::new(any, 0),
        reach: Side::Server.ip(any),
        change: route.change,
    };
    let counters = || Some(world.counters());
    let wire = Wire::new(&counters, queue);
    let value = world.run(run(&ends, &wire))??;
    Ok(OnPath { value, wire: wire.measured(), queue: None, ecn: None, fidelity: None })
}
