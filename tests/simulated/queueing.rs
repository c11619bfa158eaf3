//! What the queue did, in the figures of a run.

use std::time::Duration;

use crate::support::workload;
use wirelab::{
    experiment::{Observers, Outcome, PathKind, Plan, Workload, cell, run},
    link::LinkSpec,
    path::StopSignal,
    report::Cell,
    transport::{Congestion, LossDetection, Transport},
    unit::PerDirection,
};

/// Messages of 972 bytes, 1000 with their headers, on a link of this kind to the server and one of 10 ms back.
fn measured(transport: Transport, to_server: &str, interval: Duration) -> Cell {
    let links = PerDirection {
        to_server: to_server.parse().unwrap(),
        to_client: "delay=10ms".parse::<LinkSpec>().unwrap(),
    };
    let workload = Workload {
        flows: 1,
        interval,
        length: 972,
        reply_length: 972,
        warmup: Duration::from_millis(100),
        ..workload(Duration::from_secs(1))
    };
    let plan = Plan {
        path: PathKind::Sim,
        transport,
        congestion: Congestion::Fixed(1_000_000),
        loss_detection: LossDetection::default(),
        links,
        workload,
    };
    let outcome: Outcome = run(&plan, 1, Observers::default(), &StopSignal::default()).unwrap();
    cell(&plan, &[(1, outcome)])
}

#[test]
fn a_steady_queue_delays_every_packet_by_its_length() {
    // A packet every millisecond, 8 Mbit/s: exactly the rate, so nothing waits.
    let fits = measured(Transport::UDP, "rate=8mbit,delay=10ms", Duration::from_millis(1));
    let queue = fits.queue.unwrap();
    assert_eq!((queue.to_client, fits.budget_ns.unwrap().queue), (None, Some(0)));
    let to_server = queue.to_server.unwrap();
    assert_eq!((to_server.delay_ns.max, to_server.dropped, to_server.marked), (Some(0), 0, 0));

    // Twice the rate and room for ten packets: each that passes finds nine or more before it once the queue is full.
    let full = measured(Transport::UDP, "rate=8mbit,delay=10ms,queue=10p", Duration::from_micros(500));
    let queue = full.queue.unwrap().to_server.unwrap();
    assert_eq!(queue.delay_ns.min, queue.delay_ns.max, "{queue:?}");
    let wait = queue.delay_ns.max.unwrap();
    assert!((8_500_000..=9_000_000).contains(&wait), "{wait}");
    assert_eq!(queue.dropped, full.wire.unwrap().to_server.unwrap().queue_dropped);
    assert!(queue.dropped > 900);
    // Of the path, the rest is serialisation and propagation both ways.
    let budget = full.budget_ns.unwrap();
    assert_eq!((budget.queue, budget.path), (Some(wait), Some(wait + 21_000_000)));
}

#[test]
fn the_budget_splits_the_path_of_streams_and_datagrams_alike() {
    let interval = Duration::from_micros(1100);
    for transport in [Transport::ARQ_SELECTIVE, Transport::QUIC_ONE, Transport::QUIC_DATAGRAM] {
        let cell = measured(transport, "rate=8mbit,delay=10ms", interval);
        let (queue, budget) = (cell.queue.unwrap().to_server.unwrap(), cell.budget_ns.unwrap());
        let (waited, path) = (budget.queue.unwrap(), budget.path.unwrap());
        assert!(waited > 0 && waited < path, "{transport}: {budget:?}");
        // Packets without messages, acknowledgements among them, wait too.
        assert!(waited <= queue.delay_ns.max.unwrap(), "{transport}: {budget:?} {queue:?}");
    }
}

#[test]
fn a_link_without_a_rate_has_no_queue() {
    assert_eq!(measured(Transport::UDP, "delay=10ms", Duration::from_millis(1)).queue, None);
}
