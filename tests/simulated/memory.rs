//! Memory does not grow with the length of a run.

#![cfg(target_os = "linux")]

use std::{fs, time::Duration};

use wirelab::{
    experiment::{Arrivals, Observers, PathKind, Plan, Wait, Workload, run},
    link::LinkSpec,
    transport::{Congestion, FIXED_WINDOW_BYTES, Transport},
    unit::PerDirection,
};

const HOUR: Duration = Duration::from_secs(3600);
const MOST_KB: u64 = 200_000;

/// The most memory that this process has had at any time.
fn peak_kb() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    peak.trim().strip_suffix(" kB").unwrap().trim().parse().unwrap()
}

fn thousand_a_second(transport: Transport) -> Plan {
    let mut link = LinkSpec::default();
    link.apply_pairs("delay=25ms,loss=1%").unwrap();
    Plan {
        path: PathKind::Sim,
        transport,
        links: PerDirection::both(link),
        workload: Workload {
            flows: 8,
            interval: Duration::from_millis(1),
            length: 1000,
            reply_length: 1000,
            arrivals: Arrivals::Isochronous,
            warmup: Duration::from_secs(1),
            duration: HOUR,
            wait: Wait { times: 3, most: Duration::from_secs(4) },
            deadline: Duration::from_millis(100),
        },
        congestion: Congestion::Fixed(FIXED_WINDOW_BYTES),
    }
}

/// One test, because the peak is that of the whole process.
#[test]
#[ignore = "simulates two hours, which takes minutes: see CONTRIBUTING.md"]
fn an_hour_of_a_thousand_messages_a_second_stays_below_200_mb() {
    for transport in [Transport::UDP, Transport::QUIC_ONE] {
        let outcome = run(&thousand_a_second(transport), 1, Observers::default()).unwrap();
        assert_eq!(outcome.messages.scheduled, 3_600_000);
        #[expect(clippy::print_stdout, reason = "the figure is of interest where the test passes, too")]
        {
            println!("{transport}: {} kB", peak_kb());
        }
        assert!(peak_kb() < MOST_KB, "{transport}: {} kB", peak_kb());
    }
}
