//! A run in real time over the emulated link: each end on a thread of its own, and the relay on a third.

use std::{
    cell::Cell,
    net::{IpAddr, Ipv4Addr, SocketAddr},
};

use super::{
    direct::ServerThread,
    observe::SampleSink,
    outcome::Outcome,
    plan::Plan,
    run::{Ends, RunError, run},
    sim::settings,
};
use crate::{
    link::{Counters, LinkSpec},
    path::{
        Fidelity,
        direct::{DirectHost, runtime},
        relay::Wire,
        sim::Side,
    },
    unit::PerDirection,
};

/// Runs `plan` once between two sockets of this machine, with a relay in between. It takes as long as the plan says.
///
/// # Errors
///
/// Where no connection was made, or the machine gives no clock, thread or runtime.
pub fn run_relay(plan: &Plan, seed: u64) -> Result<Outcome, RunError> {
    run_relay_observed(plan, seed, None)
}

/// [`run_relay`], with `samples` shown every message.
///
/// # Errors
///
/// Those of [`run_relay`].
pub fn run_relay_observed(plan: &Plan, seed: u64, samples: Option<SampleSink>) -> Result<Outcome, RunError> {
    let settings = settings(plan, Some(seed))?;
    let (mut outcome, wire, fidelity) = over_relay(&plan.links, seed, async |ends, measuring| {
        run(ends, plan.transport, &plan.workload, &settings, (seed, measuring), samples).await
    })?;
    outcome.wire = Some(wire);
    outcome.fidelity = Some(fidelity);
    Ok(outcome)
}

/// Runs `run` between two hosts on loopback with a relay in between, and returns what the wire did since it was told
/// that it is measured.
pub(super) fn over_relay<T>(
    links: &PerDirection<LinkSpec>,
    seed: u64,
    run: impl AsyncFnOnce(&Ends, &dyn Fn()) -> Result<T, RunError>,
) -> Result<(T, PerDirection<Counters>, Fidelity), RunError> {
    let runtime = runtime()?;
    let client = runtime.block_on(async { DirectHost::new() })?;
    let server = ServerThread::beside(client.clone())?;
    let wire = Wire::new(links.clone(), seed);
    let loopback = IpAddr::from(Ipv4Addr::LOCALHOST);
    let ends = Ends {
        client: wire.host(Side::Client, client),
        server: wire.host(Side::Server, server.host.clone()),
        listen: SocketAddr::new(loopback, 0),
        reach: loopback,
    };
    let before = Cell::new(wire.counters());
    let measuring = || before.set(wire.counters());
    let done = runtime.block_on(run(&ends, &measuring))?;
    let (before, after) = (before.get(), wire.counters());
    // What the kernel dropped for the ends' sockets is counted as they close.
    drop((ends, server, runtime));
    Ok((done, after - before, wire.finish().fidelity))
}
