//! The order instrument in virtual time: where the time of a message went, and which message it waited for.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use crate::support::{client_tls, workload};
use proptest::prelude::*;
use wirelab::{
    certs,
    channel::{self, Cause, Delivery, Exchange, Reading, Settings},
    experiment::{
        Arrivals, AtServer, Budget, Ends, Observers, Outcome, PacketEvent, PathKind, Plan, RunError, Sample,
        SampleSink, Status, Workload, run, run_between,
    },
    link::{DropReason, LinkSpec},
    path::{self, Exit, Side, StopSignal, sim::World},
    tap::{Instrument, Tap},
    transport::{
        Congestion, ConnectError, LossDetection, SessionSettings, Transport,
        arq::{ArqLimits, ArqSettings},
        quic::{QuicLimits, QuicSettings},
        tls::ServerTls,
    },
    unit::{Mutex, PerDirection, Time},
    wire::{MessageId, Probe},
};

const IN_SIM: [Transport; 5] = [
    Transport::UDP,
    Transport::QUIC_ONE,
    Transport::QUIC_FLOW,
    Transport::QUIC_MESSAGE,
    Transport::QUIC_DATAGRAM,
];

fn link(pairs: &str) -> LinkSpec {
    let link: LinkSpec = pairs.parse().unwrap();
    link.validate().unwrap();
    link
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Messages of 1000 bytes every 10 ms for ten seconds, with a window that is never full.
fn plan(transport: Transport, to_server: &str, to_client: &str) -> Plan {
    Plan {
        path: PathKind::Sim,
        transport,
        links: PerDirection { to_server: link(to_server), to_client: link(to_client) },
        workload: workload(ms(10_000)),
        congestion: Congestion::Fixed(10_000_000),
        loss_detection: LossDetection::default(),
    }
}

type Kept<T> = Arc<Mutex<Vec<T>>>;

fn sink(kept: &Kept<Sample>) -> SampleSink {
    let kept = kept.clone();
    Box::new(move |sample| kept.lock().push(*sample))
}

fn taken<T>(kept: &Kept<T>) -> Vec<T> {
    std::mem::take(&mut *kept.lock())
}

fn watch(plan: &Plan, seed: u64) -> (Outcome, Vec<Sample>) {
    try_watch(plan, seed).unwrap()
}

fn try_watch(plan: &Plan, seed: u64) -> Result<(Outcome, Vec<Sample>), RunError> {
    let kept = Kept::default();
    let observers = Observers { samples: Some(sink(&kept)), ..Observers::default() };
    let outcome = run(plan, seed, observers, &StopSignal::default())?;
    Ok((outcome, taken(&kept)))
}

/// The messages in the order of their schedule.
fn by_due(mut samples: Vec<Sample>) -> Vec<Sample> {
    samples.sort_by_key(|sample| sample.due);
    samples
}

fn latency(sample: &Sample) -> Duration {
    sample.client.unwrap().released - sample.due
}

fn budget(sample: &Sample) -> Budget {
    sample.budget.unwrap()
}

/// Checks one direction of a message and returns when it was released.
fn check_direction(handed_over: Time, delivery: &Delivery) -> Time {
    let entered = delivery.entered.unwrap();
    let arrived = delivery.arrived.unwrap();
    let instants = [handed_over, entered.first, entered.copy, arrived, delivery.released];
    assert!(instants.is_sorted(), "{instants:?}");
    assert_eq!(delivery.blocked_by.is_some(), delivery.released > arrived);
    assert_eq!(delivery.cause.is_some(), delivery.blocked_by.is_some());
    assert_ne!(delivery.blocked_by, Some(delivery.probe.id));
    delivery.released
}

/// Checks that all parts of a message's time add up, and that the outcome counts every message.
fn check(outcome: &Outcome, samples: &[Sample]) {
    assert_eq!(samples.len() as u64, outcome.messages.scheduled);
    let mut extra = 0;
    for sample in samples.iter().filter(|sample| sample.status == Status::Delivered) {
        let (server, client) = (sample.server.unwrap(), sample.client.unwrap());
        let replied = check_direction(sample.due, &server);
        check_direction(replied, &client);
        let budget = budget(sample);
        assert_eq!(budget.total(), latency(sample), "{sample:?}");
        assert_eq!(budget.host, Duration::ZERO);
        extra += budget.extra().as_nanos();
    }
    assert_eq!(outcome.budget.n, outcome.messages.delivered);
    assert_eq!(outcome.budget.parts.iter().sum::<u128>(), outcome.latency.sum());
    assert_eq!(outcome.extra.sum(), extra);
    for order in std::iter::once(&outcome.order).chain(&outcome.order_by_direction) {
        let causes = order.by_cause;
        assert_eq!(causes.loss + causes.reorder + causes.sender, order.blocked);
        assert!(order.by_other_flow <= order.blocked);
    }
}

fn settings(plan: &Plan, seed: u64, reading: Reading) -> Settings {
    let (identity, roots) = certs::ephemeral().unwrap();
    Settings {
        exchange: Exchange::Answers,
        flows: plan.workload.flows,
        request: plan.workload.length,
        reply: plan.workload.reply_length,
        reading,
        session: SessionSettings {
            quic: QuicSettings {
                congestion: plan.congestion,
                loss_detection: LossDetection::default(),
                seed: Some(seed),
                limits: QuicLimits::EXPERIMENT,
                tracers: Default::default(),
            },
            arq: ArqSettings {
                congestion: plan.congestion,
                loss_detection: LossDetection::default(),
                seed: Some(seed),
                max_datagram: 1472,
                limits: ArqLimits::EXPERIMENT,
                tracer: None,
            },
            client_tls: client_tls(roots),
            server_tls: Some(ServerTls { identity, early_data: false, key_log: None }),
            shared_key: Some(wirelab::transport::SharedKey::new(&[7; 32])),
            tcp_tracer: None,
        },
        taps: Some(Tap::pair()),
    }
}

/// A world whose packets the instrument of `settings` follows.
fn world(plan: &Plan, seed: u64, settings: &Settings) -> World {
    let mut observers = path::Observers::default();
    observers.push(Box::new(Instrument::new(settings.taps.as_ref().unwrap())));
    World::new(&plan.links, seed).with_observers(observers)
}

/// When each message was released at either end, in order, and the counters of the wire.
fn releases(plan: &Plan, seed: u64, reading: Reading) -> (Vec<(MessageId, Time, Time)>, String) {
    let settings = settings(plan, seed, reading);
    let world = world(plan, seed, &settings);
    let any = IpAddr::from(Ipv4Addr::UNSPECIFIED);
    let ends = Ends {
        client: world.host(Side::Client),
        server: world.host(Side::Server),
        listen: SocketAddr::new(any, 0),
        reach: Side::Server.ip(any),
        change: None,
    };
    let kept = Kept::default();
    let stop = StopSignal::default();
    let running = run_between(&ends, plan, &settings, seed, || (), Some(sink(&kept)), &stop);
    world.run(running).unwrap().unwrap();
    let released = taken(&kept)
        .iter()
        .map(|sample| (sample.id, sample.server.unwrap().released, sample.client.unwrap().released))
        .collect();
    let wire = world.counters();
    (released, format!("{wire:?}"))
}

#[test]
fn reading_streams_in_order_and_as_bytes_arrive_gives_identical_releases_and_packets() {
    let lossy = "delay=25ms,loss=3%,jitter=5ms,reorder=1%,duplicate=1%,rate=20mbit";
    for transport in [Transport::QUIC_ONE, Transport::QUIC_FLOW, Transport::QUIC_MESSAGE] {
        let mut plan = plan(transport, lossy, lossy);
        plan.workload.length = 3000;
        for seed in 1..4 {
            let unordered = releases(&plan, seed, Reading::Unordered);
            assert_eq!(unordered.0.len(), 1000);
            assert_eq!(unordered, releases(&plan, seed, Reading::Ordered), "{transport}");
        }
    }
}

#[test]
fn one_dropped_packet_delays_each_message_by_exactly_its_reported_recovery_and_order_wait() {
    for transport in [Transport::QUIC_ONE, Transport::QUIC_FLOW, Transport::QUIC_MESSAGE] {
        for drop in [150, 301, 302, 550] {
            let (clear, dropped) = ("delay=50ms", format!("delay=50ms,loss=drop:{drop}"));
            for [to_server, to_client] in [[&*dropped, clear], [clear, &*dropped]] {
                let (_, without) = watch(&plan(transport, clear, clear), 1);
                let (outcome, with) = watch(&plan(transport, to_server, to_client), 1);
                check(&outcome, &with);
                let mut delayed = 0;
                for (without, with) in by_due(without).iter().zip(&by_due(with)) {
                    assert_eq!((without.id, budget(without).extra()), (with.id, Duration::ZERO));
                    let more = latency(with).checked_sub(latency(without)).unwrap();
                    assert_eq!(more, budget(with).extra(), "{transport} drop {drop} {with:?}");
                    delayed += u64::from(!more.is_zero());
                }
                assert!(delayed > 0, "{transport} drop {drop} lost no message");
                assert_eq!(delayed, outcome.extra.n());
            }
        }
    }
}

/// REFERENCES case 9: RTT 100 ms, a message every 10 ms on one stream. RFC 9002 section 6.1.2 declares the packet
/// lost 9/8 of a round trip after it was sent, so its message is 112.5 ms late, and each behind it 10 ms less.
#[test]
fn on_one_stream_a_drop_delays_the_message_by_112_5_ms_and_those_behind_it_by_10_ms_less_each() {
    let (outcome, samples) = watch(&plan(Transport::QUIC_ONE, "delay=50ms,loss=drop:400", "delay=50ms"), 1);
    let delayed: Vec<_> =
        by_due(samples).into_iter().filter(|sample| !budget(sample).extra().is_zero()).collect();
    let micros: Vec<_> = delayed.iter().map(|sample| budget(sample).extra().as_micros()).collect();
    let expected: Vec<_> = (0..12).map(|behind| 112_500 - 10_000 * behind).collect();
    assert_eq!(micros, expected);
    assert_eq!(budget(&delayed[0]).recovery.as_micros(), 112_500);
    let lost = delayed[0].id;
    for blocked in &delayed[1..] {
        let server = blocked.server.unwrap();
        assert_eq!((server.blocked_by, server.cause), (Some(lost), Some(Cause::Loss)));
        assert_eq!(budget(blocked).recovery, Duration::ZERO);
    }
    let stall = outcome.order.longest_stall.unwrap();
    assert_eq!((stall.messages, stall.duration.as_micros()), (11, 102_500));
    assert_eq!((outcome.order.blocked, outcome.order.by_other_flow), (11, 10));
}

#[test]
fn a_stream_per_message_and_datagrams_are_never_blocked() {
    let lossy = "delay=25ms,loss=2%,jitter=10ms";
    for transport in [Transport::UDP, Transport::QUIC_MESSAGE, Transport::QUIC_DATAGRAM] {
        let (outcome, samples) = watch(&plan(transport, lossy, lossy), 1);
        check(&outcome, &samples);
        assert_eq!(outcome.order.blocked, 0, "{transport}");
        assert_eq!(outcome.extra.n() == 0, transport.is_datagram(), "{transport}");
    }
}

#[test]
fn loss_both_ways_blocks_both_ways_and_a_message_counts_once() {
    let lossy = "delay=25ms,loss=3%";
    let (outcome, samples) = watch(&plan(Transport::QUIC_ONE, lossy, lossy), 1);
    check(&outcome, &samples);
    let PerDirection { to_server: there, to_client: back } = &outcome.order_by_direction;
    assert!(there.blocked > 0 && back.blocked > 0);
    assert!(outcome.order.blocked < there.blocked + back.blocked, "some were blocked both ways");
    assert!(outcome.order.blocked >= there.blocked.max(back.blocked));
    assert_eq!(outcome.order.by_cause.loss, outcome.order.blocked);
    assert_eq!(outcome.order.wait.sum(), there.wait.sum() + back.wait.sum());
}

#[test]
fn reordering_without_loss_blocks_and_no_loss_is_blamed() {
    for effect in ["jitter=40ms", "reorder=5%"] {
        let link = format!("delay=50ms,{effect}");
        let (outcome, samples) = watch(&plan(Transport::QUIC_ONE, &link, &link), 1);
        check(&outcome, &samples);
        assert!(outcome.order.blocked > 50, "{effect}: {:?}", outcome.order);
        assert_eq!(outcome.order.by_cause.reorder, outcome.order.blocked, "{effect}");
    }
}

#[test]
fn a_corrupted_packet_is_a_loss_because_packet_protection_discards_it() {
    let (outcome, samples) = watch(&plan(Transport::QUIC_ONE, "delay=50ms,corrupt=2%", "delay=50ms"), 1);
    check(&outcome, &samples);
    assert!(outcome.order.blocked > 0);
    assert_eq!(outcome.order.by_cause.loss, outcome.order.blocked);
}

#[test]
fn a_corrupted_handshake_only_takes_longer() {
    let plan = plan(Transport::QUIC_ONE, "delay=1ms,corrupt=10%", "delay=1ms");
    for seed in 0..30 {
        assert!(run(&plan, seed, Observers::default(), &StopSignal::default()).is_ok(), "seed {seed}");
    }
}

#[test]
fn an_outage_makes_one_long_stall_that_all_its_messages_share() {
    let (outcome, samples) =
        watch(&plan(Transport::QUIC_ONE, "delay=25ms,loss=outage:3s:300ms", "delay=25ms"), 1);
    check(&outcome, &samples);
    let stall = outcome.order.longest_stall.unwrap();
    assert!(stall.duration >= ms(50), "{stall:?}");
    assert!(outcome.order.by_cause.loss > 0);
    let recovered = samples.iter().filter(|sample| budget(sample).recovery > Duration::ZERO).count();
    assert!((25..=35).contains(&recovered), "30 messages fell into 300 ms: {recovered}");
}

#[test]
fn bursts_of_loss_are_accounted_for_like_any_other() {
    let bursty = "delay=25ms,loss=gilbert:1%:30%";
    for transport in IN_SIM {
        let (outcome, samples) = watch(&plan(transport, bursty, bursty), 1);
        check(&outcome, &samples);
    }
}

/// 20 packets a message at 12 Mbit/s: the last one is queued behind the others for 19 ms. Without a limiting window
/// this is the path's time; with a window of 10 packets it is the sender's.
#[test]
fn a_message_of_many_packets_waits_at_the_bottleneck_or_for_the_window() {
    let mut plan = plan(Transport::QUIC_MESSAGE, "delay=25ms,rate=12mbit", "delay=25ms");
    plan.workload.length = 28_000;
    plan.workload.interval = ms(100);
    let (outcome, samples) = watch(&plan, 1);
    check(&outcome, &samples);
    for sample in by_due(samples).iter().skip(20) {
        assert_eq!(budget(sample).extra(), Duration::ZERO);
        assert!(budget(sample).path > ms(50 + 15), "{sample:?}");
    }
    plan.links.to_server = link("delay=25ms");
    plan.congestion = Congestion::Fixed(14_000);
    let (outcome, samples) = watch(&plan, 1);
    check(&outcome, &samples);
    for sample in by_due(samples).iter().skip(20) {
        assert_eq!(budget(sample).path, ms(50), "{sample:?}");
        assert!(budget(sample).send_wait >= ms(50), "a round trip for credit: {sample:?}");
    }
}

/// An echo server that takes one message from its channel every 30 ms.
fn slow_echo(transport: Transport) -> Vec<(AtServer, Delivery)> {
    let plan = plan(transport, "delay=25ms", "delay=25ms");
    let settings = settings(&plan, 1, Reading::Unordered);
    let world = world(&plan, 1, &settings);
    let (client, server) = (world.host(Side::Client), world.host(Side::Server));
    let requests = Arc::new(Mutex::new(BTreeMap::new()));
    let replies = world
        .run(async {
            let any = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0);
            let mut acceptor = channel::listen(&server, transport, any, &settings).unwrap();
            let peer = SocketAddr::new(Side::Server.ip(any.ip()), acceptor.local_addr().port());
            let (host, noted) = (server.clone(), requests.clone());
            server.spawn(
                "a slow server",
                Box::pin(async move {
                    let mut channel = acceptor.accept().await.unwrap();
                    loop {
                        host.sleep(ms(30)).await;
                        let Ok(delivery) = channel.recv().await else { return };
                        let at_server = AtServer { delivery, replied: host.now() };
                        noted.lock().insert(delivery.probe.id, at_server);
                        channel.send(delivery.probe, 1000).unwrap();
                    }
                }),
            );
            let mut channel = channel::connect(&client, transport, peer, &settings).await.unwrap();
            for seq in 0..10 {
                client.sleep(ms(10)).await;
                let id = MessageId { flow: 0, seq };
                channel.send(Probe::new(id, client.now()), 1000).unwrap();
            }
            let mut replies = Vec::new();
            for _ in 0..10 {
                replies.push(channel.recv().await.unwrap());
            }
            replies
        })
        .unwrap();
    let requests = requests.lock();
    replies.into_iter().map(|reply| (requests[&reply.probe.id], reply)).collect()
}

#[test]
fn a_slow_reader_is_charged_to_the_host_and_to_nothing_else() {
    for transport in IN_SIM {
        let messages = slow_echo(transport);
        let last = messages.last().unwrap();
        for (request, reply) in &messages {
            let due = reply.probe.due;
            let budget = Budget::of(due, request, reply).unwrap();
            assert_eq!(budget.total(), reply.released - due);
            let rest = Budget { host: Duration::ZERO, ..budget };
            assert_eq!(rest, Budget { path: ms(50), ..Budget::default() }, "{transport}");
        }
        let host = Budget::of(last.1.probe.due, &last.0, &last.1).unwrap().host;
        assert!(host > ms(100), "{transport}: the tenth waits for nine that took 30 ms each: {host:?}");
    }
}

#[test]
fn the_packet_log_shows_a_lost_packet_its_message_and_its_second_copy() {
    let plan = plan(Transport::QUIC_ONE, "delay=50ms,loss=drop:400", "delay=50ms");
    let packets: Kept<PacketEvent> = Kept::default();
    let kept = packets.clone();
    let log = Box::new(move |packet| kept.lock().push(packet));
    let observers = Observers { packets: Some(log), ..Observers::default() };
    let watched = run(&plan, 1, observers, &StopSignal::default()).unwrap();
    assert_eq!(
        watched.latency,
        run(&plan, 1, Observers::default(), &StopSignal::default()).unwrap().latency,
        "a watched run is the same run"
    );
    let events = taken(&packets);
    let lost: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            PacketEvent::Left { from, number, exit: Exit::Dropped(DropReason::Lost), .. } => {
                Some((*from, *number))
            }
            _ => None,
        })
        .collect();
    let sent = || {
        events.iter().filter_map(|event| match event {
            PacketEvent::Entered(packet) if packet.from == Side::Client => Some(packet),
            _ => None,
        })
    };
    let [(Side::Client, number)] = lost[..] else { panic!("{lost:?}") };
    let lost = sent().find(|packet| packet.number == number).unwrap();
    assert_eq!(lost.portions.len(), 1);
    let copies: Vec<_> = sent().filter(|packet| packet.portions.contains(&lost.portions[0])).collect();
    assert_eq!(copies.len(), 2);
    assert_eq!((copies[1].entered - copies[0].entered).as_micros(), 112_500);
}

#[test]
fn the_packet_log_names_the_messages_of_every_transport() {
    for transport in IN_SIM {
        let mut plan = plan(transport, "delay=5ms", "delay=5ms");
        plan.workload.duration = ms(500);
        let seen = Arc::new(Mutex::new(BTreeMap::<(u8, MessageId), usize>::new()));
        let kept = seen.clone();
        let log = Box::new(move |event| {
            let PacketEvent::Entered(packet) = event else { return };
            for portion in packet.portions {
                *kept.lock().entry((packet.from as u8, portion.id)).or_default() += 1;
            }
        });
        run(&plan, 1, Observers { packets: Some(log), ..Observers::default() }, &StopSignal::default())
            .unwrap();
        let expected: Vec<_> = (0..2)
            .flat_map(|from| (0..50).map(move |n| (from, MessageId { flow: n % 8, seq: u64::from(n / 8) })))
            .collect();
        let mut expected = expected;
        expected.sort_unstable();
        let seen: Vec<_> = seen.lock().keys().copied().collect();
        assert_eq!(seen, expected, "{transport}");
    }
}

fn any_link() -> impl Strategy<Value = String> {
    let loss = prop_oneof![
        Just(String::new()),
        (1u32..80).prop_map(|n| format!(",loss={}.{}%", n / 10, n % 10)),
        Just(",loss=gilbert:2%:40%".to_owned()),
        Just(",loss=outage:1200ms:150ms".to_owned()),
    ];
    let rate = prop_oneof![
        2 => Just(String::new()),
        1 => (2u32..20).prop_map(|n| format!(",rate={n}mbit,queue=40KB")),
    ];
    (1u32..60, loss, 0u32..30, 0u32..5, 0u32..5, 0u32..5, any::<bool>(), rate).prop_map(
        |(delay, loss, jitter, reorder, duplicate, corrupt, keep_order, rate)| {
            let mut link = format!("delay={delay}ms{loss}{rate}");
            if jitter > 10 {
                link += &format!(",jitter={jitter}ms{}", if keep_order { ",keep-order=true" } else { "" });
            }
            for (name, share) in [("reorder", reorder), ("duplicate", duplicate), ("corrupt", corrupt)] {
                if share > 2 {
                    link += &format!(",{name}={share}%");
                }
            }
            link
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn the_parts_of_every_message_are_never_negative_and_add_up_exactly(
        there in any_link(), back in any_link(), seed: u64,
        transport in prop::sample::select(&IN_SIM[..]),
        congestion in prop::sample::select(vec![Congestion::Cubic, Congestion::NewReno, Congestion::Fixed(20_000)]),
        (length, reply_length) in (32usize..1100, 32usize..1100), packets in 1usize..8,
        (flows, interval) in (1u32..9, 1u64..40), poisson: bool,
    ) {
        let mut plan = plan(transport, &there, &back);
        // Datagram transports need one packet per message; the others may take many.
        let times = if transport.is_datagram() { 1 } else { packets };
        plan.workload = Workload {
            flows, interval: ms(interval), length: length * times, reply_length: reply_length * times,
            duration: ms(1_500),
            arrivals: if poisson { Arrivals::Poisson } else { Arrivals::Isochronous },
            ..plan.workload
        };
        plan.congestion = congestion;
        plan.validate().unwrap();
        match try_watch(&plan, seed) {
            Ok((outcome, samples)) => check(&outcome, &samples),
            // On a bad enough link the handshake fails.
            Err(RunError::Connect(ConnectError::TimedOut { .. })) => {}
            Err(error) => panic!("{error}"),
        }
    }
}
