//! Round trips from the first packet to the first reply, for each transport.

use std::time::Duration;

use crate::support::{alone, has_namespaces, together};

use wirelab::{
    capture::Recording,
    experiment::{
        Experiment, Handshake, HandshakeOutcome, HandshakePlan, Mode, PathKind, handshake, handshake_cell,
    },
    link::LinkSpec,
    path::StopSignal,
    report,
    transport::{Congestion, LossDetection, Transport},
    unit::PerDirection,
};

const MS: Duration = Duration::from_millis(1);

fn plan(path: PathKind, transport: Transport, mode: Mode, link: &str) -> HandshakePlan {
    let spec: LinkSpec = link.parse().unwrap();
    HandshakePlan {
        path,
        transport,
        links: PerDirection::both(spec),
        mode,
        congestion: Congestion::Cubic,
        loss_detection: LossDetection::default(),
        connections: 3,
        parallel: 1,
        length: 100,
        timeout: Duration::from_secs(30),
        certificate: 0,
    }
}

fn sim(transport: Transport, mode: Mode) -> HandshakePlan {
    plan(PathKind::Sim, transport, mode, "delay=25ms")
}

fn measured(plan: &HandshakePlan) -> HandshakeOutcome {
    handshake(plan, 1, &StopSignal::default(), &Recording::default()).unwrap()
}

fn figures(plan: &HandshakePlan) -> report::Handshake {
    let outcome = measured(plan);
    assert_eq!((outcome.connections, outcome.failed), (plan.connections, 0), "{:?}", outcome.problem);
    handshake_cell(plan, &[(1, outcome)]).handshake.unwrap()
}

/// Without loss all connections take exactly the same time.
fn exactly(plan: &HandshakePlan) -> [Duration; 3] {
    let outcome = measured(plan);
    assert_eq!((outcome.connections, outcome.failed), (plan.connections, 0), "{:?}", outcome.problem);
    [&outcome.connect, &outcome.first, &outcome.second].map(|times| {
        assert_eq!((times.n(), times.min()), (plan.connections, times.max()));
        Duration::from_nanos(times.min().unwrap())
    })
}

#[test]
fn udp_takes_one_round_trip() {
    assert_eq!(exactly(&sim(Transport::UDP, Mode::Cold)), [Duration::ZERO, 50 * MS, 100 * MS]);
}

#[test]
fn quic_takes_two_round_trips_and_one_with_early_data() {
    for mapping in Transport::QUIC {
        assert_eq!(exactly(&sim(mapping, Mode::Cold)), [50 * MS, 100 * MS, 150 * MS], "{mapping}");
        assert_eq!(exactly(&sim(mapping, Mode::Resumed)), [50 * MS, 100 * MS, 150 * MS], "{mapping}");
        assert_eq!(exactly(&sim(mapping, Mode::ZeroRtt)), [Duration::ZERO, 50 * MS, 100 * MS], "{mapping}");
    }
}

/// An unvalidated client is sent at most three times what it sent, here 3 x 1200 bytes (RFC 9000 section 8.1). A
/// resumed session needs no certificate.
#[test]
fn a_long_certificate_costs_quic_one_more_round_trip_but_no_resumed_session() {
    let long = |mode| HandshakePlan { certificate: 6000, ..sim(Transport::QUIC_ONE, mode) };
    assert_eq!(exactly(&long(Mode::Cold))[1], 150 * MS);
    assert_eq!(exactly(&long(Mode::Resumed))[1], 100 * MS);
    assert_eq!(exactly(&long(Mode::ZeroRtt))[1], 50 * MS);
}

/// Without an RTT sample, the first probe is sent after 999 ms (RFC 9002 section 6.2.2).
#[test]
fn a_lost_first_packet_costs_quic_a_second_and_udp_the_reply() {
    let lost = |transport| HandshakePlan {
        connections: 1,
        links: PerDirection { to_server: link("delay=25ms,loss=drop:1"), to_client: link("delay=25ms") },
        ..sim(transport, Mode::Cold)
    };
    let quic = measured(&lost(Transport::QUIC_ONE));
    assert_eq!((quic.first.n(), quic.over_a_second), (1, 1));
    assert_eq!(quic.first.min(), Some(1_099_000_000));
    let udp = measured(&lost(Transport::UDP));
    assert_eq!((udp.first.n(), udp.failed, udp.over_a_second), (0, 1, 1));
    assert!(udp.problem.unwrap().contains("no answer"));
}

fn link(pairs: &str) -> LinkSpec {
    pairs.parse().unwrap()
}

#[test]
fn the_packets_of_a_connection_are_its_own_under_loss_too() {
    let plan = HandshakePlan {
        connections: 50,
        ..plan(PathKind::Sim, Transport::UDP, Mode::Cold, "delay=25ms,loss=5%")
    };
    let outcome = measured(&plan);
    let PerDirection { to_server, to_client } = outcome.wire.unwrap();
    assert!(outcome.first.n() < 50 && outcome.failed > 0);
    assert_eq!((to_server.packets, to_client.packets), (outcome.first.n(), outcome.first.n()));
    assert_eq!(to_server.bytes, 128 * outcome.first.n());
}

#[test]
fn virtual_time_gives_the_same_figures_again() {
    let plan = HandshakePlan {
        connections: 20,
        ..plan(PathKind::Sim, Transport::QUIC_ONE, Mode::ZeroRtt, "delay=25ms,loss=5%")
    };
    let run = || format!("{:?}", handshake_cell(&plan, &[(1, measured(&plan))]));
    assert_eq!(run(), run());
}

#[test]
fn every_mode_of_every_transport_works_on_loopback_several_at_a_time() {
    let _turn = together();
    for transport in Transport::all() {
        for mode in Mode::ALL.into_iter().filter(|mode| mode.is_of(transport)) {
            let plan = HandshakePlan {
                connections: 20,
                parallel: 4,
                ..plan(PathKind::Direct, transport, mode, "delay=0ms")
            };
            let figures = figures(&plan);
            assert!(figures.connections_per_second.unwrap().get() > 1.0, "{transport} {mode}");
            assert_eq!(figures.round_trips, None);
        }
    }
}

/// The RTT of 100 ms is long, so that delays of a busy machine do not look like another round trip.
#[test]
fn tcp_takes_two_round_trips_tls_three_and_two_with_early_data() {
    let _alone = alone();
    let cases = [
        (Transport::TCP, Mode::Cold, 2.0),
        (Transport::TLS, Mode::Cold, 3.0),
        (Transport::TLS, Mode::Resumed, 3.0),
        (Transport::TLS, Mode::ZeroRtt, 2.0),
    ];
    for (transport, mode, trips) in cases {
        let plan = plan(PathKind::Netns, transport, mode, "delay=50ms");
        if !has_namespaces() {
            return;
        }
        let figures = figures(&plan);
        let seen = figures.round_trips.unwrap().get();
        assert!((trips..trips + 0.5).contains(&seen), "{transport} {mode}: {seen}");
    }
}

/// Both ends share this machine's cores, so connections at a time are not as many times faster.
#[test]
fn the_announced_time_of_loopback_is_about_what_it_takes() {
    let _alone = alone();
    for (transport, mode) in [(Transport::TLS, Mode::Cold), (Transport::QUIC_ONE, Mode::Resumed)] {
        let plan = HandshakePlan {
            connections: 1600,
            parallel: 16,
            ..plan(PathKind::Direct, transport, mode, "delay=0ms")
        };
        let announced = Handshake.expected(&plan, &StopSignal::default()).unwrap();
        let took = measured(&plan).elapsed;
        // It is rounded up to seconds.
        let least = announced.saturating_sub(Duration::from_secs(1)) / 3;
        assert!(
            (least..=announced * 3).contains(&took),
            "{transport}: {announced:?} announced, took {took:?}"
        );
    }
}

/// SYN or SYN-ACK is lost in 1 - 0.98^2 = 3.96% of connections and retransmitted after 1 s (RFC 6298 section 2).
/// 10,000 connections have a standard error of 0.195%; the tolerance is three of them.
#[test]
#[ignore = "takes a minute, on a machine that does little else"]
fn tcp_takes_a_second_or_more_where_the_first_packet_of_either_way_is_lost() {
    let _alone = alone();
    let plan = HandshakePlan {
        connections: 10_000,
        parallel: 200,
        ..plan(PathKind::Netns, Transport::TCP, Mode::Cold, "delay=25ms,loss=2%")
    };
    if !has_namespaces() {
        return;
    }
    let outcome = measured(&plan);
    let share = outcome.over_a_second as f64 / outcome.connections as f64;
    assert!((share - 0.0396).abs() < 0.00585, "{share}");
}
