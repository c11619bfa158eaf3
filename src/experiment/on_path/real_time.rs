//! The paths in real time: each end runs on a thread of its own.

use std::{
    future::{Future, pending},
    net::{IpAddr, Ipv4Addr, SocketAddr},
    pin::Pin,
    sync::Arc,
};

use rustix::time::{ClockId, clock_getres};

use super::route::{Ends, OnPath, Route, Wire};
use crate::{
    experiment::{error::RunError, path_kind::PathKind},
    link::Counters,
    path::{
        Host, Observers, QueueMeter, Side, WireBroken,
        direct::{DirectHost, HostThread, SocketObservers, runtime},
        netns::{self, Device, NetnsError, NetnsHost},
        relay, unspecified,
    },
    unit::PerDirection,
};

pub(super) fn on_path<T>(
    route: Route<'_>,
    queue: Option<&QueueMeter>,
    run: impl AsyncFnOnce(&Ends, &Wire<'_>) -> Result<T, RunError>,
) -> Result<OnPath<T>, RunError> {
    let mut once = Once { run: Some(run), value: None };
    let OnPath { value: (), wire, queue, ecn, fidelity } = match route.path {
        PathKind::Netns => over_netns(route, queue, &mut once),
        PathKind::Relay => over_relay(route, queue, &mut once),
        _ => on_loopback(route, &mut once),
    }?;
    let value = once.value.expect("a run that succeeds has a value");
    Ok(OnPath { value, wire, queue, ecn, fidelity })
}

/// What is run on a path. All experiments share the code of the paths, which would be half a megabyte of the program if
/// each had its own.
trait Run {
    fn run<'a>(
        &'a mut self,
        ends: &'a Ends,
        wire: &'a Wire<'_>,
    ) -> Pin<Box<dyn Future<Output = Result<(), RunError>> + 'a>>;
}

/// A run, until it begins, and its value, once it has ended.
struct Once<R, T> {
    run: Option<R>,
    value: Option<T>,
}

impl<T, R: AsyncFnOnce(&Ends, &Wire<'_>) -> Result<T, RunError>> Run for Once<R, T> {
    fn run<'a>(
        &'a mut self,
        ends: &'a Ends,
        wire: &'a Wire<'_>,
    ) -> Pin<Box<dyn Future<Output = Result<(), RunError>> + 'a>> {
        Box::pin(async move {
            let run = self.run.take().expect("it is run once");
            self.value = Some(run(ends, wire).await?);
            Ok(())
        })
    }
}

pub(super) fn on_this_machine<T>(
    observers: Observers,
    run: impl AsyncFnOnce(&Arc<dyn Host>) -> Result<T, RunError>,
) -> Result<T, RunError> {
    let observed = SocketObservers::new(observers);
    runtime()?.block_on(async {
        let host = observed.host(Side::Client, DirectHost::new()?);
        run(&host).await
    })
}

/// Two sockets on loopback, without a link.
fn on_loopback(route: Route<'_>, run: &mut dyn Run) -> Result<OnPath<()>, RunError> {
    // Dropped last: the last segments of the kernel's TCP are sent as the hosts close.
    let observed = SocketObservers::new(route.observers);
    let runtime = runtime()?;
    let client = runtime.block_on(async { DirectHost::new() })?;
    let server = server_beside(&client)?;
    let ends = Ends {
        server: observed.host(Side::Server, server.host().clone()),
        client: observed.host(Side::Client, client),
        listen: loopback(),
        reach: loopback().ip(),
        change: None,
    };
    let read = Reading { counters: &|| None, queue: None };
    let wire = drive(&runtime, &ends, read, pending(), run)?;
    Ok(OnPath { value: (), wire, queue: None, ecn: None, fidelity: None })
}

/// Two sockets on loopback with a relay between them.
fn over_relay(
    route: Route<'_>,
    queue: Option<&QueueMeter>,
    run: &mut dyn Run,
) -> Result<OnPath<()>, RunError> {
    let runtime = runtime()?;
    let client = runtime.block_on(async { DirectHost::new() })?;
    let server = server_beside(&client)?;
    let relay = {
        let change = route.change.as_ref().map(|change| change.address.clone());
        relay::Wire::new(route.links.clone(), route.seed, route.observers, change)
    };
    let ends = Ends {
        client: relay.host(Side::Client, client),
        server: relay.host(Side::Server, server.host().clone()),
        listen: loopback(),
        reach: loopback().ip(),
        change: route.change,
    };
    let broken = async { relay.broken().await.into() };
    let read = Reading { counters: &|| Some(relay.counters()), queue };
    let wire = drive(&runtime, &ends, read, broken, run)?;
    // The kernel's drops at the ends' sockets are counted as these close.
    drop((ends, server, runtime));
    Ok(OnPath { value: (), wire, queue: None, ecn: None, fidelity: Some(relay.finish().fidelity) })
}

/// Two fresh network namespaces with the forwarder between them.
fn over_netns(
    route: Route<'_>,
    queue: Option<&QueueMeter>,
    run: &mut dyn Run,
) -> Result<OnPath<()>, RunError> {
    let controller = route.congestion.kernel_name();
    let world =
        Arc::new(netns::World::with_device(route.links, route.seed, Device::best(), route.observers)?);
    let runtime = runtime()?;
    let client = runtime.block_on(async { NetnsHost::new(&world, Side::Client, controller) })?;
    let far = world.clone();
    let server = HostThread::<dyn Host>::start("server", move || {
        Ok(NetnsHost::new(&far, Side::Server, controller)? as Arc<dyn Host>)
    })?;
    let reach = netns::World::ip(Side::Server);
    let listen = unspecified(SocketAddr::new(reach, 0));
    let ends = Ends { client, server: server.host().clone(), listen, reach, change: route.change };
    let (host, change) = (ends.client.clone(), ends.change.clone());
    let changing = async {
        if let Some(change) = change {
            world.change_address(&change.address, &*host).await?;
        }
        pending::<Result<RunError, WireBroken>>().await
    };
    let broken = async {
        tokio::select! {
            biased;
            broken = world.broken() => broken.into(),
            changed = changing => changed.unwrap_or_else(RunError::from),
        }
    };
    let read = Reading { counters: &|| Some(world.counters()), queue };
    let wire = drive(&runtime, &ends, read, broken, run)?;
    Ok(OnPath { value: (), wire, queue: None, ecn: None, fidelity: Some(world.fidelity()) })
}

/// The counters and the meter of a wire.
struct Reading<'a> {
    counters: &'a dyn Fn() -> Option<PerDirection<Counters>>,
    queue: Option<&'a QueueMeter>,
}

/// Runs `run` until it completes or the wire is `broken`, and returns what the wire did meanwhile.
fn drive(
    runtime: &tokio::runtime::Runtime,
    ends: &Ends,
    read: Reading<'_>,
    broken: impl Future<Output = RunError>,
    run: &mut dyn Run,
) -> Result<Option<PerDirection<Counters>>, RunError> {
    let wire = Wire::new(read.counters, read.queue);
    runtime.block_on(async {
        tokio::select! {
            biased;
            error = broken => Err(error),
            run = run.run(ends, &wire) => run,
        }
    })?;
    Ok(wire.measured())
}

pub(super) fn system_settings(in_namespaces: bool) -> Vec<(String, String)> {
    let frequency = ("timer_frequency_hz".to_owned(), timer_frequency().to_string());
    let namespaces = if in_namespaces { netns::settings() } else { Vec::new() };
    [frequency].into_iter().chain(namespaces).collect()
}

/// The tick frequency of the kernel's coarse clocks: `CONFIG_HZ`.
fn timer_frequency() -> i64 {
    let tick = clock_getres(ClockId::MonotonicCoarse);
    1_000_000_000 / tick.tv_nsec.max(1)
}

impl From<NetnsError> for RunError {
    fn from(error: NetnsError) -> Self {
        Self::Path(Box::new(error))
    }
}

/// The server's host, whose clock reads as the client's.
fn server_beside(client: &Arc<DirectHost>) -> Result<HostThread<dyn Host>, RunError> {
    let client = client.clone();
    Ok(HostThread::<dyn Host>::start("server", move || Ok(client.sibling()? as Arc<dyn Host>))?)
}

fn loopback() -> SocketAddr {
    SocketAddr::new(IpAddr::from(Ipv4Addr::LOCALHOST), 0)
}
