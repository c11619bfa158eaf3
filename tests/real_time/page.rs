//! Loads of a page in real time, over connections of every kind.

use std::time::Duration;

use crate::support::{alone, has_namespaces};
use wirelab::{
    capture::Recording,
    experiment::{
        PathKind,
        page::{Mode, PageOutcome, PagePlan, load_page},
    },
    path::StopSignal,
    transport::{Congestion, LossDetection, Transport},
    unit::{PerDirection, nanos},
};

const ROUND_TRIP: Duration = Duration::from_millis(100);

fn loads(path: PathKind, transport: Transport, connections: u32, mode: Mode) -> PageOutcome {
    let plan = PagePlan {
        path,
        transport,
        links: PerDirection::both("delay=50ms".parse().unwrap()),
        congestion: Congestion::Cubic,
        loss_detection: LossDetection::default(),
        page: "12:4KB:2".parse().unwrap(),
        mode,
        connections,
        flows: 2,
        loads: 2,
    };
    let outcome = load_page(&plan, 1, true, &StopSignal::default(), &Recording::default()).unwrap();
    assert_eq!((outcome.loads, outcome.failed), (2, 0), "{transport} on {path}: {:?}", outcome.problem);
    assert_eq!(outcome.each.n(), 2 * 13, "{transport} on {path}");
    outcome
}

#[test]
fn a_page_is_complete_over_the_relay_and_over_loopback() {
    let _alone = alone();
    for transport in [Transport::ARQ_SELECTIVE, Transport::QUIC_ONE, Transport::QUIC_MESSAGE] {
        loads(PathKind::Relay, transport, 1, Mode::Cold);
    }
    for transport in [Transport::TCP, Transport::TLS] {
        for connections in [1, 6] {
            let outcome = loads(PathKind::Direct, transport, connections, Mode::Cold);
            assert!((2..=2 * u64::from(connections)).contains(&outcome.connections), "{transport}");
        }
    }
    loads(PathKind::Direct, Transport::TLS, 6, Mode::ZeroRtt);
    loads(PathKind::Direct, Transport::QUIC_MESSAGE, 1, Mode::ZeroRtt);
}

/// How many round trips connecting and the first byte take: TCP 1 and 2, TLS 2 and 3, with early data 1 and 2. A
/// connection beyond the first makes its handshake while others wait for answers, all of them at a time.
#[test]
fn kernel_tcp_and_tls_take_their_round_trips_over_six_connections() {
    let _alone = alone();
    if !has_namespaces() {
        return;
    }
    for (transport, mode, round_trips) in [
        (Transport::TCP, Mode::Cold, [1, 2]),
        (Transport::TLS, Mode::Cold, [2, 3]),
        (Transport::TLS, Mode::ZeroRtt, [1, 2]),
        (Transport::QUIC_MESSAGE, Mode::Cold, [1, 2]),
    ] {
        let connections = if PagePlan::has_connections(transport) { 6 } else { 1 };
        let outcome = loads(PathKind::Netns, transport, connections, mode);
        let round_trip = nanos(ROUND_TRIP);
        let least = [&outcome.connect, &outcome.first_byte].map(|times| times.min().unwrap() / round_trip);
        assert_eq!(least, round_trips, "{transport} {mode}");
        let waterfall = outcome.waterfall.unwrap();
        let used = waterfall.bars.iter().map(|bar| bar.connection).max();
        assert_eq!(used, Some(connections.into()), "{transport} {mode}");
        // The connections were begun when the document was complete, for the objects that it names. There are not enough
        // tickets for all of them.
        let is_first = |after, connection| mode == Mode::Cold && after == Some(1) && connection > 1;
        let first_wave = waterfall.bars.iter().filter(|bar| is_first(bar.after, bar.connection));
        for bar in first_wave {
            let connecting = bar.connecting_ns / round_trip;
            assert_eq!(connecting, round_trips[0], "{transport} {mode}: {bar:?}");
        }
    }
}
