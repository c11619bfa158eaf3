//! What is sent, when, and how long to wait for replies.

use std::time::Duration;

use wirelab::{
    experiment::{Arrivals, PathKind, Plan, Wait, Workload, application::Application, cell, run},
    link::LinkSpec,
    path::StopSignal,
    report::Flag,
    transport::{Congestion, LossDetection, Transport},
    unit::{PerDirection, Time},
    wire::MessageId,
};

fn workload(arrivals: Arrivals) -> Workload {
    Workload {
        application: Application::Messages,
        flows: 3,
        interval: Duration::from_millis(10),
        length: 100,
        reply_length: 100,
        arrivals,
        warmup: Duration::from_secs(1),
        duration: Duration::from_secs(10),
        wait: Wait { times: 3, most: Duration::from_secs(4) },
        deadline: Duration::from_millis(100),
    }
}

#[test]
fn isochronous_messages_are_due_every_interval_and_the_warm_up_does_not_count() {
    let schedule: Vec<_> = workload(Arrivals::Isochronous).schedule(Time::ZERO, 1).collect();
    assert_eq!(schedule.len(), 1100);
    assert_eq!(schedule.iter().filter(|message| message.measured).count(), 1000);
    assert_eq!(schedule[7].due, Time::ZERO + Duration::from_millis(70));
}

/// 1,000 expected gaps of 10 ms: the count of a Poisson process has a standard deviation of the root of
/// its mean, sqrt(1000) = 31.6; three of them are allowed.
#[test]
fn poisson_arrivals_have_the_mean_that_was_asked_for_and_differ_between_seeds() {
    let workload = workload(Arrivals::Poisson);
    let measured =
        |seed| workload.schedule(Time::ZERO, seed).filter(|message| message.measured).collect::<Vec<_>>();
    assert!(measured(1).len().abs_diff(1000) < 95, "{}", measured(1).len());
    assert_ne!(measured(1), measured(2));
    assert_eq!(measured(1), measured(1));
}

#[test]
fn messages_take_turns_over_the_flows() {
    let workload = workload(Arrivals::Isochronous);
    assert_eq!(workload.id(7), MessageId { flow: 1, seq: 2 });
    assert!((0..100).all(|number| workload.number(workload.id(number)) == number));
}

#[test]
fn the_wait_is_bounded_and_needs_no_round_trip() {
    let wait = Wait { times: 3, most: Duration::from_secs(4) };
    assert_eq!(wait.after(Some(Duration::from_millis(50))), Duration::from_millis(150));
    assert_eq!(wait.after(Some(Duration::from_secs(2))), Duration::from_secs(4));
    assert_eq!(wait.after(None), Duration::from_secs(4));
    assert_eq!(wait.after(Some(Duration::ZERO)), Duration::from_millis(100));
    assert_eq!(wait.after(Some(Duration::from_secs(6))), Duration::from_secs(4));
    assert_eq!(wait.after_datagrams(Some(Duration::from_secs(6))), Duration::from_secs(9));
    assert_eq!(wait.after_datagrams(None), Duration::from_secs(4));
}

/// DTLS takes two round trips to connect, and UDP none.
#[test]
fn messages_that_begin_a_second_late_are_flagged_where_the_link_changes_with_time() {
    let is_late = |transport, link: &str| {
        let link: LinkSpec = link.parse().unwrap();
        let plan = Plan {
            path: PathKind::Sim,
            transport,
            links: PerDirection::both(link),
            workload: Workload { duration: Duration::from_secs(1), ..workload(Arrivals::Isochronous) },
            congestion: Congestion::Cubic,
            loss_detection: LossDetection::default(),
        };
        let outcome = run(&plan, 1, Default::default(), &StopSignal::default()).unwrap();
        cell(&plan, &[(1, outcome)]).flags.contains(&Flag::LateStart)
    };
    for timed in ["loss=outage:9s:1ms", "loss=1%,loss-by=time:1ms", "rate=steps:0s=20mbit:9s=10mbit"] {
        let [slow, quick] = ["delay=300ms", "delay=100ms"].map(|delay| format!("{delay},{timed}"));
        assert!(is_late(Transport::DTLS, &slow), "{slow}");
        assert!(!is_late(Transport::UDP, &slow), "{slow}");
        assert!(!is_late(Transport::DTLS, &quick), "{quick}");
    }
    assert!(!is_late(Transport::DTLS, "delay=300ms,loss=1%"));
}
