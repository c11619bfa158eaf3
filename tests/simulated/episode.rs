//! Which episode of a run is shown, and what belongs to it.

use std::time::Duration;

use wirelab::{
    experiment::{Observers, Outcome, PathKind, Plan, Runs, Stall, Which, Workload, choose, episode, run},
    link::{LinkSpec, Loss},
    path::StopSignal,
    report::{TextOptions, episode::Fate, to_ladders},
    transport::{Congestion, LossDetection, Transport},
    unit::PerDirection,
};

use crate::support::workload;

const MS: Duration = Duration::from_millis(1);

/// A second of messages on a round trip of 100 ms that loses these packets to the server.
fn plan(transport: Transport, drops: &[u64]) -> Plan {
    let clear = LinkSpec { delay: 50 * MS, ..LinkSpec::default() };
    let lossy = LinkSpec { loss: Loss::Drop(drops.to_vec()), ..clear.clone() };
    Plan {
        path: PathKind::Sim,
        transport,
        links: PerDirection { to_server: lossy, to_client: clear },
        workload: Workload { deadline: 200 * MS, ..workload(1000 * MS) },
        congestion: Congestion::Fixed(1_000_000),
        loss_detection: LossDetection::default(),
    }
}

fn ladder(transport: Transport, ascii: bool) -> String {
    let episode = episode(&plan(transport, &[40]), 1, Which::Longest, &StopSignal::default())
        .unwrap()
        .expect("a packet is lost");
    to_ladders(&[episode], TextOptions { ascii, ..TextOptions::default() })
}

#[test]
fn on_one_stream_a_loss_makes_all_flows_wait() {
    insta::assert_snapshot!("quic_one", ladder(Transport::QUIC_ONE, false));
    insta::assert_snapshot!("quic_one_ascii", ladder(Transport::QUIC_ONE, true));
}

#[test]
fn with_a_stream_for_each_message_nobody_waits() {
    insta::assert_snapshot!("quic_message", ladder(Transport::QUIC_MESSAGE, false));
    insta::assert_snapshot!("quic_message_ascii", ladder(Transport::QUIC_MESSAGE, true));
}

#[test]
fn a_lost_datagram_is_an_episode_without_recovery() {
    let episode = episode(&plan(Transport::UDP, &[40]), 1, Which::Longest, &StopSignal::default())
        .unwrap()
        .expect("one is lost");
    assert_eq!((episode.subject.message.number, episode.subject.fate), (39, Fate::Gone));
    assert_eq!((episode.waits.len(), episode.subject.arrived_ns), (0, None));
}

#[test]
fn without_loss_there_is_no_episode_but_of_a_message() {
    let plan = plan(Transport::QUIC_ONE, &[]);
    assert_eq!(episode(&plan, 1, Which::Longest, &StopSignal::default()).unwrap(), None);
    assert_eq!(
        episode(&plan, 1, Which::Message(100), &StopSignal::default()).unwrap(),
        None,
        "it is not scheduled"
    );
    let episode =
        episode(&plan, 1, Which::Message(50), &StopSignal::default()).unwrap().expect("it was sent");
    assert_eq!((episode.subject.message.number, episode.subject.fate), (50, Fate::Unharmed));
}

#[test]
fn an_episode_is_the_stall_that_the_figures_tell_of() {
    let plan = plan(Transport::QUIC_ONE, &[40]);
    let stall = run(&plan, 1, Observers::default(), &StopSignal::default())
        .unwrap()
        .order
        .longest_stall
        .expect("a stall");
    let episode = episode(&plan, 1, Which::Longest, &StopSignal::default()).unwrap().expect("a stall");
    assert_eq!(episode.waits.len() as u64, stall.messages);
    let first = episode.waits[0];
    assert_eq!(u128::from(first.released_ns - first.arrived_ns), stall.duration.as_nanos());
    assert_eq!(episode.subject.arrived_ns, Some(first.released_ns));
    let again = episode.packets.last().expect("the packet that ends it");
    assert!(again.carries.iter().any(|message| message.again && message.message == episode.subject.message));
}

#[test]
fn one_that_waited_is_found_by_its_number() {
    let plan = plan(Transport::QUIC_ONE, &[40]);
    let longest = episode(&plan, 1, Which::Longest, &StopSignal::default()).unwrap().expect("a stall");
    for message in [longest.subject.message, longest.waits[1].message] {
        assert_eq!(
            episode(&plan, 1, Which::Message(message.number), &StopSignal::default()).unwrap().as_ref(),
            Some(&longest)
        );
    }
}

#[test]
fn being_watched_changes_nothing() {
    let plan = plan(Transport::QUIC_ONE, &[40, 44]);
    let watched = run(
        &plan,
        7,
        Observers {
            samples: Some(Box::new(|_| ())),
            packets: Some(Box::new(|_| ())),
            ..Observers::default()
        },
        &StopSignal::default(),
    );
    assert_eq!(
        format!("{:?}", watched.unwrap()),
        format!("{:?}", run(&plan, 7, Observers::default(), &StopSignal::default()).unwrap())
    );
}

#[test]
fn names_of_episodes_read_as_they_are_written() {
    for which in [Which::Longest, Which::Message(412)] {
        assert_eq!(which.to_string().parse(), Ok(which));
    }
    for name in ["", "seq=", "seq=-1", "412", "shortest"] {
        assert!(name.parse::<Which>().unwrap_err().to_string().contains(&format!("`{name}`")));
    }
}

/// Runs of seeds 1, 2, .. whose longest stalls took so many milliseconds; 0 is none.
fn runs(stalls: &[u32]) -> Runs<Outcome> {
    let outcome = |&ms: &u32| {
        let mut outcome = Outcome::default();
        outcome.order.longest_stall = (ms > 0).then_some(Stall { duration: ms * MS, messages: 1 });
        outcome
    };
    Runs { outcomes: (1..).zip(stalls.iter().map(outcome)).collect(), failures: Vec::new() }
}

#[test]
fn the_longest_stall_is_that_of_the_first_link_with_one() {
    let near =
        [Transport::UDP, Transport::QUIC_FLOW, Transport::QUIC_ONE].map(|transport| plan(transport, &[40]));
    let far = near.clone().map(|mut plan| {
        plan.links.to_server.delay = 200 * MS;
        plan
    });
    let plans = [near, far].concat();
    let chosen = |stalls: [&[u32]; 6], which| {
        let chosen = choose(&plans, &stalls.map(runs), which)?;
        Some((plans.iter().position(|plan| plan == chosen.0)?, chosen.1))
    };
    let stalls: [&[u32]; 6] = [&[0, 0], &[0, 5], &[7, 9], &[0, 0], &[50, 0], &[60, 70]];
    assert_eq!(chosen(stalls, Which::Longest), Some((2, 2)));
    assert_eq!(chosen(stalls, Which::Message(3)), Some((1, 1)), "the first seed of the first that has one");
    assert_eq!(chosen([&[0]; 6], Which::Longest), Some((0, 1)), "without a stall any will do");
    assert_eq!(chosen([&[]; 6], Which::Longest), None, "nothing was run");
}
