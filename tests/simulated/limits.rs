//! How long limits of the two ends kept data from being sent, by cause. Excludes the warm-up and includes current
//! waits.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::Duration,
};

use bytes::Bytes;

use crate::support::{session_settings, workload};
use wirelab::{
    experiment::{Ends, Outcome, PathKind, Plan, Workload, end_settings, run_between},
    link::LinkSpec,
    path::{Side, StopSignal, sim::World},
    transfer::bulk::{self, Bulk, Settings},
    transport::{Congestion, LossDetection, Transport, quic::QuicLimits},
    unit::{PerDirection, Rate},
    wire::transfer::{Piece, TransferMessage},
};

const SECOND: Duration = Duration::from_secs(1);

fn links(link: &str) -> PerDirection<LinkSpec> {
    let spec: LinkSpec = link.parse().unwrap();
    PerDirection::both(spec)
}

fn ends(world: &World) -> Ends {
    let any = IpAddr::from(Ipv4Addr::UNSPECIFIED);
    Ends {
        client: world.host(Side::Client),
        server: world.host(Side::Server),
        listen: SocketAddr::new(any, 0),
        reach: Side::Server.ip(any),
        change: None,
    }
}

/// An end with a fixed send buffer and receive window of `window` bytes.
fn settings(window: u64) -> Settings {
    let limits = QuicLimits {
        unidirectional: 16,
        send_buffer: window,
        receive_window: window,
        max_window: window,
        ..QuicLimits::EXPERIMENT
    };
    Settings {
        flows: 1,
        pace: Rate::from_bits_per_second(10_000_000).unwrap(),
        taps: None,
        datagram_bytes: 1200,
        session: session_settings(Congestion::Fixed(1 << 30), limits),
    }
}

/// How long the receiver's window of 1 MiB (credit) and the sender's buffer of 128 KiB have limited a sender that
/// always has data. The first pair is after 10 s in which the receiver reads nothing, the second after 10 s more in
/// which it reads everything.
fn to_a_late_reader(transport: Transport) -> [(Duration, Duration); 2] {
    let world = World::new(&links("delay=100ms"), 1);
    let ends = ends(&world);
    let mut acceptor = bulk::listen(&ends.server, transport, ends.listen, &settings(1 << 20)).unwrap();
    let peer = SocketAddr::new(ends.reach, acceptor.local_addr().port());
    let (read, reads) = tokio::sync::oneshot::channel();
    let server = async move {
        let mut bulk = acceptor.accept().await.unwrap();
        let _ = reads.await;
        while bulk.incoming.recv().await.is_ok() {}
    };
    ends.server.spawn("the server", Box::pin(server));
    let client = async {
        let bulk = bulk::connect(&ends.client, transport, peer, &settings(128 << 10)).await.unwrap();
        let Bulk { mut outgoing, incoming: _open, recovery, .. } = bulk;
        let sending = async {
            loop {
                outgoing.send(message()).await.unwrap();
            }
        };
        let limits = || {
            let limits = recovery().limits;
            (limits.credit, limits.buffer)
        };
        let sampling = async {
            ends.client.sleep(10 * SECOND).await;
            let first = limits();
            read.send(()).unwrap();
            ends.client.sleep(10 * SECOND).await;
            [first, limits()]
        };
        tokio::select! {
            biased;
            limits = sampling => limits,
            never = sending => never,
        }
    };
    world.run(client).unwrap()
}

fn message() -> Bytes {
    TransferMessage::Piece(Piece::new(0, Bytes::from_static(&[7; 60_000]))).encode()
}

#[test]
fn quic_writes_that_wait_are_told_apart_by_what_they_wait_for_and_counted_until_now() {
    let [(credit, buffer), (credit_then, buffer_then)] = to_a_late_reader(Transport::QUIC_ONE);
    // The sender fills the receiver's window in about 3 s, at one buffer a round trip. After that no acknowledgement
    // comes.
    assert!((5 * SECOND..8 * SECOND).contains(&credit), "{credit:?}");
    assert!((2 * SECOND..5 * SECOND).contains(&buffer), "{buffer:?}");
    // Now the buffer is the limit. The earlier wait for credit must not count here.
    assert!(credit_then - credit < SECOND, "{credit_then:?}");
    assert!(buffer_then - buffer > 8 * SECOND, "{buffer_then:?}");
}

/// A run in which the receive windows of ARQ hold 16 segments.
fn with_small_windows(links: PerDirection<LinkSpec>, warmup: Duration) -> Outcome {
    let plan = Plan {
        path: PathKind::Sim,
        transport: Transport::ARQ_SELECTIVE,
        links,
        congestion: Congestion::Fixed(1 << 20),
        loss_detection: LossDetection::default(),
        workload: Workload { warmup, ..workload(2 * SECOND) },
    };
    let mut settings = end_settings(&plan, Some(1)).unwrap();
    // About ten segments are in flight.
    settings.session.arq.limits.receive_window = 16;
    let world = World::new(&plan.links, 1);
    let ends = ends(&world);
    let stop = StopSignal::default();
    let running = run_between(&ends, &plan, &settings, 1, || (), None, &stop);
    world.run(running).unwrap().unwrap()
}

#[test]
fn what_limited_either_end_before_the_measured_time_does_not_count() {
    let (clear, lossy) = (links("delay=50ms"), links("delay=50ms,loss=drop:10"));
    let directions = [
        PerDirection { to_server: lossy.to_server.clone(), to_client: clear.to_client.clone() },
        PerDirection { to_server: clear.to_server, to_client: lossy.to_client },
    ];
    for (way, links) in directions.into_iter().enumerate() {
        let credit = |warmup| {
            let outcome = with_small_windows(links.clone(), warmup);
            [outcome.client.limits.credit, outcome.server.limits.credit][way]
        };
        assert!(credit(Duration::ZERO) > Duration::from_millis(20), "the window fills behind the gap");
        assert_eq!(credit(SECOND), Duration::ZERO, "{way}");
    }
}
