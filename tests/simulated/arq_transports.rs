//! ARQ as a transport: its costs without loss and with one, the record of each message, and a comparison with QUIC.

use std::{sync::Arc, time::Duration};

use crate::support::workload;
use wirelab::{
    channel::Cause,
    experiment::{
        MatrixOptions, Observers, Outcome, PathKind, Plan, Sample, Status, Theory, Wait, Workload, run,
        run_matrix,
    },
    link::LinkSpec,
    path::StopSignal,
    transport::{Congestion, LossDetection, Transport},
    unit::{Mutex, PerDirection},
};

const MS: u64 = 1_000_000;

fn link(text: &str) -> LinkSpec {
    let mut link = LinkSpec::default();
    if !text.is_empty() {
        link.apply_pairs(text).unwrap();
    }
    link
}

fn plan(transport: Transport, [to_server, to_client]: [&str; 2], messages: u32) -> Plan {
    Plan {
        path: PathKind::Sim,
        transport,
        links: PerDirection { to_server: link(to_server), to_client: link(to_client) },
        congestion: Congestion::Fixed(1_000_000),
        loss_detection: LossDetection::default(),
        workload: Workload { flows: 4, ..workload(Duration::from_millis(10) * messages) },
    }
}

fn observed(plan: &Plan, seed: u64) -> (Outcome, Vec<Sample>) {
    let samples = Arc::new(Mutex::new(Vec::new()));
    let sink = samples.clone();
    let take = move |sample: &Sample| sink.lock().push(*sample);
    let observers = Observers { samples: Some(Box::new(take)), ..Observers::default() };
    let outcome = run(plan, seed, observers, &StopSignal::default()).unwrap();
    let mut samples = std::mem::take(&mut *samples.lock());
    samples.sort_by_key(|sample| sample.due);
    (outcome, samples)
}

/// Latency of each message in milliseconds.
fn latencies(samples: &[Sample]) -> Vec<u64> {
    let latency = |sample: &Sample| (sample.client.unwrap().released - sample.due).as_nanos() as u64;
    samples.iter().map(|sample| latency(sample) / MS).collect()
}

#[test]
fn without_loss_every_message_takes_a_round_trip_and_connecting_takes_one() {
    for transport in [Transport::ARQ_GO_BACK_N, Transport::ARQ_SELECTIVE, Transport::ARQ_UNORDERED] {
        let (outcome, samples) = observed(&plan(transport, ["delay=25ms"; 2], 50), 1);
        assert_eq!(outcome.connect, Some(Duration::from_millis(50)), "{transport}");
        assert_eq!(latencies(&samples), vec![50; 50], "{transport}");
        let wire = outcome.wire.unwrap();
        // A challenge, an acknowledgement of the second hello, and the replies, which acknowledge their requests.
        assert_eq!(wire.to_client.packets, 2 + 50, "{transport}");
        // Two hellos, the requests, and an acknowledgement of each reply; the run may end before the last.
        assert!((101..=102).contains(&wire.to_server.packets), "{transport}: {}", wire.to_server.packets);
        assert_eq!(outcome.client.retransmitted_packets, Some(0));
    }
}

#[test]
fn stop_and_wait_sends_one_message_a_round_trip() {
    let (_, samples) = observed(&plan(Transport::ARQ_STOP_AND_WAIT, ["delay=25ms"; 2], 10), 1);
    // Scheduled every 10 ms, sent every 50 ms.
    let expected: Vec<u64> = (0..10).map(|n| 50 + 40 * n).collect();
    assert_eq!(latencies(&samples), expected);
    assert!(samples.iter().all(|sample| sample.budget.unwrap().recovery.is_zero()));
}

/// The first data packet to the server is number 3: two hellos came before. With a message every 10 ms and an RTT of
/// 100 ms, a lost one is `D = RTT + min(3 d, max(d, RTT / 8)) = 112.5 ms` late.
#[test]
fn one_loss_is_repaired_after_exactly_the_documented_time_and_order_holds_back_what_follows() {
    let lossy = ["delay=50ms,loss=drop:40", "delay=50ms"];
    let (_, unordered) = observed(&plan(Transport::ARQ_UNORDERED, lossy, 60), 1);
    let late: Vec<_> = unordered.iter().filter(|s| !s.budget.unwrap().extra().is_zero()).collect();
    assert_eq!(late.len(), 1);
    let budget = late[0].budget.unwrap();
    assert_eq!((budget.recovery, budget.order_wait), (Duration::from_micros(112_500), Duration::ZERO));

    let (outcome, ordered) = observed(&plan(Transport::ARQ_SELECTIVE, lossy, 60), 1);
    let held: Vec<_> = ordered.iter().filter(|s| !s.budget.unwrap().order_wait.is_zero()).collect();
    let waits: Vec<u64> = held.iter().map(|s| s.budget.unwrap().order_wait.as_micros() as u64).collect();
    assert_eq!(waits, (1..=11).map(|j| 112_500 - 10_000 * j).collect::<Vec<_>>());
    let lost = held[0].server.unwrap().blocked_by.unwrap();
    assert_eq!(late[0].id, lost);
    for sample in &held {
        let there = sample.server.unwrap();
        assert_eq!((there.blocked_by, there.cause), (Some(lost), Some(Cause::Loss)));
    }
    assert_eq!((outcome.order.blocked, outcome.client.retransmitted_packets), (11, Some(1)));

    let (_, back) = observed(&plan(Transport::ARQ_GO_BACK_N, lossy, 60), 1);
    let worst = back.iter().map(|s| s.budget.unwrap().recovery).max().unwrap();
    assert_eq!(worst, Duration::from_millis(130), "RTT + 3 d");
    assert!(back.iter().all(|s| s.budget.unwrap().order_wait.is_zero()), "it keeps nothing that could wait");
}

#[test]
fn the_parts_of_the_budget_add_up_to_the_latency_whatever_the_wire_does() {
    let wire = "delay=20ms,loss=2%,jitter=3ms,duplicate=1%,corrupt=1%,reorder=1%";
    for transport in Transport::ARQ {
        for (length, seed) in [(1000, 1), (5000, 2)] {
            let mut plan = plan(transport, [wire; 2], 300);
            plan.workload.interval = Duration::from_millis(25);
            plan.workload.duration = Duration::from_millis(25) * 300;
            (plan.workload.length, plan.workload.reply_length) = (length, length);
            let (outcome, samples) = observed(&plan, seed);
            let delivered = samples.iter().filter(|s| s.status == Status::Delivered);
            let mut n = 0;
            for sample in delivered {
                let budget = sample.budget.expect("the wire is ours");
                assert_eq!(budget.total(), sample.client.unwrap().released - sample.due, "{transport}");
                n += 1;
            }
            assert_eq!(n, outcome.messages.delivered);
            assert_eq!(outcome.messages.corrupted, 0, "a damaged segment is a lost one");
            // The other two variants keep nothing ahead of a gap and cannot keep up on this wire.
            if [Transport::ARQ_SELECTIVE, Transport::ARQ_UNORDERED].contains(&transport) {
                assert_eq!(n, 300, "{transport}");
            }
        }
    }
}

#[test]
fn one_seed_gives_one_outcome() {
    for transport in Transport::ARQ {
        let plan = plan(transport, ["delay=20ms,loss=3%,jitter=2ms"; 2], 200);
        assert_eq!(observed(&plan, 7).1, observed(&plan, 7).1, "{transport}");
    }
}

fn outcomes(plan: &Plan, seeds: u64) -> Vec<Outcome> {
    let stop = StopSignal::default();
    let options = MatrixOptions { first_seed: 1, seeds, threads: 2, stop: &stop };
    let run = |_, plan: &Plan, seed| run(plan, seed, Observers::default(), &StopSignal::default());
    let runs = run_matrix(std::slice::from_ref(plan), options, run);
    let runs = runs.into_iter().next().unwrap();
    assert!(runs.failures.is_empty(), "{:?}", runs.failures);
    runs.outcomes.into_iter().map(|(_, outcome)| outcome).collect()
}

/// RTT 100 ms, a message every 10 ms, 1% lost to the server, 30 seeds of a minute: 180,000 messages and about 1,800
/// losses. The relative standard error of the loss, and so of the delayed share, is 1/sqrt(1800) = 2.4%; three of them
/// are 7.1%.
#[test]
fn ordered_and_unordered_follow_the_closed_form() {
    for transport in [Transport::ARQ_SELECTIVE, Transport::ARQ_UNORDERED] {
        let mut plan = plan(transport, ["delay=50ms,loss=1%", "delay=50ms"], 6000);
        plan.workload.flows = 8;
        let theory = Theory::of(&plan).unwrap();
        let outcomes = outcomes(&plan, 30);
        let delivered: u64 = outcomes.iter().map(|o| o.messages.delivered).sum();
        let delayed: u64 = outcomes.iter().map(|o| o.extra.n()).sum();
        let blocked: u64 = outcomes.iter().map(|o| o.order.blocked).sum();
        let extra: u128 = outcomes.iter().map(|o| o.extra.sum()).sum();
        let n = delivered as f64;
        let seen = [delayed as f64 / n, blocked as f64 / n, extra as f64 / n / 1e9];
        let expected = [theory.delayed, theory.blocked, theory.extra()];
        for (seen, expected) in seen.into_iter().zip(expected) {
            assert!((seen - expected).abs() <= 0.071 * expected, "{transport}: {seen} for {expected}");
        }
        let limited: u64 = outcomes.iter().filter_map(|o| o.client.congestion_events).sum();
        assert_eq!(limited, 0, "a fixed window is not reduced");
    }
}

/// Goodput in bits per second of 10 MiB in messages of 64 KiB, all offered at once.
fn goodput(transport: Transport, congestion: Congestion, seeds: u64) -> f64 {
    let wire = "delay=25ms,loss=1%,rate=20mbit,queue=128KB";
    let mut plan = plan(transport, [wire; 2], 160);
    plan.congestion = congestion;
    let workload = &mut plan.workload;
    (workload.length, workload.reply_length, workload.flows) = (64 << 10, 32, 1);
    workload.interval = Duration::from_micros(1);
    workload.duration = Duration::from_micros(160);
    workload.wait = Wait { times: 1000, most: Duration::from_secs(600) };
    let bits = (160 << 10) as f64 * 64.0 * 8.0;
    let rates = outcomes(&plan, seeds).into_iter().map(|outcome| {
        assert_eq!(outcome.messages.delivered, 160, "{transport}");
        bits / (outcome.latency.max().unwrap() as f64 / 1e9)
    });
    rates.sum::<f64>() / seeds as f64
}

#[test]
fn with_the_same_controller_selective_repeat_carries_as_much_as_a_quic_stream() {
    for congestion in [Congestion::Cubic, Congestion::NewReno] {
        let [arq, quic] = [Transport::ARQ_SELECTIVE, Transport::QUIC_ONE]
            .map(|transport| goodput(transport, congestion, 30));
        assert!((arq / quic - 1.0).abs() < 0.15, "{congestion}: {arq:.0} against {quic:.0} bit/s");
    }
}

#[test]
fn the_relay_repairs_as_virtual_time_does() {
    for transport in [Transport::ARQ_SELECTIVE, Transport::ARQ_UNORDERED] {
        let mut plan = plan(transport, ["delay=10ms,loss=drop:30:60", "delay=10ms,loss=drop:50"], 100);
        let virtual_time = run(&plan, 1, Observers::default(), &StopSignal::default()).unwrap();
        plan.path = PathKind::Relay;
        let real = run(&plan, 1, Observers::default(), &StopSignal::default()).unwrap();
        assert_eq!(real.messages.delivered, 100, "{transport}");
        let lost = |outcome: &Outcome| outcome.wire.unwrap().map(|way| way.lost);
        let losses = PerDirection { to_server: 2, to_client: 1 };
        assert_eq!((lost(&real), lost(&virtual_time)), (losses, losses));
        assert_eq!(real.budget.n, 100, "the tap knows every message");
    }
}

#[test]
fn over_loopback_everything_arrives() {
    for transport in Transport::ARQ {
        let mut plan = plan(transport, [""; 2], 50);
        plan.path = PathKind::Direct;
        plan.workload.length = 5000;
        // However busy the machine is.
        plan.workload.wait = Wait { times: 1000, most: Duration::from_secs(30) };
        let outcome = run(&plan, 1, Observers::default(), &StopSignal::default()).unwrap();
        assert_eq!((outcome.messages.delivered, outcome.messages.unfinished), (50, 0), "{transport}");
    }
}
