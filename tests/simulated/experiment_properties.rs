//! For any link, transport and messages, everything is accounted for and nothing panics.

use std::{sync::LazyLock, time::Duration};

use crate::support::{self, ResultSchema};
use proptest::prelude::*;
use wirelab::{
    experiment::{
        Arrivals, Observers, Outcome, PathKind, Plan, Wait, Workload, application::Application, cell, run,
    },
    link::{Counters, LinkSpec},
    path::StopSignal,
    report::{Cell, ResultFile, TextOptions, to_csv, to_json, to_markdown, to_text},
    transport::{Congestion, FIXED_WINDOW_BYTES, LossDetection, Transport},
    unit::PerDirection,
};

static SCHEMA: LazyLock<ResultSchema> = LazyLock::new(ResultSchema::new);

/// A chance small enough for a handshake to succeed.
fn share() -> impl Strategy<Value = String> {
    prop_oneof![3 => Just("0%".to_owned()), 2 => (0u32..=20).prop_map(|p| format!("{p}%"))]
}

fn loss() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => share(),
        1 => (0u32..=10, 20u32..=100).prop_map(|(p, r)| format!("gilbert:{p}%:{r}%")),
        1 => (0u32..=10, 20u32..=100, 0u32..=100, 80u32..=100)
            .prop_map(|(p, r, h, k)| format!("gemodel:{p}%:{r}%:{h}%:{k}%")),
        1 => prop::collection::vec(1u64..80, 1..6)
            .prop_map(|n| n.iter().fold("drop".to_owned(), |text, n| format!("{text}:{n}"))),
        1 => (0u32..1500, 1u32..400).prop_map(|(start, length)| format!("outage:{start}ms:{length}ms")),
    ]
}

pub(crate) fn link() -> impl Strategy<Value = LinkSpec> {
    let jitter = prop_oneof![
        Just("none".to_owned()),
        (0u32..20, prop::sample::select(vec!["uniform", "normal", "pareto"]))
            .prop_map(|(ms, shape)| format!("{ms}ms:{shape}")),
    ];
    let bottleneck = prop_oneof![
        2 => Just("rate=none".to_owned()),
        1 => (100u32..20_000).prop_map(|kbit| format!("rate={kbit}kbit")),
        1 => (100u32..20_000, 2u32..50).prop_map(|(kbit, p)| format!("rate={kbit}kbit,queue={p}p")),
        1 => (100u32..20_000, 3u32..50).prop_map(|(kbit, kb)| format!("rate={kbit}kbit,queue={kb}KB")),
    ];
    let shares = (share(), share(), share());
    (0u32..60, jitter, any::<bool>(), loss(), bottleneck, shares, 1300u16..=1500).prop_map(
        |(delay, jitter, keep, loss, bottleneck, (reorder, duplicate, corrupt), mtu)| {
            format!(
                "delay={delay}ms,jitter={jitter},keep-order={keep},loss={loss},{bottleneck},\
                 reorder={reorder},duplicate={duplicate},corrupt={corrupt},mtu={mtu}"
            )
            .parse()
            .unwrap()
        },
    )
}

pub(crate) fn workload() -> impl Strategy<Value = Workload> {
    let lengths = (32usize..1100, 32usize..1100);
    let arrivals = prop::sample::select(vec![Arrivals::Isochronous, Arrivals::Poisson]);
    (1u32..10, 2u64..50, lengths, arrivals, prop_oneof![Just(0), 0u64..500], 200u64..1000).prop_map(
        |(flows, interval, (length, reply_length), arrivals, warmup, duration)| Workload {
            application: Application::Messages,
            flows,
            interval: Duration::from_millis(interval),
            length,
            reply_length,
            arrivals,
            warmup: Duration::from_millis(warmup),
            duration: Duration::from_millis(duration),
            wait: Wait { times: 3, most: Duration::from_secs(1) },
            deadline: Duration::from_millis(100),
        },
    )
}

pub(crate) fn plan() -> impl Strategy<Value = Plan> {
    let by_hand = [Transport::ARQ_SELECTIVE, Transport::ARQ_UNORDERED];
    let transports = [&[Transport::UDP][..], &Transport::QUIC, &by_hand].concat();
    let congestion = prop::sample::select(vec![
        Congestion::Cubic,
        Congestion::NewReno,
        Congestion::Bbr,
        Congestion::Fixed(FIXED_WINDOW_BYTES),
    ]);
    (prop::sample::select(transports), (link(), link()), workload(), congestion).prop_map(
        |(transport, (to_server, to_client), workload, congestion)| Plan {
            path: PathKind::Sim,
            transport,
            links: PerDirection { to_server, to_client },
            workload,
            congestion,
            loss_detection: LossDetection::default(),
        },
    )
}

/// A packet has one fate, and only packets that arrive can be reordered, corrupted or duplicated.
fn conserves(counters: Counters) -> bool {
    let gone = counters.lost + counters.queue_dropped + counters.too_large;
    let arriving = [counters.reordered, counters.corrupted, counters.duplicated];
    arriving.iter().all(|some| some + gone <= counters.packets)
}

/// Each scheduled message has one fate, and each lost one a direction or none that is known.
pub(crate) fn adds_up(outcome: &Outcome) -> Result<(), TestCaseError> {
    let (messages, network) = (outcome.messages, &outcome.network);
    let sum = messages.delivered + messages.lost + messages.unfinished + messages.unknown;
    prop_assert_eq!(messages.scheduled, sum, "{:?}", messages);
    let lost = network.ways.iter().map(|way| way.lost).sum::<u64>() + network.unattributed;
    prop_assert_eq!(messages.lost, lost, "{:?}", messages);
    Ok(())
}

/// The cell's counts add up, and its ratios have denominators that could have held their numerators.
pub(crate) fn is_accounted(cell: &Cell) -> Result<(), TestCaseError> {
    support::adds_up(cell).map_err(TestCaseError::fail)
}

fn accounts_for_everything(plan: &Plan, outcome: &Outcome) -> Result<(), TestCaseError> {
    let messages = outcome.messages;
    prop_assert_eq!(messages.unknown, 0, "no server went away");
    adds_up(outcome)?;
    prop_assert!(messages.sent <= messages.scheduled);
    prop_assert!(messages.on_time <= messages.delivered);
    prop_assert!(messages.reordered <= messages.delivered);
    prop_assert_eq!(outcome.latency.n(), messages.delivered);
    prop_assert_eq!(outcome.send_delay.n(), messages.sent);
    let one_way = plan.links.to_server.delay + plan.links.to_client.delay;
    let jitters = plan.links.iter().any(|link| link.jitter.is_some() || !link.reorder.is_zero());
    let least = outcome.latency.min().map(Duration::from_nanos);
    prop_assert!(jitters || least.is_none_or(|least| least >= one_way), "{:?}", least);
    if plan.transport.is_datagram() {
        prop_assert_eq!(outcome.order.blocked, 0);
    } else {
        prop_assert_eq!(messages.lost, 0);
    }
    for counters in outcome.wire.unwrap() {
        prop_assert!(conserves(counters), "{:?}", counters);
    }
    Ok(())
}

/// Raw UDP without a warm-up starts with an empty link: every packet that enters comes out, is counted as dropped, or
/// is still in flight. If every message came back and none was duplicated, nothing is in flight.
fn conserves_packets_to_the_last(plan: &Plan, outcome: &Outcome) -> Result<(), TestCaseError> {
    if plan.transport != Transport::UDP || !plan.workload.warmup.is_zero() {
        return Ok(());
    }
    let messages = outcome.messages;
    let wire = outcome.wire.unwrap();
    prop_assert_eq!(wire.to_server.packets, messages.scheduled);
    for counters in wire {
        let gone = counters.lost + counters.queue_dropped + counters.too_large;
        let under_way = (counters.packets + counters.duplicated).checked_sub(counters.delivered + gone);
        prop_assert!(under_way.is_some(), "{:?}", counters);
        if messages.delivered == messages.scheduled && wire.iter().all(|counters| counters.duplicated == 0) {
            prop_assert_eq!(under_way, Some(0));
        }
    }
    Ok(())
}

fn renders(plan: &Plan, outcomes: &[(u64, Outcome)]) -> Result<(), TestCaseError> {
    let mut file = ResultFile::new("bench");
    let cell = cell(plan, outcomes);
    is_accounted(&cell)?;
    file.cells.push(cell);
    let json = to_json(&file);
    let value = serde_json::from_str(&json).unwrap();
    let checked = SCHEMA.check(&value);
    prop_assert!(checked.is_ok(), "{:?} in {}", checked, json);
    let wire = &value["cells"][0]["wire"];
    for (direction, counters) in ["to_server", "to_client"].iter().zip(outcomes[0].1.wire.unwrap()) {
        prop_assert_eq!(wire[direction]["packets"].as_u64(), Some(counters.packets));
        prop_assert_eq!(wire[direction]["lost"].as_u64(), Some(counters.lost));
    }
    prop_assert!(!to_text(&file, TextOptions::default()).contains("NaN"));
    prop_assert!(!to_csv(&file).contains("NaN") && !to_markdown(&file).contains("NaN"));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn every_message_and_every_packet_is_accounted_for(plan in plan(), seed in 1u64..1_000_000) {
        prop_assume!(plan.transport.refuses_controller(plan.congestion).is_none());
        prop_assume!(plan.validate().is_ok() && plan.links.iter().all(|link| link.validate().is_ok()));
        // A failed handshake is a valid outcome.
        if let Ok(outcome) = run(&plan, seed, Observers::default(), &StopSignal::default()) {
            accounts_for_everything(&plan, &outcome)?;
            conserves_packets_to_the_last(&plan, &outcome)?;
            renders(&plan, &[(seed, outcome)])?;
        }
    }
}

fn plan_over(pairs: &str, transport: Transport, duration: Duration) -> Plan {
    let link: LinkSpec = pairs.parse().unwrap();
    let workload = crate::support::workload(duration);
    let congestion = Congestion::Fixed(FIXED_WINDOW_BYTES);
    Plan {
        path: PathKind::Sim,
        transport,
        links: PerDirection::both(link),
        workload,
        congestion,
        loss_detection: LossDetection::default(),
    }
}

#[test]
fn nothing_is_given_up_while_it_is_still_on_its_way() {
    // A round trip of 10 s, a queue that grows to 6 s, and links without any delay to speak of.
    for (pairs, duration) in [
        ("delay=5s", Duration::from_secs(12)),
        ("delay=25ms,rate=400kbit,queue=10MB", Duration::from_secs(6)),
        ("delay=0ms", Duration::from_secs(1)),
        ("delay=1ns", Duration::from_secs(1)),
    ] {
        // A reliable transport that is slower than its load may be slower without end.
        let reliable = [Transport::QUIC_ONE, Transport::ARQ_SELECTIVE];
        let others = if pairs.contains("rate") { &[][..] } else { &reliable };
        for &transport in [Transport::UDP].iter().chain(others) {
            let plan = plan_over(pairs, transport, duration);
            let messages = run(&plan, 1, Observers::default(), &StopSignal::default()).unwrap().messages;
            assert_eq!(messages.delivered, messages.scheduled, "{transport} over {pairs}");
        }
    }
}

#[test]
fn a_copy_that_comes_seconds_after_the_message_is_a_duplicate() {
    let messages = |pairs: &str| {
        let plan = plan_over(pairs, Transport::UDP, Duration::from_secs(20));
        run(&plan, 1, Observers::default(), &StopSignal::default()).unwrap().messages
    };
    // Half of the packets have a copy each way, which makes it 1.25 copies a message beside the first.
    let copies = messages("delay=25ms,duplicate=50%").duplicated;
    let (mean, deviation) = (1.25 * 2000.0, (2000.0f64 * 1.6).sqrt());
    assert!((copies as f64 - mean).abs() < 3.0 * deviation, "{copies}");
    // The same copies, of messages which the jitter has carried far from their order.
    let jittered = messages("delay=6s,jitter=6s:uniform,duplicate=50%").duplicated;
    assert!(jittered > copies * 9 / 10, "{jittered} of {copies}");
}
