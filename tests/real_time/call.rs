//! A video call in real time.

use std::time::{Duration, Instant};

use wirelab::{
    experiment::{Observers, PathKind, Plan, Wait, Workload, application::Application, run},
    path::StopSignal,
    transport::{Congestion, LossDetection, Transport},
    unit::PerDirection,
};

use crate::support::{together, workload};

/// Frames have no replies, so the client learns from the server's end that all have arrived.
#[test]
#[expect(clippy::disallowed_methods, reason = "how long a run takes in real time")]
fn a_call_ends_when_its_last_frame_has_arrived() {
    const PATIENCE: Duration = Duration::from_secs(20);
    let _turn = together();
    let application: Application = "video:20:200kbit".parse().unwrap();
    for transport in [Transport::UDP, Transport::QUIC_MESSAGE] {
        let workload = Workload {
            wait: Wait { times: 1_000_000, most: PATIENCE },
            ..workload(Duration::from_secs(1)).carrying(application.clone())
        };
        let plan = Plan {
            path: PathKind::Relay,
            transport,
            links: PerDirection::both("delay=5ms".parse().unwrap()),
            congestion: Congestion::Cubic,
            loss_detection: LossDetection::default(),
            workload,
        };
        let begun = Instant::now();
        let outcome = run(&plan, 1, Observers::default(), &StopSignal::default()).unwrap();
        let took = begun.elapsed();
        assert_eq!(outcome.messages.delivered, outcome.messages.scheduled, "{transport:?}");
        // Two seconds at least: the first frame is due within a second of the connection.
        assert!(took < PATIENCE / 2, "{transport:?}: {took:?}");
    }
}
