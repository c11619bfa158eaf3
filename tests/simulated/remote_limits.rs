//! A server by URL limits nothing that the same link in `sim` does not limit, or says so.

use std::{sync::Arc, time::Duration};

use crate::{remote_virtual::serve_with, support};
use wirelab::{
    experiment::{
        Outcome, PathKind, Plan, Remote, Workload, cell, run, run_against,
        transfer::{self, Direction, TransferOutcome, TransferPlan, transfer, transfer_from},
    },
    link::LinkSpec,
    path::{Host, Side, StopSignal, sim::World},
    report::Flag,
    serve::Options,
    service::Service,
    stats::Percentile,
    transfer::{Content, Watch},
    transport::{Congestion, LossDetection, Transport, WindowMemory},
    unit::{PerDirection, Rate},
};

fn links(link: &str) -> PerDirection<LinkSpec> {
    let spec: LinkSpec = link.parse().unwrap();
    PerDirection::both(spec)
}

/// Runs `client` against an echo server with `options`, in virtual time.
fn by_url<T>(
    links: &PerDirection<LinkSpec>,
    transport: Transport,
    options: Options,
    client: impl AsyncFnOnce(&Arc<dyn Host>, &Remote) -> T,
) -> T {
    let world = World::new(links, 1);
    let (server, remote) = serve_with(&world, transport, options);
    let host = world.host(Side::Client);
    let outcome = async {
        let outcome = client(&host, &remote).await;
        server.stop(Duration::from_secs(5)).await;
        outcome
    };
    world.run(outcome).unwrap()
}

fn echo() -> Options {
    Options::new(Service::Echo)
}

fn content(transport: Transport, bytes: u64, link: &str) -> TransferPlan {
    TransferPlan {
        path: PathKind::Sim,
        transport,
        links: links(link),
        congestion: Congestion::Cubic,
        loss_detection: LossDetection::default(),
        flows: 8,
        pace: Rate::from_bits_per_second(10_000_000).unwrap(),
        direction: Direction::Up,
        content: Content::Generated { bytes, seed: 1 },
    }
}

fn transferred(plan: &TransferPlan, options: Options) -> TransferOutcome {
    by_url(&plan.links, plan.transport, options, async |host, remote| {
        let plan = TransferPlan { path: PathKind::Direct, ..plan.clone() };
        transfer_from(host, &plan, remote, 1, None, &Watch::default()).await.unwrap()
    })
}

fn goodput(plan: &TransferPlan, outcome: &TransferOutcome) -> f64 {
    plan.content.bytes() as f64 * 8.0 / outcome.time.unwrap().as_secs_f64()
}

const STREAMS: [Transport; 3] = [Transport::QUIC_ONE, Transport::QUIC_FLOW, Transport::QUIC_MESSAGE];

#[test]
fn a_transfer_by_url_is_as_fast_as_in_the_simulator() {
    agrees_with_the_simulator([(200, 50, 20), (600, 50, 20)]);
}

#[test]
#[ignore = "a minute"]
fn a_fast_transfer_by_url_is_as_fast_as_in_the_simulator() {
    agrees_with_the_simulator([(200, 400, 60), (600, 400, 120)]);
}

fn agrees_with_the_simulator(links: [(u32, u32, u64); 2]) {
    for (rtt_ms, mbit, megabytes) in links {
        for transport in STREAMS {
            for direction in [Direction::Up, Direction::Down] {
                let link = format!("delay={}ms,rate={mbit}mbit", rtt_ms / 2);
                let plan = TransferPlan { direction, ..content(transport, megabytes * 1_000_000, &link) };
                let simulated = transfer(&plan, 1, None, &Watch::default()).unwrap();
                let there = transferred(&plan, echo());
                let ratio = goodput(&plan, &there) / goodput(&plan, &simulated);
                assert!((0.9..1.1).contains(&ratio), "{transport} {direction:?}, {link}: {ratio}");
                let flags = transfer::cell(&plan, &[(1, there)]).flags;
                assert!(flags.is_empty(), "{transport} {direction:?}, {link}: {flags:?}");
            }
        }
    }
}

#[test]
fn a_window_of_the_server_that_limits_an_upload_is_named() {
    let plan = content(Transport::QUIC_ONE, 20_000_000, "delay=100ms,rate=400mbit");
    let outcome = transferred(&plan, Options { max_window: 1 << 20, ..echo() });
    // A window each round trip.
    let bits_per_second = goodput(&plan, &outcome);
    assert!((20e6..44e6).contains(&bits_per_second), "{bits_per_second}");
    assert_eq!(transfer::cell(&plan, &[(1, outcome)]).flags, [Flag::CreditLimited]);
}

fn messages(transport: Transport, (interval, length): (Duration, usize), link: &str) -> Plan {
    let duration = Duration::from_secs(3);
    let workload = Workload { interval, length, reply_length: length, ..support::workload(duration) };
    let workload = Workload { warmup: Duration::from_secs(4), ..workload };
    Plan {
        path: PathKind::Sim,
        transport,
        links: links(link),
        congestion: Congestion::Cubic,
        loss_detection: LossDetection::default(),
        workload,
    }
}

fn measured(plan: &Plan, options: Options) -> Outcome {
    by_url(&plan.links, plan.transport, options, async |host, remote| {
        let plan = Plan { path: PathKind::Direct, ..plan.clone() };
        run_against(host, &plan, remote, 1, None, &StopSignal::default()).await.unwrap()
    })
}

fn median(outcome: &Outcome) -> f64 {
    outcome.latency.percentile(Percentile::P50).unwrap() as f64
}

/// Messages of `length` bytes every `interval_us` take as long by URL as in the simulator, at a rate of `mbit`.
fn messages_agree_with_the_simulator(interval_us: u64, length: usize, mbit: u32) {
    for rtt_ms in [200, 600] {
        for transport in STREAMS.into_iter().chain([Transport::ARQ_SELECTIVE]) {
            let link = format!("delay={}ms,rate={mbit}mbit", rtt_ms / 2);
            let plan = messages(transport, (Duration::from_micros(interval_us), length), &link);
            // Both congestion windows grow from little, and what waited meanwhile has to drain.
            let workload = Workload { warmup: Duration::from_millis(40 * rtt_ms), ..plan.workload };
            let plan = Plan { workload, ..plan };
            let simulated = run(&plan, 1, Default::default(), &StopSignal::default()).unwrap();
            let there = measured(&plan, echo());
            let ratio = median(&there) / median(&simulated);
            let what = format!("{transport}, {length} bytes every {interval_us} us, {link}");
            assert!((0.9..1.1).contains(&ratio), "{what}: {ratio}");
            assert_eq!(there.messages.delivered, there.messages.scheduled, "{what}");
            // The congestion window may limit both alike; no limit of ours does.
            let [there, simulated] = [there, simulated].map(|outcome| cell(&plan, &[(1, outcome)]).flags);
            assert_eq!(there, simulated, "{what}");
        }
    }
}

#[test]
fn messages_by_url_take_as_long_as_in_the_simulator() {
    for length in [120, 1750] {
        messages_agree_with_the_simulator(1000, length, 50);
    }
}

/// 10,000 bytes every 1.5 ms take about 1,300 segments in a round trip; the first receive window has 1,049.
#[test]
fn the_receive_window_of_an_arq_server_grows_within_its_option() {
    let plan =
        messages(Transport::ARQ_SELECTIVE, (Duration::from_micros(1500), 10_000), "delay=100ms,rate=400mbit");
    let median_and_flags = |outcome: Outcome| (median(&outcome), cell(&plan, &[(1, outcome)]).flags);
    let (simulated, simulated_flags) =
        median_and_flags(run(&plan, 1, Default::default(), &StopSignal::default()).unwrap());
    let (there, flags) = median_and_flags(measured(&plan, echo()));
    assert!((0.9..1.1).contains(&(there / simulated)), "{there}, not {simulated} ns");
    assert_eq!(flags, simulated_flags);
    let bounds = [
        Options { max_window: 1 << 20, ..echo() },
        Options { window_memory: WindowMemory::new(1 << 19), ..echo() },
    ];
    for options in bounds {
        let (there, flags) = median_and_flags(measured(&plan, options));
        assert!(there > 1.1 * simulated, "{there}, hardly more than {simulated} ns");
        assert!(flags.contains(&Flag::CreditLimited), "{flags:?}");
    }
}

#[test]
#[ignore = "minutes"]
fn many_messages_by_url_take_as_long_as_in_the_simulator() {
    messages_agree_with_the_simulator(250, 3750, 400);
}

#[test]
fn a_limit_on_streams_that_delays_messages_is_named_and_not_the_congestion_window() {
    let plan = messages(Transport::QUIC_MESSAGE, (Duration::from_millis(2), 120), "delay=100ms");
    let outcome = measured(&plan, Options { max_streams: 128, ..echo() });
    assert!(median(&outcome) > 400e6, "{} ns", median(&outcome));
    let flags = cell(&plan, &[(1, outcome)]).flags;
    assert!(flags.contains(&Flag::StreamLimited) && !flags.contains(&Flag::WindowLimited), "{flags:?}");
}

/// Parts of long messages on many streams fill a small window, and losses leave gaps between them.
#[test]
fn long_messages_arrive_whatever_the_window_of_the_server() {
    for transport in STREAMS {
        for (interval_us, link) in
            [(3000, "delay=5ms"), (20_000, "delay=5ms,loss=3%"), (50_000, "delay=5ms,jitter=3ms")]
        {
            let mut plan = messages(transport, (Duration::from_micros(interval_us), 20_000), link);
            plan.congestion = Congestion::Fixed(256 << 10);
            let outcome = measured(&plan, Options { max_window: 64 << 10, ..echo() });
            assert_eq!(outcome.broken, None, "{transport}, {link}");
            assert_eq!(outcome.messages.delivered, outcome.messages.scheduled, "{transport}, {link}");
        }
    }
}

/// Half of all packets are lost, so some gaps last for many round trips.
#[test]
fn a_server_that_holds_no_more_out_of_order_is_named_and_nothing_is_counted_as_lost() {
    let mut plan = messages(
        Transport::QUIC_ONE,
        (Duration::from_millis(1), 20_000),
        "delay=100ms,rate=1gbit,queue=100000p",
    );
    plan.links.to_server.loss = "50%".parse().unwrap();
    plan.congestion = Congestion::Fixed(64 << 20);
    let options = Options { window_memory: WindowMemory::new(0), ..echo() };
    let outcome = measured(&plan, options);
    let broken = outcome.broken.unwrap();
    assert!(broken.contains("it holds no more of what arrives out of order"), "{broken}");
    assert_eq!(outcome.messages.lost, 0);
}

#[test]
fn more_flows_than_a_server_allows_are_refused_at_once() {
    let mut plan = messages(Transport::QUIC_FLOW, (Duration::from_millis(1), 100), "delay=100ms");
    plan.workload.flows = 129;
    assert!(measured(&plan, echo()).messages.delivered > 0);
    let few = || Options { max_streams: 128, ..echo() };
    let error = by_url(&plan.links, plan.transport, few(), async |host, remote| {
        run_against(host, &plan, remote, 1, None, &StopSignal::default()).await.unwrap_err().to_string()
    });
    assert!(error.contains("allows 128 streams at a time, and --flows asks for 129"), "{error}");
    let plan = TransferPlan { flows: 129, ..content(plan.transport, 20_000_000, "delay=100ms") };
    assert!(transferred(&plan, echo()).time.is_some());
    let stopped = transferred(&plan, few()).stopped.unwrap();
    assert!(stopped.contains("allows 128 streams at a time, and --flows asks for 129"), "{stopped}");
}
