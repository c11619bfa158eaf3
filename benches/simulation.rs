//! Speed of virtual time.
//!
//! `real-time factor`: an element is a second of virtual time, so "Kelem/s" reads as thousands of times real time, on
//! one core. `packets`: an element is an IP packet offered to the wire, in either direction.

#[path = "../tests/support/fixtures.rs"]
#[expect(dead_code, reason = "no TLS is needed here")]
mod fixtures;

use std::{hint::black_box, time::Duration};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use wirelab::{
    experiment::{Observers, Outcome, PathKind, Plan, Workload, run},
    link::LinkSpec,
    path::StopSignal,
    transport::{Congestion, LossDetection, Transport},
    unit::PerDirection,
};

/// One seed of what `wirelab bench` runs by default.
const CELL: Duration = Duration::from_secs(60);
const CELL_INTERVAL: Duration = Duration::from_millis(10);

/// So many messages in a short run that its setup is negligible.
const FLOOD: Duration = Duration::from_secs(10);
const FLOOD_INTERVAL: Duration = Duration::from_micros(100);

fn plan(transport: Transport, duration: Duration, interval: Duration) -> Plan {
    let link: LinkSpec = "delay=25ms,loss=1%".parse().expect("a link");
    Plan {
        path: PathKind::Sim,
        transport,
        links: PerDirection::both(link),
        workload: Workload { interval, warmup: Duration::from_secs(1), ..fixtures::workload(duration) },
        congestion: Congestion::Cubic,
        loss_detection: LossDetection::default(),
    }
}

fn simulate(plan: &Plan) -> Outcome {
    run(plan, 1, Observers::default(), &StopSignal::default()).expect("a run")
}

fn real_time_factor(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("real-time factor");
    let transports = [
        Transport::UDP,
        Transport::QUIC_ONE,
        Transport::QUIC_FLOW,
        Transport::QUIC_MESSAGE,
        Transport::QUIC_DATAGRAM,
    ];
    group.sample_size(10).throughput(Throughput::Elements(CELL.as_secs()));
    for transport in transports {
        let plan = plan(transport, CELL, CELL_INTERVAL);
        group.bench_function(transport.name(), |bencher| {
            bencher.iter(|| simulate(black_box(&plan)));
        });
    }
    group.finish();
}

fn packets(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("packets");
    let plan = plan(Transport::UDP, FLOOD, FLOOD_INTERVAL);
    let wire = simulate(&plan).wire.expect("an emulated link");
    let packets = wire.to_server.packets + wire.to_client.packets;
    group.sample_size(10).throughput(Throughput::Elements(packets));
    group.bench_function("udp", |bencher| {
        bencher.iter(|| simulate(black_box(&plan)));
    });
    group.finish();
}

criterion_group!(benches, real_time_factor, packets);
criterion_main!(benches);
