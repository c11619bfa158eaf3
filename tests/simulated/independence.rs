//! What becomes of a new connection does not depend on how many the run has made before it.

use std::time::Duration;

use wirelab::{
    capture::Recording,
    experiment::{HandshakeOutcome, HandshakePlan, Mode, PathKind, handshake},
    link::LinkSpec,
    path::StopSignal,
    stats::{Histogram, Percentile},
    transport::{Congestion, LossDetection, Transport},
    unit::PerDirection,
};

/// Connections of a sample.
const CONNECTIONS: u64 = 600;
/// In standard errors: by chance, one comparison in 16,000 differs by more.
const TOLERANCE: f64 = 4.0;
/// The critical value of the Kolmogorov-Smirnov statistic at the same chance p: the square root of -ln(p / 2) / 2.
const CRITICAL: f64 = 2.28;
/// A distribution is compared at so many of its quantiles.
const QUANTILES: u16 = 100;

/// When connections came to one stage.
type Times = fn(&HandshakeOutcome) -> &Histogram;

#[test]
fn connections_over_loss_are_independent() {
    all_are_independent("delay=25ms,loss=5%");
}

#[test]
fn connections_over_corruption_are_independent() {
    all_are_independent("delay=25ms,corrupt=20%");
}

fn all_are_independent(link: &str) {
    let link: LinkSpec = link.parse().unwrap();
    let transports = Transport::all().filter(|transport| PathKind::Sim.refuses(*transport).is_none());
    let of_transport = |transport| Mode::ALL.into_iter().map(move |mode| (transport, mode));
    let rows = transports.flat_map(of_transport).filter(|(transport, mode)| mode.is_of(*transport));
    let dependent: Vec<String> =
        rows.filter_map(|(transport, mode)| difference(&link, transport, mode)).collect();
    assert!(dependent.is_empty(), "{dependent:#?}");
}

/// How connections of a run of their own differ from those of a single run, beyond chance.
fn difference(link: &LinkSpec, transport: Transport, mode: Mode) -> Option<String> {
    let alone = connect(link, transport, mode, 1);
    let together = connect(link, transport, mode, CONNECTIONS);
    let stages: [(&str, Times); 3] = [
        ("set up", |outcome| &outcome.connect),
        ("with a first reply", |outcome| &outcome.first),
        ("with a second reply", |outcome| &outcome.second),
    ];
    stages.into_iter().find_map(|(stage, times)| {
        let (alone, together) = (times(&alone), times(&together));
        let counts = [alone, together].map(|times| times.summary().n);
        let differ = errors_apart(counts) > TOLERANCE || farthest(alone, together) > critical();
        differ.then(|| {
            let medians =
                [alone, together].map(|times| times.percentile(Percentile::P50).map(Duration::from_nanos));
            format!("{transport} {mode}: {counts:?} of {CONNECTIONS} {stage}, medians {medians:?}")
        })
    })
}

/// All connections of the sample, so many of a seed.
fn connect(link: &LinkSpec, transport: Transport, mode: Mode, of_a_seed: u64) -> HandshakeOutcome {
    let plan = HandshakePlan {
        path: PathKind::Sim,
        transport,
        links: PerDirection { to_server: link.clone(), to_client: link.clone() },
        mode,
        congestion: Congestion::Cubic,
        loss_detection: LossDetection::default(),
        connections: of_a_seed,
        parallel: 1,
        length: 100,
        timeout: Duration::from_secs(60),
        certificate: 0,
    };
    let mut sum = HandshakeOutcome::default();
    for seed in 0..CONNECTIONS / of_a_seed {
        // A seed of both samples would be compared with itself.
        let seed = of_a_seed * 1_000_000 + seed;
        let outcome = handshake(&plan, seed, &StopSignal::default(), &Recording::default()).unwrap();
        sum.connect.merge(&outcome.connect);
        sum.first.merge(&outcome.first);
        sum.second.merge(&outcome.second);
    }
    sum
}

/// The difference of two counts in standard errors.
fn errors_apart(counts: [u64; 2]) -> f64 {
    let [a, b] = counts.map(|count| count as f64 / CONNECTIONS as f64);
    let pooled = f64::midpoint(a, b);
    let error = (pooled * (1.0 - pooled) * 2.0 / CONNECTIONS as f64).sqrt();
    if a == b { 0.0 } else { (a - b).abs() / error }
}

/// What the statistic of two samples may be, beside what the quantiles leave open.
fn critical() -> f64 {
    CRITICAL * (2.0 / CONNECTIONS as f64).sqrt() + 1.0 / f64::from(QUANTILES)
}

/// The two-sample Kolmogorov-Smirnov statistic: the largest difference between the shares of all connections that have
/// come so far by the same time. A connection that has failed never comes so far.
fn farthest(a: &Histogram, b: &Histogram) -> f64 {
    let (times, others) = (quantiles(a), quantiles(b));
    let share = |times: &[u64], all: u64, by: u64| {
        // A bucket of the histogram is as wide as a thousandth.
        let reached = times.partition_point(|time| *time <= by + by / 1000);
        reached as f64 / f64::from(QUANTILES) * all as f64 / CONNECTIONS as f64
    };
    let (n, other) = (a.summary().n, b.summary().n);
    let apart = |by: &u64| (share(&times, n, *by) - share(&others, other, *by)).abs();
    times.iter().chain(&others).map(apart).fold(0.0, f64::max)
}

/// Times at equal shares, in ascending order; none without a connection.
fn quantiles(times: &Histogram) -> Vec<u64> {
    (1..=QUANTILES)
        .filter_map(|place| times.percentile(Percentile::from_thousandths(place * (1000 / QUANTILES))))
        .collect()
}

#[test]
fn samples_that_differ_are_told_apart() {
    let times = |range: std::ops::Range<u64>| range.map(|ms| ms * 1_000_000).collect::<Histogram>();
    let all = times(0..CONNECTIONS);
    assert!(farthest(&all, &all) < 1e-9);
    let (few, many) = (CONNECTIONS / 20, CONNECTIONS / 6);
    assert!(farthest(&all, &times(few..few + CONNECTIONS)) < critical(), "shifted by a twentieth");
    assert!(farthest(&all, &times(many..many + CONNECTIONS)) > critical(), "shifted by a sixth");
    assert!(farthest(&all, &times(0..CONNECTIONS - many)) > critical(), "a sixth failed");
    assert!(errors_apart([CONNECTIONS, CONNECTIONS - many]) > TOLERANCE);
    assert!(errors_apart([CONNECTIONS, CONNECTIONS - 9]) < TOLERANCE);
}
