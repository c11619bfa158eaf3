//! Messages beside a background of senders, in virtual time.

use std::time::Duration;

use crate::{
    driven::driven,
    support::{ResultSchema, workload},
};
use wirelab::{
    experiment::{Bench, Loaded, LoadedPlan, PathKind, Plan, Workload, parse_senders},
    link::LinkSpec,
    report::{Cell, ResultFile, to_json, to_markdown},
    transport::{Congestion, LossDetection, Transport},
    unit::PerDirection,
};

fn plan(transport: Transport, background: &str) -> LoadedPlan {
    let link: LinkSpec = "delay=10ms,rate=20mbit,queue=100KB".parse().unwrap();
    let plan = Plan {
        path: PathKind::Sim,
        transport,
        links: PerDirection::both(link),
        workload: Workload { warmup: Duration::from_secs(2), ..workload(Duration::from_secs(8)) },
        congestion: Congestion::Fixed(1_000_000),
        loss_detection: LossDetection::default(),
    };
    LoadedPlan { plan, background: parse_senders(background).unwrap() }
}

fn measured(plans: Vec<LoadedPlan>) -> ResultFile {
    let driven = driven(&Loaded(Bench::default()), "bench", plans, 3, true);
    assert!(driven.problems.is_empty(), "{:?}", driven.problems);
    driven.file
}

fn median(cell: &Cell) -> u64 {
    cell.latency_ns.as_ref().unwrap().summary.p50.unwrap()
}

#[test]
fn a_greedy_background_fills_both_queues_and_the_budget_says_so() {
    let file =
        measured(vec![plan(Transport::UDP, "quic-one:cubic"), plan(Transport::QUIC_ONE, "quic-one:cubic")]);
    for cell in &file.cells {
        let load = cell.load.as_ref().unwrap();
        let idle = load.idle_latency_ns.as_ref().unwrap().summary.p50.unwrap();
        // 20 ms of propagation. A message takes less than a millisecond to serialise each way.
        assert!((20_000_000..21_500_000).contains(&idle), "{idle}");
        // A queue of 100 KB holds 40 ms.
        let added = load.added_p50_ns.unwrap();
        assert!((20_000_000..80_000_000).contains(&added), "{added}");
        let [low, high] = load.added_p50_ci95_ns.unwrap();
        assert!(low <= added && added <= high);
        // On average, a queue of 40 ms is more than half full, and a message and its reply wait in two.
        let added = load.added_queue_ns.unwrap();
        assert!((15_000_000..40_000_000).contains(&added), "{added}");
        let budget = cell.budget_ns.as_ref().unwrap();
        let (path, queue) = (budget.path.unwrap(), budget.queue.unwrap());
        assert!(queue > 20_000_000 && path - queue < 22_000_000, "{budget:?}");
        for sender in &load.background {
            assert!(sender.goodput_bps.unwrap() > 14_000_000, "{sender:?}");
        }
    }
    let page = to_markdown(&file);
    for label in ["udp", "quic-one"] {
        assert!(page.contains(&format!("bufferbloat of {label}: the background adds")), "{page}");
    }
    assert!(page.contains("by DSLReports' scale"), "{page}");
    assert!(page.contains("; beside quic-one:cubic each way"), "{page}");
    ResultSchema::new().check(&serde_json::from_str(&to_json(&file)).unwrap()).unwrap();
}

#[test]
fn the_counters_of_the_wire_are_those_of_the_messages() {
    let file =
        measured(["udp@5mbit", "udp@5mbit@end=1s"].map(|senders| plan(Transport::UDP, senders)).into());
    for cell in &file.cells {
        let (wire, messages) = (cell.wire.as_ref().unwrap(), cell.messages.as_ref().unwrap());
        assert_eq!(wire.to_server.unwrap().packets, messages.sent);
        // When the warm-up ends, up to three replies are still on their way: a round trip takes 21 ms, and messages are
        // 10 ms apart. There are three seeds.
        let replies = wire.to_client.unwrap().packets - messages.delivered;
        assert!(replies <= 9, "{replies}");
    }
    let ended = file.cells[1].load.as_ref().unwrap();
    assert!(ended.background.iter().all(|sender| sender.packets == 0), "{ended:?}");
    let cell = &file.cells[0];
    let load = cell.load.as_ref().unwrap();
    for sender in &load.background {
        assert!((sender.goodput_bps.unwrap() as f64 / 5e6 - 1448.0 / 1500.0).abs() < 0.01, "{sender:?}");
        assert_eq!(sender.dropped, 0);
    }
    // The queue stays short: each way, a message waits for one packet of the background at most, which takes 0.6 ms.
    assert!(load.added_p50_ns.unwrap() < 1_300_000, "{:?}", load.added_p50_ns);
}

#[test]
fn the_background_leaves_the_messages_of_the_idle_run_alone() {
    let first = measured(vec![plan(Transport::QUIC_ONE, "quic-one:bbr")]);
    let second = measured(vec![plan(Transport::QUIC_ONE, "udp@19mbit")]);
    let idle = |file: &ResultFile| file.cells[0].load.clone().unwrap().idle_latency_ns;
    assert_eq!(idle(&first), idle(&second));
    assert!(median(&first.cells[0]) > 20_000_000);
    assert_eq!(to_json(&first), to_json(&measured(vec![plan(Transport::QUIC_ONE, "quic-one:bbr")])));
}
