//! Runs take as long as they are reckoned to, in proportion to each other, so that the parts of a sweep do too.

#![cfg(target_os = "linux")]

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use crate::support::{say, workload};
use wirelab::{
    experiment::{Bench, Experiment as _, Observers, PathKind, Plan, Workload, run},
    link::LinkSpec,
    path::StopSignal,
    transport::{Congestion, FIXED_WINDOW_BYTES, LossDetection, Transport},
    unit::PerDirection,
};

/// How far two ratios of time to reckoned work may be apart.
const MOST_APART: f64 = 2.0;

fn plan(transport: Transport, length: usize, link: &str) -> Plan {
    let link: LinkSpec = link.parse().unwrap();
    let duration = if transport == Transport::UDP { 2000 } else { 200 };
    Plan {
        path: PathKind::Sim,
        transport,
        links: PerDirection::both(link),
        workload: Workload { length, reply_length: length, ..workload(Duration::from_secs(duration)) },
        congestion: Congestion::Fixed(FIXED_WINDOW_BYTES),
        loss_detection: LossDetection::default(),
    }
}

fn processor_time() -> f64 {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    now.tv_sec as f64 + now.tv_nsec as f64 / 1e9
}

/// The processor time of the fastest of five runs: other programs make a run slower, and never faster.
fn seconds(plan: &Plan) -> f64 {
    let took = (0..5).map(|_| {
        let begun = processor_time();
        run(plan, 1, Observers::default(), &StopSignal::default()).unwrap();
        processor_time() - begun
    });
    took.fold(f64::INFINITY, f64::min)
}

#[test]
#[ignore = "measures processor time, in release mode: see CONTRIBUTING.md"]
fn runs_take_as_long_as_they_are_reckoned_to() {
    // Stop-and-wait sends only one message in each round trip.
    let transports = Transport::all().filter(|transport| {
        *transport != Transport::ARQ_STOP_AND_WAIT && PathKind::Sim.refuses(*transport).is_none()
    });
    let mut plans: Vec<Plan> =
        transports.map(|transport| plan(transport, 1000, "delay=25ms,loss=1%")).collect();
    plans.extend([
        plan(Transport::UDP, 100, "delay=25ms,jitter=5ms:normal"),
        plan(Transport::UDP, 1000, "delay=25ms,corrupt=1%"),
        plan(Transport::QUIC_ONE, 100, "delay=25ms"),
        plan(Transport::QUIC_ONE, 8000, "delay=25ms"),
        plan(Transport::QUIC_MESSAGE, 8000, "delay=25ms"),
        plan(Transport::ARQ_SELECTIVE, 8000, "delay=25ms"),
    ]);
    let (mut least, mut most) = (f64::INFINITY, 0.0f64);
    for plan in &plans {
        let ratio = seconds(plan) * 1e9 / Bench::size(plan).work as f64;
        say(&format!("{}, {} bytes: {ratio:.2}", plan.transport, plan.workload.length));
        (least, most) = (least.min(ratio), most.max(ratio));
    }
    assert!(most <= MOST_APART * least, "the ratios of time to reckoned work: {least:.2} to {most:.2}");
}
