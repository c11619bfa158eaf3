//! A run in virtual time.

use std::{
    cell::Cell,
    net::{IpAddr, Ipv4Addr, SocketAddr},
};

use super::{
    observe::{LoggedPacket, Observers},
    outcome::Outcome,
    plan::Plan,
    run::{Ends, RunError, run},
    workload::Workload,
};
use crate::{
    certs,
    link::{Counters, LinkSpec},
    path::sim::{Limits, Side, World},
    transport::{
        Settings, Transport,
        arq::{ArqLimits, ArqSettings},
        quic::{Congestion, QuicLimits, QuicSettings, Reading},
        tls::{ClientTls, ServerTls, Trust},
    },
    unit::{PerDirection, Time},
};

/// Runs `plan` once in virtual time. The outcome is a pure function of the arguments.
///
/// # Errors
///
/// Where no connection was made, or the simulation could not complete.
pub fn simulate(plan: &Plan, seed: u64) -> Result<Outcome, RunError> {
    simulate_observed(plan, seed, Observers::default())
}

/// [`simulate`], watched. The outcome is the same.
///
/// # Errors
///
/// Those of [`simulate`].
pub fn simulate_observed(plan: &Plan, seed: u64, observers: Observers) -> Result<Outcome, RunError> {
    let mut world = World::new(&plan.links, seed).with_limits(limits(&plan.workload));
    if let Some(mut log) = observers.packets {
        let (transport, workload) = (plan.transport, plan.workload.clone());
        world =
            world.with_packet_log(Box::new(move |event| log(LoggedPacket::of(event, transport, &workload))));
    }
    let settings = settings(plan, Some(seed))?;
    let (mut outcome, wire) = on_world(&world, async |ends, measuring| {
        run(ends, plan.transport, &plan.workload, &settings, (seed, measuring), observers.samples).await
    })?;
    outcome.wire = Some(wire);
    Ok(outcome)
}

/// Runs `run` between two hosts on one wire in virtual time, and returns what the wire did since it was told that it is
/// measured.
///
/// # Errors
///
/// Those of `run`, and that the simulation could not complete.
pub(super) fn in_virtual_time<T>(
    links: &PerDirection<LinkSpec>,
    (seed, limits): (u64, Limits),
    run: impl AsyncFnOnce(&Ends, &dyn Fn()) -> Result<T, RunError>,
) -> Result<(T, PerDirection<Counters>), RunError> {
    let world = World::new(links, seed).with_limits(limits);
    on_world(&world, run)
}

fn on_world<T>(
    world: &World,
    run: impl AsyncFnOnce(&Ends, &dyn Fn()) -> Result<T, RunError>,
) -> Result<(T, PerDirection<Counters>), RunError> {
    let any = IpAddr::from(Ipv4Addr::UNSPECIFIED);
    let ends = Ends {
        client: world.host(Side::Client),
        server: world.host(Side::Server),
        listen: SocketAddr::new(any, 0),
        reach: Side::Server.ip(any),
    };
    let before = Cell::new(world.counters());
    let measuring = || before.set(world.counters());
    let done = world.run(run(&ends, &measuring))??;
    let (before, after) = (before.get(), world.counters());
    Ok((done, after - before))
}

/// IPv4 and UDP header (RFC 791, RFC 768): what the paths here use.
const HEADERS: u16 = 28;

/// Datagrams as large as the wire takes.
pub(super) fn arq_settings(
    links: &PerDirection<LinkSpec>,
    congestion: Congestion,
    seed: Option<u64>,
) -> ArqSettings {
    let mtu = links.iter().map(|link| link.mtu).min().unwrap_or(u16::MAX);
    ArqSettings { congestion, seed, max_datagram: mtu.saturating_sub(HEADERS), limits: ArqLimits::EXPERIMENT }
}

/// The two ends' settings, with certificates that exist for this process only.
pub(super) fn settings(plan: &Plan, seed: Option<u64>) -> Result<Settings, RunError> {
    let (client_tls, server_tls) = ephemeral_tls()?;
    Ok(Settings {
        flows: plan.workload.flows,
        request: plan.workload.length,
        reply: plan.workload.reply_length,
        quic: QuicSettings { congestion: plan.congestion, seed, limits: limits_of_streams(plan.transport) },
        arq: arq_settings(&plan.links, plan.congestion, seed),
        reading: Reading::Unordered,
        client_tls,
        server_tls,
    })
}

/// Both sides of TLS, with certificates that exist for this process only.
pub(super) fn ephemeral_tls() -> Result<(ClientTls, ServerTls), RunError> {
    let (identity, roots) = certs::ephemeral()?;
    let name = certs::EPHEMERAL_NAME;
    let client = ClientTls {
        trust: Trust::Roots(roots),
        server_name: name.try_into().map_err(|_| certs::CertsError::name(name))?,
        early_data: false,
        sessions: None,
        key_log: false,
    };
    Ok((client, ServerTls { identity, early_data: false }))
}

/// quinn sets up each stream that may be opened, and where they are few, that would take a tenth of a run. Still so
/// many that the number is as long on the wire: no mapping has a shorter handshake.
fn limits_of_streams(transport: Transport) -> QuicLimits {
    const FEW: u32 = 16_384;
    match transport {
        Transport::QuicMessage => QuicLimits::EXPERIMENT,
        _ => QuicLimits { streams: FEW, ..QuicLimits::EXPERIMENT },
    }
}

/// Ten times what the run should take, and an hour for what loss may make of it.
fn limits(workload: &Workload) -> Limits {
    let hour = std::time::Duration::from_secs(3600);
    let planned = workload.warmup + workload.duration + workload.wait.most;
    Limits { until: Time::ZERO + planned.saturating_mul(10) + hour, ..Limits::default() }
}
