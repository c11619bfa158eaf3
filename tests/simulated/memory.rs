//! Memory does not grow with the length of a run.

#![cfg(target_os = "linux")]

use std::{fs, time::Duration};

use crate::support::{say, workload};
use wirelab::{
    experiment::{Observers, PathKind, Plan, Workload, run},
    link::LinkSpec,
    path::StopSignal,
    transport::{Congestion, FIXED_WINDOW_BYTES, LossDetection, Transport},
    unit::PerDirection,
};

const HOUR: Duration = Duration::from_secs(3600);
const MOST_KB: u64 = 200_000;

/// Peak memory of this process.
fn peak_kb() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    peak.trim().strip_suffix(" kB").unwrap().trim().parse().unwrap()
}

fn thousand_a_second(transport: Transport) -> Plan {
    let link: LinkSpec = "delay=25ms,loss=1%".parse().unwrap();
    Plan {
        path: PathKind::Sim,
        transport,
        links: PerDirection::both(link),
        workload: Workload {
            interval: Duration::from_millis(1),
            warmup: Duration::from_secs(1),
            ..workload(HOUR)
        },
        congestion: Congestion::Fixed(FIXED_WINDOW_BYTES),
        loss_detection: LossDetection::default(),
    }
}

/// One test for all transports, because the peak is that of the whole process.
#[test]
#[ignore = "simulates two hours, which takes minutes: see CONTRIBUTING.md"]
fn an_hour_of_a_thousand_messages_a_second_stays_below_200_mb() {
    for transport in [Transport::UDP, Transport::QUIC_ONE] {
        let outcome =
            run(&thousand_a_second(transport), 1, Observers::default(), &StopSignal::default()).unwrap();
        assert_eq!(outcome.messages.scheduled, 3_600_000);
        say(&format!("{transport}: {} kB", peak_kb()));
        assert!(peak_kb() < MOST_KB, "{transport}: {} kB", peak_kb());
    }
}
