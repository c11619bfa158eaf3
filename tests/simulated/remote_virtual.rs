//! Measurements against a server by URL, in virtual time, where the link's counters are the ground truth.

use std::{net::SocketAddr, num::NonZeroU32, sync::Arc, time::Duration};

use crate::{
    experiment_properties::{adds_up, is_accounted},
    support::{self, client_tls},
};
use proptest::prelude::*;
use wirelab::{
    certs,
    experiment::{Observers, Outcome, PathKind, Plan, Remote, Workload, cell, run, run_against},
    link::{Counters, LinkSpec, Loss},
    path::{Side, StopSignal, sim::World},
    report::Flag,
    serve::{Bind, Options, Server},
    service::Service,
    transport::{Congestion, FIXED_WINDOW_BYTES, LossDetection, Transport},
    unit::PerDirection,
    wire::EXTENDED_HEADER_BYTES,
};

const DELAY: Duration = Duration::from_millis(25);

fn dropping(packets: impl IntoIterator<Item = u64>) -> LinkSpec {
    LinkSpec { delay: DELAY, loss: Loss::Drop(packets.into_iter().collect()), ..LinkSpec::default() }
}

fn workload(messages: u32, length: usize) -> Workload {
    let duration = Duration::from_millis(10) * messages;
    Workload { flows: 4, length, reply_length: length, ..support::workload(duration) }
}

fn plan(transport: Transport, links: PerDirection<LinkSpec>, workload: Workload) -> Plan {
    let congestion = Congestion::Fixed(FIXED_WINDOW_BYTES);
    Plan {
        path: PathKind::Direct,
        transport,
        links,
        workload,
        congestion,
        loss_detection: LossDetection::default(),
    }
}

/// Runs against an echo server with this rate limit. Returns the outcome and the link's counters.
fn measure(plan: &Plan, rate: Option<NonZeroU32>) -> (Outcome, PerDirection<Counters>) {
    measure_until(plan, rate, None).unwrap()
}

/// An echo server with this rate limit, and how clients reach it.
fn serve(world: &World, transport: Transport, rate: Option<NonZeroU32>) -> (Server, Remote) {
    let mut options = Options::new(Service::Echo);
    options.access.rate = rate;
    serve_with(world, transport, options)
}

/// A server with these options, and how clients reach it.
pub(crate) fn serve_with(world: &World, transport: Transport, options: Options) -> (Server, Remote) {
    let (identity, roots) = certs::ephemeral().unwrap();
    let options = Options { identity: Some(identity), seed: Some(1), ..options };
    let bind = Bind { scheme: transport.scheme(), local: "0.0.0.0:7000".parse().unwrap() };
    let server = Server::start(&world.host(Side::Server), &[bind], options).unwrap();
    let remote = Remote {
        url: "the server".to_owned(),
        addresses: server.binds().map(|bind| bind.local).collect(),
        answered: Arc::default(),
        timeout: Duration::from_secs(10),
        deadline: None,
        tls: client_tls(roots),
        shared_key: None,
        seed: Some(1),
    };
    (server, remote)
}

/// The same, with a server that stops at this instant. Returns nothing if no connection was made.
fn measure_until(
    plan: &Plan,
    rate: Option<NonZeroU32>,
    stops: Option<Duration>,
) -> Option<(Outcome, PerDirection<Counters>)> {
    let world = World::new(&plan.links, 1);
    let (server, remote) = serve(&world, plan.transport, rate);
    let client = world.host(Side::Client);
    let outcome = world
        .run(async {
            let Some(stops) = stops else {
                let outcome = run_against(&client, plan, &remote, 1, None, &StopSignal::default()).await;
                server.stop(Duration::from_secs(5)).await;
                return outcome.ok();
            };
            let stop = async {
                client.sleep(stops).await;
                server.stop(Duration::ZERO).await;
            };
            let never = StopSignal::default();
            let (outcome, ()) = tokio::join!(run_against(&client, plan, &remote, 1, None, &never), stop);
            outcome.ok()
        })
        .unwrap()?;
    Some((outcome, world.counters()))
}

fn udp(messages: u32, to_server: LinkSpec, to_client: LinkSpec) -> (Outcome, PerDirection<Counters>) {
    measure(&plan(Transport::UDP, PerDirection { to_server, to_client }, workload(messages, 1000)), None)
}

fn lost(outcome: &Outcome) -> PerDirection<u64> {
    outcome.network.ways.as_ref().map(|way| way.lost)
}

#[test]
fn losses_are_attributed_to_their_direction_exactly() {
    let (outcome, wire) = udp(100, dropping([5, 6, 50]), dropping([9, 30]));
    assert_eq!(lost(&outcome), PerDirection { to_server: 3, to_client: 2 });
    assert_eq!(lost(&outcome), wire.map(|way| way.lost));
    assert_eq!((outcome.messages.lost, outcome.network.unattributed), (5, 0));
    assert_eq!(outcome.network.reported, 95);
}

#[test]
fn a_burst_longer_than_the_servers_memory_is_settled_by_its_count() {
    // 40 requests are lost, then the replies to the next 60: packets 20 to 119, of which 60 were answered.
    let (outcome, wire) = udp(200, dropping(20..60), dropping(20..80));
    assert_eq!(wire.map(|way| way.lost), PerDirection { to_server: 40, to_client: 60 });
    assert_eq!(lost(&outcome), PerDirection { to_server: 40, to_client: 60 });
    assert_eq!(outcome.network.unattributed, 0);
}

#[test]
fn the_direction_in_which_the_last_messages_were_lost_is_unknown() {
    let (outcome, _) = udp(100, dropping([100, 101]), dropping([]));
    assert_eq!((lost(&outcome), outcome.network.unattributed), (PerDirection::both(0), 2));
}

#[test]
fn delays_that_do_not_vary_have_no_variation() {
    let (outcome, _) = udp(100, dropping([50]), dropping([]));
    let network = &outcome.network;
    for histogram in
        [&network.variation, &network.ways.to_server.variation, &network.ways.to_client.variation]
    {
        // 99 pairs without the two that contain the lost message.
        assert_eq!((histogram.n(), histogram.max()), (97, Some(0)));
    }
    assert_eq!(network.hold.max(), Some(0));
}

#[test]
fn overtaking_is_seen_on_the_way_on_which_it_happened() {
    let overtaking = LinkSpec { reorder: "5%".parse().unwrap(), ..dropping([]) };
    let straight = dropping([]);
    let (up, _) = udp(200, overtaking.clone(), straight.clone());
    assert!(
        up.network.ways.to_server.reordered > 5 && up.network.ways.to_client.reordered == 0,
        "{:?}",
        up.network
    );
    let (down, _) = udp(200, straight.clone(), overtaking.clone());
    assert!(
        down.network.ways.to_server.reordered == 0 && down.network.ways.to_client.reordered > 5,
        "{:?}",
        down.network
    );
    // With and without access to both clocks the figures agree.
    let plan = Plan {
        path: PathKind::Sim,
        ..plan(
            Transport::UDP,
            PerDirection { to_server: overtaking, to_client: straight },
            workload(200, 1000),
        )
    };
    let seen = run(&plan, 1, Observers::default(), &StopSignal::default()).unwrap();
    assert!(seen.network.ways.to_server.reordered > 5 && seen.network.ways.to_client.reordered == 0);
    assert_eq!(seen.network.ways.to_server.extent.max(), up.network.ways.to_server.extent.max());
}

#[test]
fn what_a_server_refuses_is_said() {
    let plan = plan(Transport::UDP, PerDirection::both(dropping([])), workload(400, 1000));
    let (outcome, wire) = measure(&plan, NonZeroU32::new(50));
    assert_eq!(wire.map(|way| way.lost), PerDirection::both(0));
    let network = &outcome.network;
    assert!(outcome.messages.lost > 50 && network.refused > 50, "{network:?}");
    assert_eq!(
        network.ways.to_client.lost, 0,
        "what it refused has not come back, and was not lost on the way back"
    );
    assert_eq!(network.ways.to_server.lost + network.unattributed, outcome.messages.lost);
}

#[test]
fn order_is_measured_at_both_ends_of_every_mapping_to_quic_and_by_hand() {
    let by_hand = [Transport::ARQ_GO_BACK_N, Transport::ARQ_SELECTIVE, Transport::ARQ_UNORDERED];
    for transport in Transport::QUIC.into_iter().chain(by_hand) {
        let blocked = |to_server: &[u64], to_client: &[u64]| {
            let links = PerDirection {
                to_server: dropping(to_server.to_vec()),
                to_client: dropping(to_client.to_vec()),
            };
            let (outcome, _) = measure(&plan(transport, links, workload(200, 1000)), None);
            assert_eq!(outcome.network.reported, outcome.messages.delivered, "{transport}");
            assert_eq!(outcome.messages.unfinished, 0, "{transport}");
            outcome.order_by_direction.map(|order| order.blocked)
        };
        // Some of these packets may carry only acknowledgements.
        let some = if by_hand.contains(&transport) { [61, 80, 101, 120] } else { [60, 75, 91, 106] };
        let PerDirection { to_server: up, to_client: none } = blocked(&some, &[]);
        let PerDirection { to_server: still_none, to_client: down } = blocked(&[], &some);
        assert_eq!((none, still_none), (0, 0), "{transport}");
        match transport.name() {
            "quic-one" | "arq-selective" => assert!(up >= 5 && down >= 5, "{up} {down}"),
            "quic-flow" => assert!((1..=8).contains(&up) && (1..=8).contains(&down), "{up} {down}"),
            _ => assert_eq!((up, down), (0, 0), "{transport}"),
        }
    }
}

#[test]
fn messages_too_short_for_a_query_are_measured_too() {
    for length in [32, EXTENDED_HEADER_BYTES - 1, EXTENDED_HEADER_BYTES] {
        for transport in
            [Transport::UDP, Transport::QUIC_ONE, Transport::QUIC_MESSAGE, Transport::QUIC_DATAGRAM]
        {
            let links = PerDirection::both(dropping([]));
            let (outcome, _) = measure(&plan(transport, links, workload(20, length)), None);
            assert_eq!(outcome.messages.delivered, 20, "{transport} {length}");
            assert_eq!(
                outcome.network.reported,
                if length < EXTENDED_HEADER_BYTES { 0 } else { 20 },
                "{transport} {length}"
            );
        }
    }
}

#[test]
fn a_run_is_the_same_every_time() {
    let figures = || {
        let (outcome, _) = udp(100, dropping([5]), dropping([9]));
        (outcome.latency.summary(), outcome.network.reported)
    };
    assert_eq!(figures(), figures());
}

#[test]
fn losses_whose_way_is_unknown_are_in_no_ways_ratio() {
    // The wire goes dead half-way.
    let dead = LinkSpec { delay: DELAY, loss: "outage:1500ms:1h".parse().unwrap(), ..LinkSpec::default() };
    let plan =
        plan(Transport::UDP, PerDirection { to_server: dead, to_client: dropping([]) }, workload(100, 1000));
    let (outcome, _) = measure(&plan, None);
    assert!((40..60).contains(&outcome.network.unattributed), "{:?}", outcome.network);
    let cell = cell(&plan, &[(1, outcome)]);
    is_accounted(&cell).unwrap();
    assert_eq!(cell.network.unwrap().to_server.unwrap().loss_ratio.unwrap().get(), 0.0);
    assert!(cell.loss_ratio.unwrap().get() > 0.4);
}

#[test]
fn a_dead_address_costs_the_first_run_a_moment_and_the_deadline_is_two_measured_round_trips() {
    for transport in [Transport::UDP, Transport::ARQ_SELECTIVE, Transport::QUIC_ONE] {
        let plan = plan(transport, PerDirection::both(dropping([])), workload(20, 1000));
        let world = World::new(&plan.links, 1);
        let (server, remote) = serve(&world, transport, None);
        let [address] = remote.addresses[..] else { unreachable!() };
        let dead = SocketAddr::new(address.ip(), 6999);
        let remote = Remote { addresses: vec![dead, address], deadline: Some(Arc::default()), ..remote };
        let client = world.host(Side::Client);
        let never = StopSignal::default();
        let (first, second, began) = world
            .run(async {
                let first = run_against(&client, &plan, &remote, 1, None, &never).await.unwrap();
                let began = client.now();
                let second = run_against(&client, &plan, &remote, 2, None, &never).await.unwrap();
                drop(server);
                (first, second, client.now().since(began))
            })
            .unwrap();
        assert_eq!(remote.answered.get(), Some(&address), "{transport}");
        assert_eq!((first.messages.delivered, second.messages.delivered), (20, 20), "{transport}");
        assert!(began < Duration::from_secs(3), "{transport}: {began:?}");
        // 50 ms, and what serialisation or the handshake of the run add to no single exchange.
        assert_eq!(first.deadline, Some(Duration::from_millis(100)), "{transport}");
        let cell = cell(&plan, &[(1, first)]);
        assert_eq!(cell.workload.deadline_ns, Some(100_000_000));
        assert!(second.connect < Some(Duration::from_millis(200)), "{transport}: {:?}", second.connect);
    }
}

#[test]
fn what_a_server_that_went_away_would_have_answered_is_unknown_and_in_no_ratio() {
    let links = PerDirection::both(dropping([]));
    let plan = plan(Transport::QUIC_ONE, links, workload(200, 1000));
    let (outcome, _) = measure_until(&plan, None, Some(Duration::from_millis(1500))).unwrap();
    assert!(outcome.broken.is_some());
    let messages = outcome.messages;
    assert_eq!((messages.scheduled, messages.lost, messages.unfinished), (200, 0, 0));
    assert!((100..180).contains(&messages.unknown), "{messages:?}");
    let gone = outcome.server_gone.unwrap();
    assert!((300..800).contains(&gone.as_millis()), "{gone:?}");
    let cell = cell(&plan, &[(1, outcome)]);
    is_accounted(&cell).unwrap();
    assert_eq!(cell.on_time_ratio.unwrap().get(), 1.0, "of what it could answer, all came");
    assert_eq!(cell.server_gone_ns, Some(gone.as_nanos() as u64));
    assert!(cell.flags.contains(&Flag::ServerGone), "{:?}", cell.flags);
    assert!(!cell.flags.contains(&Flag::Incomplete), "nothing was interrupted");
}

fn proxy() -> impl Strategy<Value = LinkSpec> {
    let loss = prop_oneof![
        (0u32..30).prop_map(|percent| format!("{percent}%")),
        (900u32..2500, 50u32..5000).prop_map(|(start, length)| format!("outage:{start}ms:{length}ms")),
    ];
    (0u32..100, loss, 0u32..30, 0u32..30).prop_map(|(delay, loss, duplicate, corrupt)| {
        let pairs =
            format!("delay={delay}ms,loss={loss},duplicate={duplicate}%,corrupt={corrupt}%,jitter=5ms");
        pairs.parse().unwrap()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn whatever_a_proxy_and_a_server_do_every_message_is_accounted_for(
        to_server in proxy(),
        to_client in proxy(),
        transport in prop::sample::select(
            [&[Transport::UDP, Transport::ARQ_SELECTIVE][..], &Transport::QUIC].concat()
        ),
        stops in prop::option::of(500u64..3000),
        length in prop::sample::select(vec![64, 1000]),
    ) {
        let plan = plan(transport, PerDirection { to_server, to_client }, workload(150, length));
        // That no client reaches the server is a valid outcome.
        if let Some((outcome, _)) = measure_until(&plan, None, stops.map(Duration::from_millis)) {
            adds_up(&outcome)?;
            prop_assert!(outcome.broken.is_some() || outcome.messages.unknown == 0);
            is_accounted(&cell(&plan, &[(1, outcome)]))?;
        }
    }
}
