//! Transfers deliver what was sent or report what is missing.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use proptest::prelude::*;
use wirelab::{
    experiment::{
        PathKind,
        transfer::{Direction, Transfer, TransferOutcome, TransferPlan, cell, transfer},
    },
    link::{LinkSpec, Preset},
    path::StopSignal,
    report::{Cell, Flag, Pictures, Ratio},
    transfer::{Content, PATIENCE, Watch},
    transport::{Congestion, LossDetection, Transport},
    unit::{self, PerDirection, Rate},
};

use crate::driven::driven;

fn plan(transport: Transport, bytes: u64, link: &str) -> TransferPlan {
    let spec: LinkSpec = link.parse().unwrap();
    TransferPlan {
        path: PathKind::Sim,
        transport,
        links: PerDirection::both(spec),
        congestion: Congestion::Cubic,
        loss_detection: LossDetection::default(),
        flows: 4,
        pace: Rate::from_bits_per_second(10_000_000).unwrap(),
        direction: Direction::Up,
        content: Content::Generated { bytes, seed: 1 },
    }
}

fn simulated(plan: &TransferPlan, seed: u64) -> TransferOutcome {
    transfer(plan, seed, None, &Watch::default()).unwrap()
}

#[test]
fn every_controller_is_named_that_a_transfer_runs_under() {
    let controller = |transport, path| {
        let plan = TransferPlan { path, congestion: Congestion::NewReno, ..plan(transport, 0, "delay=1ms") };
        cell(&plan, &[]).congestion
    };
    let newreno = Some("newreno".to_owned());
    assert_eq!(controller(Transport::QUIC_ONE, PathKind::Sim), newreno);
    assert_eq!(controller(Transport::ARQ_SELECTIVE, PathKind::Sim), newreno);
    assert_eq!(controller(Transport::TCP, PathKind::Netns), Some("reno".to_owned()));
    assert_eq!(controller(Transport::TCP, PathKind::Direct), None);
    assert_eq!(controller(Transport::UDP, PathKind::Sim), None);
}

const STREAMS: [Transport; 3] = [Transport::QUIC_ONE, Transport::QUIC_FLOW, Transport::QUIC_MESSAGE];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn any_size_arrives_intact_on_every_reliable_transport(
        bytes in prop_oneof![0u64..3, 65_000u64..66_000, 0u64..3_000_000],
        which in 0usize..3, down: bool, seed: u64,
    ) {
        let link = "delay=10ms,loss=2%,duplicate=1%,reorder=1%,corrupt=0.5%";
        let mut plan = plan(STREAMS[which], bytes, link);
        plan.direction = if down { Direction::Down } else { Direction::Up };
        let outcome = simulated(&plan, seed);
        prop_assert_eq!(outcome.stopped, None);
        prop_assert!(outcome.time.is_some());
        prop_assert_eq!((outcome.arrived, outcome.gaps), (Some(bytes), 0));
    }

    #[test]
    fn datagrams_arrive_or_are_missing(bytes in 0u64..500_000, which in 0usize..3, down: bool, seed: u64) {
        let transport = [Transport::UDP, Transport::UDP_HMAC, Transport::QUIC_DATAGRAM][which];
        let mut plan = plan(transport, bytes, "delay=10ms,loss=2%,duplicate=1%,reorder=1%");
        plan.direction = if down { Direction::Down } else { Direction::Up };
        let outcome = simulated(&plan, seed);
        prop_assert_eq!(&outcome.stopped, &None);
        let missing: u64 = outcome.missing.iter().map(|gap| gap.end - gap.start).sum();
        prop_assert!(outcome.gaps <= 64, "{} gaps", outcome.gaps);
        prop_assert_eq!(outcome.arrived, Some(bytes - missing));
        prop_assert_eq!(outcome.time.is_some(), missing == 0);
    }
}

#[test]
fn udp_misses_exactly_the_dropped_datagrams() {
    let mut plan = plan(Transport::UDP, 100_000, "delay=10ms");
    plan.links.to_server.apply_pairs("loss=drop:3:17:18:40").unwrap();
    let outcome = simulated(&plan, 1);
    // 1500 bytes minus the headers of IP, UDP and the message.
    let piece = 1500 - 28 - 24;
    let gap = |from: u64, to: u64| (from - 1) * piece..to * piece;
    assert_eq!(outcome.missing, [gap(3, 3), gap(17, 18), gap(40, 40)]);
    assert_eq!((outcome.gaps, outcome.arrived), (3, Some(100_000 - 4 * piece)));
    assert_eq!((outcome.time, outcome.stopped), (None, None));
}

/// A receiver that may record only a few pieces after a gap counts the same missing bytes as one that may record many.
#[test]
fn a_bound_on_a_receivers_memory_adds_no_loss() {
    for transport in [Transport::UDP, Transport::QUIC_DATAGRAM] {
        let plan = plan(transport, 1_000_000, "delay=10ms,loss=2%");
        let outcome = simulated(&plan, 1);
        let bounded = transfer(&plan, 1, None, &Watch { most_ahead: 100, ..Watch::default() }).unwrap();
        assert!(outcome.gaps > 5 && outcome.missing[0].start < 500_000, "{:?}", outcome.missing);
        assert_eq!((bounded.gaps, &bounded.missing), (outcome.gaps, &outcome.missing));
        assert_eq!((bounded.arrived, bounded.stopped), (outcome.arrived, None));
    }
}

#[test]
fn one_stream_has_the_goodput_that_interop_tests_ask_for() {
    // 10 MiB, 10 Mbit/s, 15 ms each way, a queue of 25 packets.
    let plan = plan(Transport::QUIC_ONE, 10 << 20, "delay=15ms,rate=10mbit,queue=25p");
    let time = simulated(&plan, 1).time.unwrap();
    let goodput = (10u64 << 20) as f64 * 8.0 / time.as_secs_f64() / 1e6;
    assert!((9.0..=9.6).contains(&goodput), "{goodput} Mbit/s");
}

#[test]
fn a_fixed_window_moves_a_window_a_round_trip() {
    let mut plan = plan(Transport::QUIC_ONE, 10 << 20, "delay=50ms");
    plan.congestion = Congestion::Fixed(125_000);
    let time = simulated(&plan, 1).time.unwrap();
    // 125 kB in 100 ms are 10 Mbit/s, less headers (2.5%) and a last round trip for the receipt (1.2%).
    let goodput = (10u64 << 20) as f64 * 8.0 / time.as_secs_f64() / 1e6;
    assert!((9.3..10.0).contains(&goodput), "{goodput} Mbit/s");
}

/// The cell of a plan, run as the program runs it.
fn only_cell(plan: &TransferPlan, pictures: bool) -> Cell {
    driven(&Transfer::default(), "transfer", vec![plan.clone()], 1, pictures).file.cells.remove(0)
}

#[test]
fn pictures_have_the_window_of_the_sender_and_change_no_figure() {
    for transport in [Transport::QUIC_ONE, Transport::ARQ_SELECTIVE, Transport::UDP] {
        for direction in [Direction::Up, Direction::Down] {
            let mut plan = plan(transport, 2_000_000, "delay=20ms,rate=20mbit,queue=25p");
            plan.direction = direction;
            let (plain, mut drawn) = (only_cell(&plan, false), only_cell(&plan, true));
            let Some(Pictures { progress: Some(progress), .. }) = drawn.pictures.take() else { panic!() };
            assert_eq!(plain, drawn, "{transport}");
            assert_eq!(progress.window_bytes.len(), progress.arrived_bytes.len());
            let windows: Vec<u64> = progress.window_bytes.iter().copied().flatten().collect();
            if transport == Transport::UDP {
                assert!(windows.is_empty(), "{windows:?}");
                continue;
            }
            // A packet in flight fits into the window, and every bin since connecting has a sample.
            let (most, on_link) =
                (*windows.iter().max().unwrap(), *progress.on_link_bytes.iter().max().unwrap());
            assert!(
                most >= on_link / 2 && windows.len() * 10 > progress.window_bytes.len() * 9,
                "{progress:?}"
            );
            let least = plain.recovery.unwrap().min_window_bytes.unwrap();
            assert!(windows.iter().any(|window| *window < most), "{windows:?}");
            assert!(least <= windows.iter().copied().min().unwrap(), "{least}: {windows:?}");
        }
    }
}

#[test]
fn a_fixed_window_is_drawn_as_a_level_line() {
    let mut plan = plan(Transport::QUIC_ONE, 2 << 20, "delay=50ms");
    plan.congestion = Congestion::Fixed(125_000);
    let Some(Pictures { progress: Some(progress), .. }) = only_cell(&plan, true).pictures else { panic!() };
    assert!(progress.window_bytes.iter().flatten().all(|window| *window == 125_000), "{progress:?}");
    assert!(progress.window_bytes.iter().flatten().count() > 10);
}

#[test]
fn the_same_arguments_give_the_same_transfer() {
    for transport in [Transport::UDP, Transport::QUIC_FLOW, Transport::QUIC_MESSAGE, Transport::QUIC_DATAGRAM]
    {
        let plan = plan(transport, 300_000, "delay=10ms,loss=3%,jitter=2ms");
        let [one, two] = [simulated(&plan, 7), simulated(&plan, 7)];
        assert_eq!(format!("{one:?}"), format!("{two:?}"));
    }
}

#[test]
fn a_dead_link_stops_the_transfer_and_what_had_arrived_is_known() {
    for direction in [Direction::Up, Direction::Down] {
        for transport in [Transport::QUIC_ONE, Transport::QUIC_MESSAGE, Transport::ARQ_SELECTIVE] {
            let link = "delay=10ms,rate=10mbit,queue=30p,loss=outage:2s:3600s";
            let mut plan = plan(transport, 10 << 20, link);
            plan.direction = direction;
            let outcome = simulated(&plan, 1);
            assert_eq!(outcome.time, None);
            let reason = outcome.stopped.unwrap();
            // ARQ gives the connection up after eight timeouts.
            assert!(reason.contains("no progress") || reason.contains("closed"), "{reason}");
            // Two seconds at 10 Mbit/s, less slow start.
            let arrived = outcome.arrived.unwrap();
            assert!((1_800_000..2_500_000).contains(&arrived), "{transport} {direction:?}: {arrived}");
            assert_eq!(
                cell(&plan, &[(1, simulated(&plan, 1))]).transfer.unwrap().arrived_bytes,
                Some(arrived)
            );
        }
    }
}

/// The window overshoots by as much as the queue is long, and every second packet of that is dropped.
#[test]
fn a_stream_with_more_gaps_than_quinn_keeps_ends_the_transfer_and_the_reason_names_the_limit() {
    for direction in [Direction::Up, Direction::Down] {
        let link = "delay=25ms,rate=300mbit,queue=1875000B";
        let plan = TransferPlan { direction, ..plan(Transport::QUIC_ONE, 30_000_000, link) };
        let outcome = simulated(&plan, 1);
        let reason = outcome.stopped.unwrap();
        assert!(reason.contains("quinn's receiver keeps no more than 1,024 gaps"), "{direction:?}: {reason}");
        assert_eq!(simulated(&TransferPlan { transport: Transport::QUIC_FLOW, ..plan }, 1).stopped, None);
    }
}

#[test]
fn no_limit_of_ours_slows_a_transfer_down() {
    // All of it fits into the congestion window: half a round trip there, half back for the receipt, and the pacing of
    // QUIC (RFC 9002 section 7.7), which takes 0.24 s.
    for direction in [Direction::Up, Direction::Down] {
        for transport in [Transport::QUIC_ONE, Transport::QUIC_MESSAGE, Transport::ARQ_SELECTIVE] {
            let mut plan = plan(transport, 100_000_000, "delay=300ms");
            plan.congestion = Congestion::Fixed(200_000_000);
            plan.direction = direction;
            let outcome = simulated(&plan, 1);
            let time =
                outcome.time.unwrap().as_secs_f64() - f64::from(u8::from(direction == Direction::Down)) * 0.3;
            assert!(time < 0.9, "{transport} {direction:?}: {time}");
            assert_eq!(cell(&plan, &[(1, outcome)]).flags, [], "{transport} {direction:?}");
        }
    }
}

/// Every transport that delivers all of what it is given.
fn reliable() -> impl Iterator<Item = Transport> {
    Transport::all().filter(|transport| !transport.is_datagram() && !transport.uses_kernel_tcp())
}

fn completes(plan: &TransferPlan, patience: Duration) -> Duration {
    let outcome = transfer(plan, 1, None, &Watch { patience, ..Watch::default() }).unwrap();
    assert_eq!(outcome.stopped, None, "{} {:?}", plan.transport, plan.direction);
    outcome.time.unwrap()
}

#[test]
fn slow_links_take_long_and_stop_no_transfer() {
    let links = Preset::ALL.iter().map(|preset| PerDirection {
        to_server: preset.spec(unit::Direction::ToServer),
        to_client: preset.spec(unit::Direction::ToClient),
    });
    let lossy = ["delay=100ms,loss=1%", "delay=25ms,loss=5%"];
    for links in links.chain(lossy.map(|link| plan(Transport::QUIC_ONE, 0, link).links)) {
        for transport in reliable() {
            for direction in [Direction::Up, Direction::Down] {
                let plan = plan(transport, 10 << 20, "delay=0ms");
                completes(&TransferPlan { links: links.clone(), direction, ..plan }, PATIENCE);
            }
        }
    }
}

#[test]
fn what_waits_in_a_buffer_has_not_moved_and_half_a_piece_has() {
    // 8 MB at 1 Mbit/s take 64 s, more than the patience; they fit into the send buffer.
    let time = completes(&plan(Transport::QUIC_ONE, 8_000_000, "delay=25ms,rate=1mbit"), PATIENCE);
    assert!((64.0..70.0).contains(&time.as_secs_f64()), "{time:?}");
    // A piece of 64 KiB takes 26 s, and a stream for each piece lets them take turns.
    for transport in reliable() {
        for direction in [Direction::Up, Direction::Down] {
            let plan = plan(transport, 300_000, "delay=25ms,rate=20kbit,queue=8p");
            completes(&TransferPlan { direction, ..plan }, Duration::from_secs(15));
        }
    }
}

#[test]
fn an_interrupted_receiver_says_how_much_it_has() {
    for transport in [Transport::UDP, Transport::QUIC_FLOW, Transport::ARQ_SELECTIVE] {
        let mut plan = plan(transport, 10 << 20, "delay=10ms,rate=20mbit");
        plan.direction = Direction::Down;
        let (stop, received) = (StopSignal::default(), Arc::new(AtomicU64::new(0)));
        let (signal, counter) = (stop.clone(), received.clone());
        let moved = Arc::new(move |bytes| {
            if counter.fetch_add(bytes, Ordering::Relaxed) > 500_000 {
                signal.set();
            }
        });
        let watch = Watch { moved, stop, ..Watch::default() };
        let outcome = transfer(&plan, 1, None, &watch).unwrap();
        assert!(outcome.interrupted);
        assert!(outcome.arrived >= Some(received.load(Ordering::Relaxed)), "{transport}");
        assert!((500_000..2_000_000).contains(&outcome.arrived.unwrap()), "{transport}");
    }
}

#[test]
fn what_a_server_elsewhere_did_not_report_is_in_no_ratio() {
    let plan = plan(Transport::TCP, 1000, "delay=0ms");
    let stopped = TransferOutcome { stopped: Some("it is gone".to_owned()), ..TransferOutcome::default() };
    let transfer = |outcomes: &[(u64, TransferOutcome)]| cell(&plan, outcomes).transfer.unwrap();
    let none = transfer(&[(1, stopped.clone())]);
    assert_eq!((none.unknown, none.arrived_bytes, none.arrived_ratio), (1, None, None));
    let whole = TransferOutcome {
        time: Some(Duration::from_secs(1)),
        arrived: Some(1000),
        ..TransferOutcome::default()
    };
    let some = transfer(&[(1, stopped), (2, whole)]);
    assert_eq!((some.unknown, some.completed, some.failed), (1, 1, 1));
    assert_eq!((some.arrived_bytes, some.arrived_ratio), (Some(1000), Ratio::of(1, 1)));
}

#[test]
fn every_transport_moves_content_over_loopback() {
    for direction in [Direction::Up, Direction::Down] {
        for transport in Transport::all() {
            let mut plan = plan(transport, 1_000_003, "delay=0ms");
            plan.path = PathKind::Direct;
            plan.direction = direction;
            let outcome = transfer(&plan, 1, None, &Watch::default()).unwrap();
            assert_eq!(outcome.stopped, None, "{transport}");
            assert!(outcome.time.is_some() || transport.is_datagram(), "{transport}");
        }
    }
}

#[test]
fn a_busy_link_stops_no_transfer_over_the_relay() {
    for direction in [Direction::Up, Direction::Down] {
        // 2 s, twice the patience; all of it fits into the send buffer.
        let mut plan = plan(Transport::QUIC_ONE, 1_000_000, "delay=5ms,rate=4mbit");
        plan.path = PathKind::Relay;
        plan.direction = direction;
        let time = completes(&plan, Duration::from_secs(1));
        assert!(time > Duration::from_millis(1990), "{time:?}");
    }
}

#[test]
fn the_relay_carries_a_transfer_and_counts_its_packets() {
    let mut plan = plan(Transport::QUIC_ONE, 300_000, "delay=2ms,loss=1%");
    plan.path = PathKind::Relay;
    let outcome = transfer(&plan, 1, None, &Watch::default()).unwrap();
    assert!(outcome.time.is_some());
    assert!(outcome.wire.unwrap().to_server.bytes > 300_000);
}

#[test]
fn a_thread_of_either_end_that_is_busy_nearly_all_the_time_is_flagged() {
    let ms = |ms| Some(Duration::from_millis(ms));
    let plan = plan(Transport::QUIC_ONE, 1_000_000, "delay=1ms");
    let flags = |client_busy, server_busy| {
        let outcome =
            TransferOutcome { time: ms(100), client_busy, server_busy, ..TransferOutcome::default() };
        cell(&plan, &[(1, outcome)]).flags
    };
    assert_eq!(flags(ms(90), ms(90)), []);
    assert_eq!(flags(ms(91), None), [Flag::MachineLimited]);
    assert_eq!(flags(ms(5), ms(91)), [Flag::MachineLimited]);
    assert_eq!(flags(None, None), []);
}
