//! The figures of a run about its queue: waiting times, drops and ECN marks.

use std::time::Duration;

use crate::support::workload;
use wirelab::{
    experiment::{
        Observers, Outcome, PathKind, Plan, Workload, cell, run,
        transfer::{Direction, TransferPlan, cell as transfer_cell, transfer},
    },
    link::LinkSpec,
    path::StopSignal,
    report::Cell,
    transfer::{Content, Watch},
    transport::{Congestion, LossDetection, Transport},
    unit::{PerDirection, Rate},
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

    // Twice the rate and room for ten packets: once the queue is full, a packet that gets in waits for nine others.
    let full = measured(Transport::UDP, "rate=8mbit,delay=10ms,queue=10p", Duration::from_micros(500));
    let queue = full.queue.unwrap().to_server.unwrap();
    let wait = 9_000_000;
    assert_eq!((queue.delay_ns.min, queue.delay_ns.max), (Some(wait), Some(wait)));
    assert_eq!(queue.dropped, full.wire.unwrap().to_server.unwrap().queue_dropped);
    // Half of 2,000 messages.
    assert_eq!(queue.dropped, 1000);
    // The rest of the path is serialisation and propagation, both ways.
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
        // The queue also counts packets without messages, such as acknowledgements.
        assert!(waited <= queue.delay_ns.max.unwrap(), "{transport}: {budget:?} {queue:?}");
    }
}

#[test]
fn a_link_without_a_rate_has_no_queue() {
    assert_eq!(measured(Transport::UDP, "delay=10ms", Duration::from_millis(1)).queue, None);
}

/// A transfer of 10 MB to the server over 10 Mbit/s and 40 ms under CoDel.
fn bulk(link: &str) -> Cell {
    let link: LinkSpec = format!("rate=10mbit,delay=20ms,queue=1MB,aqm=codel,{link}").parse().unwrap();
    let plan = TransferPlan {
        path: PathKind::Sim,
        transport: Transport::QUIC_ONE,
        links: PerDirection::both(link),
        congestion: Congestion::Cubic,
        loss_detection: LossDetection::default(),
        flows: 1,
        pace: Rate::from_bits_per_second(10_000_000).unwrap(),
        direction: Direction::Up,
        content: Content::Generated { bytes: 10_000_000, seed: 1 },
    };
    let outcome = transfer(&plan, 1, None, &Watch::default()).unwrap();
    assert!(outcome.time.is_some(), "{outcome:?}");
    transfer_cell(&plan, &[(1, outcome)])
}

const TARGET_NS: u64 = 5_000_000;

#[test]
fn quic_answers_marks_as_it_answers_drops_and_loses_nothing() {
    let (marked, dropped) = (bulk("ecn"), bulk("ecn=false"));
    for cell in [&marked, &dropped] {
        let wait = cell.queue.unwrap().to_server.unwrap().delay_ns.p50.unwrap();
        assert!(wait <= 2 * TARGET_NS, "{wait} ns");
        assert!(cell.recovery.as_ref().unwrap().congestion_events > Some(0));
        // Headers and the reaction to marks or drops take less than 13% of the rate.
        let goodput = cell.transfer.as_ref().unwrap().goodput_bps.p50.unwrap();
        assert!(goodput > 8_700_000, "{goodput}");
    }
    let queue = marked.queue.unwrap().to_server.unwrap();
    let ecn = marked.ecn.unwrap().to_server;
    assert_eq!((queue.dropped, marked.recovery.unwrap().retransmitted_packets), (0, Some(0)));
    assert!(queue.marked > 10, "{queue:?}");
    assert_eq!(
        (ecn.marked, ecn.ce_seen, ecn.bleached, ecn.validation_failed),
        (queue.marked, queue.marked, 0, 0)
    );
    let queue = dropped.queue.unwrap().to_server.unwrap();
    assert!(queue.dropped > 10 && queue.marked == 0, "{queue:?}");
    assert_eq!(dropped.ecn, None);
}

#[test]
fn a_link_that_bleaches_makes_quic_give_up_ecn_and_one_that_marks_all_slows_it_down() {
    let bleached = bulk("ecn,ecn-fault=bleach");
    let ecn = bleached.ecn.unwrap().to_server;
    assert!(ecn.bleached > 0 && ecn.bleached == ecn.capable, "{ecn:?}");
    assert_eq!((ecn.ce_seen, ecn.validation_failed), (0, 1));
    // What cannot be marked is dropped.
    assert!(bleached.queue.unwrap().to_server.unwrap().dropped > 0);

    let everything = bulk("ecn,ecn-fault=mark-all");
    let ecn = everything.ecn.unwrap().to_server;
    // A few are still on their way at the end.
    assert!(ecn.capable > 1000 && ecn.ce_seen + 10 > ecn.capable, "{ecn:?}");
    let goodput = |cell: &Cell| cell.transfer.as_ref().unwrap().goodput_bps.p50.unwrap();
    assert!(goodput(&everything) < goodput(&bulk("ecn")) / 2, "{}", goodput(&everything));
}

#[test]
fn raw_datagrams_are_marked_and_signed_ones_are_dropped() {
    let link = "rate=8mbit,delay=10ms,queue=1MB,aqm=codel,ecn";
    let measured = |transport| measured(transport, link, Duration::from_micros(700));
    let raw = measured(Transport::UDP);
    let (queue, ecn) = (raw.queue.unwrap().to_server.unwrap(), raw.ecn.unwrap().to_server);
    assert!(queue.dropped == 0 && queue.marked > 0, "{queue:?}");
    // The counts of ECN include the warm-up.
    assert!(ecn.capable > raw.wire.unwrap().to_server.unwrap().packets, "{ecn:?}");
    assert_eq!((ecn.ce_seen, raw.recovery.unwrap().ce_received), (ecn.marked, Some(ecn.marked)));

    let signed = measured(Transport::UDP_HMAC);
    let (queue, ecn) = (signed.queue.unwrap().to_server.unwrap(), signed.ecn.unwrap().to_server);
    assert!(queue.dropped > 0 && queue.marked == 0, "{queue:?}");
    assert_eq!((ecn.capable, ecn.validation_failed), (0, 0));
    assert_eq!(signed.recovery.unwrap().ce_received, None);
}
