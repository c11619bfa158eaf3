//! The connections of one seed on each path.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
};

use super::{HandshakeOutcome, HandshakePlan, handshakes};
use crate::{
    certs,
    experiment::{
        direct::ServerThread,
        netns::kernel_controller,
        run::{Ends, RunError},
        sim::arq_settings,
    },
    path::{
        Host,
        direct::{DirectHost, runtime},
        netns::{self, NetnsHost},
        relay,
        sim::{Side, World},
        unspecified,
    },
    transport::{
        Settings,
        quic::{QuicLimits, QuicSettings, Reading},
        tls::{ClientTls, ServerTls, Trust},
    },
};

/// In virtual time: a pure function of the arguments, but for the keys in certificates, whose length is fixed.
///
/// # Errors
///
/// Where the simulation could not complete.
pub fn handshake_sim(plan: &HandshakePlan, seed: u64) -> Result<HandshakeOutcome, RunError> {
    let world = World::new(&plan.links, seed);
    let any = IpAddr::from(Ipv4Addr::UNSPECIFIED);
    let ends = Ends {
        client: world.host(Side::Client),
        server: world.host(Side::Server),
        listen: SocketAddr::new(any, 0),
        reach: Side::Server.ip(any),
    };
    let settings = settings(plan, Some(seed))?;
    let wire = || Some(world.counters());
    world.run(handshakes(&ends, plan, &settings, seed, &wire))?
}

/// On this machine's loopback, without a link.
///
/// # Errors
///
/// Where the machine gives no clock, thread or runtime.
pub fn handshake_direct(plan: &HandshakePlan, seed: u64) -> Result<HandshakeOutcome, RunError> {
    let settings = settings(plan, None)?;
    let runtime = runtime()?;
    let client = runtime.block_on(async { DirectHost::new() })?;
    let server = ServerThread::beside(client.clone())?;
    let ends = Ends { client, server: server.host.clone(), listen: loopback(), reach: loopback().ip() };
    runtime.block_on(handshakes(&ends, plan, &settings, seed, &|| None))
}

/// On this machine's loopback, over the link.
///
/// # Errors
///
/// As [`handshake_direct`].
pub fn handshake_relay(plan: &HandshakePlan, seed: u64) -> Result<HandshakeOutcome, RunError> {
    let settings = settings(plan, Some(seed))?;
    let runtime = runtime()?;
    let client = runtime.block_on(async { DirectHost::new() })?;
    let server = ServerThread::beside(client.clone())?;
    let relay = relay::Wire::new(plan.links.clone(), seed);
    let ends = Ends {
        client: relay.host(Side::Client, client),
        server: relay.host(Side::Server, server.host.clone()),
        listen: loopback(),
        reach: loopback().ip(),
    };
    let wire = || Some(relay.counters());
    let mut outcome = runtime.block_on(handshakes(&ends, plan, &settings, seed, &wire))?;
    // What the kernel dropped for the ends' sockets is counted as they close.
    drop((ends, server, runtime));
    outcome.fidelity = Some(relay.finish().fidelity);
    Ok(outcome)
}

/// Between two fresh network namespaces, over the link.
///
/// # Errors
///
/// Where the namespaces could not be made.
pub fn handshake_netns(plan: &HandshakePlan, seed: u64) -> Result<HandshakeOutcome, RunError> {
    let settings = settings(plan, Some(seed))?;
    let controller = kernel_controller(plan.congestion);
    let world = Arc::new(netns::World::new(&plan.links, seed)?);
    let runtime = runtime()?;
    let client = runtime.block_on(async { NetnsHost::new(&world, Side::Client, controller) })?;
    let far = world.clone();
    let server =
        ServerThread::start(move || Ok(NetnsHost::new(&far, Side::Server, controller)? as Arc<dyn Host>))?;
    let reach = netns::World::ip(Side::Server);
    let listen = unspecified(SocketAddr::new(reach, 0));
    let ends = Ends { client, server: server.host.clone(), listen, reach };
    let wire = || Some(world.counters());
    let mut outcome = runtime.block_on(handshakes(&ends, plan, &settings, seed, &wire))?;
    outcome.fidelity = Some(world.fidelity());
    Ok(outcome)
}

fn loopback() -> SocketAddr {
    SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0)
}

/// Streams that a client may open: it needs two.
const STREAMS: u32 = 16;

/// The two ends' settings, with certificates that exist for this process only.
fn settings(plan: &HandshakePlan, seed: Option<u64>) -> Result<Settings, RunError> {
    let (identity, roots) = certs::ephemeral_of(plan.certificate)?;
    let name = certs::EPHEMERAL_NAME;
    let limits = QuicLimits { streams: STREAMS, ..QuicLimits::EXPERIMENT };
    Ok(Settings {
        flows: 1,
        request: plan.length,
        reply: plan.length,
        quic: QuicSettings { congestion: plan.congestion, seed, limits },
        arq: arq_settings(&plan.links, plan.congestion, seed),
        reading: Reading::Unordered,
        client_tls: ClientTls {
            trust: Trust::Roots(roots),
            server_name: name.try_into().map_err(|_| certs::CertsError::name(name))?,
            early_data: false,
            sessions: None,
            key_log: false,
        },
        server_tls: ServerTls { identity, early_data: plan.mode == super::Mode::ZeroRtt },
    })
}
