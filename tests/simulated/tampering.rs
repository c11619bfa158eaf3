//! An attacker on the link replays and forges packets: which transports deliver them, and what the counters show.

use std::time::Duration;

use wirelab::{
    experiment::{Observers, Outcome, PathKind, Plan, Workload, run},
    path::StopSignal,
    transport::{Congestion, LossDetection, Transport},
    unit::PerDirection,
};

use crate::support::workload;

fn attacked(transport: Transport, attack: &str) -> Outcome {
    let link = |settings: &str| settings.parse().unwrap();
    let plan = Plan {
        path: PathKind::Sim,
        transport,
        links: PerDirection { to_server: link(&format!("delay=5ms,{attack}")), to_client: link("delay=5ms") },
        congestion: Congestion::Fixed(1_000_000),
        loss_detection: LossDetection::default(),
        workload: Workload {
            interval: Duration::from_millis(5),
            warmup: Duration::ZERO,
            ..workload(Duration::from_secs(10))
        },
    };
    run(&plan, 1, Observers::default(), &StopSignal::default()).unwrap()
}

fn attacks(outcome: &Outcome) -> (u64, u64) {
    let wire = outcome.wire.as_ref().unwrap().to_server;
    (wire.replayed, wire.injected)
}

#[test]
fn forgeries_pass_checksums_but_no_signature_or_encryption() {
    for transport in [Transport::UDP, Transport::ARQ_UNORDERED] {
        let outcome = attacked(transport, "inject=5%");
        assert!(outcome.messages.corrupted > 0, "{transport}");
    }
    let outcome = attacked(Transport::UDP, "inject=5%");
    // The real message arrives after the forged one.
    assert_eq!(outcome.messages.delivered, outcome.messages.scheduled);
    assert_eq!(outcome.messages.corrupted, attacks(&outcome).1);
    for transport in [Transport::UDP_HMAC, Transport::DTLS, Transport::QUIC_DATAGRAM, Transport::QUIC_MESSAGE]
    {
        let Outcome { messages, .. } = attacked(transport, "inject=5%");
        assert_eq!((messages.delivered, messages.corrupted), (messages.scheduled, 0), "{transport}");
    }
    let outcome = attacked(Transport::UDP_HMAC, "inject=5%");
    assert_eq!(outcome.messages.rejected, Some(attacks(&outcome).1));
}

#[test]
fn a_forged_segment_takes_the_place_of_a_message_which_then_has_no_reply() {
    let outcome = attacked(Transport::ARQ_UNORDERED, "inject=5%");
    let messages = &outcome.messages;
    assert!(messages.corrupted > 50);
    assert_eq!(messages.unfinished, messages.corrupted);
    assert_eq!(messages.delivered + messages.unfinished, messages.scheduled);
}

#[test]
fn replays_reach_only_transports_without_a_replay_window() {
    let outcome = attacked(Transport::UDP, "replay=5%");
    let (replayed, forged) = attacks(&outcome);
    assert!(replayed > 50 && forged == 0);
    // Replays of the last second arrive after the run.
    let again = outcome.messages.duplicated;
    assert!(again <= replayed && again + 30 > replayed, "{again} of {replayed}");
    for transport in [
        Transport::UDP_HMAC,
        Transport::DTLS,
        Transport::ARQ_SELECTIVE,
        Transport::QUIC_DATAGRAM,
        Transport::QUIC_ONE,
    ] {
        let Outcome { messages, .. } = attacked(transport, "replay=5%");
        assert_eq!((messages.delivered, messages.duplicated), (messages.scheduled, 0), "{transport}");
    }
}
