//! A run in real time between two network namespaces, over the emulated wire.

use std::{cell::Cell, net::SocketAddr, sync::Arc};

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
        Fidelity, Host,
        direct::runtime,
        netns::{NetnsHost, World},
        sim::Side,
        unspecified,
    },
    transport::quic::Congestion,
    unit::PerDirection,
};

/// Runs `plan` once between two fresh namespaces. It takes as long as the plan says.
///
/// # Errors
///
/// Where the namespaces could not be made, or no connection.
pub fn run_netns(plan: &Plan, seed: u64) -> Result<Outcome, RunError> {
    run_netns_observed(plan, seed, None)
}

/// [`run_netns`], with `samples` shown every message.
///
/// # Errors
///
/// Those of [`run_netns`].
pub fn run_netns_observed(plan: &Plan, seed: u64, samples: Option<SampleSink>) -> Result<Outcome, RunError> {
    let settings = settings(plan, Some(seed))?;
    let (mut outcome, wire, fidelity) =
        over_netns(&plan.links, (seed, plan.congestion), async |ends, measuring| {
            run(ends, plan.transport, &plan.workload, &settings, (seed, measuring), samples).await
        })?;
    outcome.wire = Some(wire);
    outcome.fidelity = Some(fidelity);
    Ok(outcome)
}

/// Runs `run` between two hosts in fresh namespaces, and returns what the wire did since it was told that it is
/// measured.
pub(super) fn over_netns<T>(
    links: &PerDirection<LinkSpec>,
    (seed, congestion): (u64, Congestion),
    run: impl AsyncFnOnce(&Ends, &dyn Fn()) -> Result<T, RunError>,
) -> Result<(T, PerDirection<Counters>, Fidelity), RunError> {
    let controller = kernel_controller(congestion);
    let world = Arc::new(World::new(links, seed)?);
    let runtime = runtime()?;
    let client = runtime.block_on(async { NetnsHost::new(&world, Side::Client, controller) })?;
    let far = world.clone();
    let server =
        ServerThread::start(move || Ok(NetnsHost::new(&far, Side::Server, controller)? as Arc<dyn Host>))?;
    let reach = World::ip(Side::Server);
    let listen = unspecified(SocketAddr::new(reach, 0));
    let ends = Ends { client, server: server.host.clone(), listen, reach };
    let before = Cell::new(world.counters());
    let measuring = || before.set(world.counters());
    let running = run(&ends, &measuring);
    let outcome = runtime.block_on(async {
        tokio::select! {
            biased;
            broken = world.broken() => Err(broken.into()),
            outcome = running => outcome,
        }
    })?;
    let (before, after) = (before.get(), world.counters());
    Ok((outcome, after - before, world.fidelity()))
}

/// The kernel's name of a congestion controller. It has none with a fixed window, and follows its usual one there.
pub(super) fn kernel_controller(congestion: Congestion) -> &'static str {
    match congestion {
        Congestion::Cubic | Congestion::Fixed(_) => "cubic",
        Congestion::NewReno => "reno",
        Congestion::Bbr => "bbr",
    }
}
