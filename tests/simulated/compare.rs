//! Differences between the cells of one link and workload, over the same seeds.

use std::time::Duration;

use wirelab::{
    experiment::{
        Arrivals, Messages, Outcome, PathKind, Plan, Runs, Wait, Workload, application::Application, compare,
    },
    report::Metric,
    transport::{Congestion, LossDetection, Transport},
    unit::PerDirection,
};

fn plan(path: PathKind, transport: Transport) -> Plan {
    let workload = Workload {
        application: Application::Messages,
        flows: 1,
        interval: Duration::from_millis(10),
        length: 100,
        reply_length: 100,
        arrivals: Arrivals::Isochronous,
        warmup: Duration::ZERO,
        duration: Duration::from_secs(1),
        wait: Wait { times: 3, most: Duration::from_secs(4) },
        deadline: Duration::from_millis(100),
    };
    let congestion = Congestion::Cubic;
    Plan {
        path,
        transport,
        links: PerDirection::default(),
        workload,
        congestion,
        loss_detection: LossDetection::default(),
    }
}

fn compared(path: PathKind, transport: Transport, unfinished: u64) -> Vec<Metric> {
    let plans = [plan(path, Transport::UDP), plan(path, transport)];
    let runs = [0, unfinished].map(|unfinished| {
        let delivered = 100 - unfinished;
        let messages = Messages { scheduled: 100, sent: 100, delivered, unfinished, ..Messages::default() };
        Runs { outcomes: vec![(1, Outcome { messages, ..Outcome::default() })], failures: Vec::new() }
    });
    compare(&plans, &runs, &[Some(0), Some(1)]).into_iter().map(|paired| paired.metric).collect()
}

#[test]
fn order_that_the_kernel_hides_is_not_compared() {
    assert!(compared(PathKind::Direct, Transport::QUIC_ONE, 0).contains(&Metric::BlockedRatio));
    assert!(!compared(PathKind::Direct, Transport::TCP, 0).contains(&Metric::BlockedRatio));
    assert!(compared(PathKind::Netns, Transport::TCP, 0).contains(&Metric::BlockedRatio));
}

#[test]
fn loss_is_not_compared_with_what_is_unfinished() {
    assert!(compared(PathKind::Sim, Transport::QUIC_ONE, 0).contains(&Metric::LossRatio));
    assert!(!compared(PathKind::Sim, Transport::QUIC_ONE, 1).contains(&Metric::LossRatio));
}
