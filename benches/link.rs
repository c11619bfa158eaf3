//! Cost of a packet on the link alone: offer and delivery.

use std::{hint::black_box, time::Duration};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use wirelab::{
    link::{Link, LinkSpec},
    unit::{Direction, Time},
};

const IP_BYTES: usize = 1028;
/// 10,000 packets a second.
const GAP: Duration = Duration::from_micros(100);

/// The effects, each alone on a delay of 25 ms, which keeps 250 packets in flight.
const LINKS: [(&str, &str); 10] = [
    ("none", "loss=0%"),
    ("loss", "loss=1%"),
    ("gilbert", "loss=gilbert:0.5%:25%"),
    ("rate and queue", "rate=100mbit,queue=128KB"),
    ("CoDel", "rate=100mbit,queue=128KB,aqm=codel"),
    ("CoDel, overload", "rate=80mbit,queue=128KB,aqm=codel"),
    ("FQ-CoDel", "rate=100mbit,queue=128KB,aqm=fq-codel"),
    ("PIE, overload", "rate=80mbit,queue=128KB,aqm=pie"),
    ("changing rate", "rate=sawtooth:50mbit:150mbit:1s,queue=128KB"),
    ("jitter", "jitter=5ms:normal"),
];

fn link(effects: &str) -> Link<u64> {
    let mut spec = LinkSpec { delay: Duration::from_millis(25), ..LinkSpec::default() };
    spec.apply_pairs(effects).expect("effects of a link");
    Link::new(spec, 1, Direction::ToServer)
}

fn packet(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("link");
    group.throughput(Throughput::Elements(1));
    for (name, effects) in LINKS {
        let mut link = link(effects);
        let mut now = Time::ZERO;
        let mut number = 0;
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                now += GAP;
                number += 1;
                link.enqueue(now, IP_BYTES, number);
                while let Some(event) = link.poll(now) {
                    black_box(event);
                }
            });
        });
    }
    group.finish();
}

criterion_group!(benches, packet);
criterion_main!(benches);
