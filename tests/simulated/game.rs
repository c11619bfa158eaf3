//! A game in virtual time: the age of the newest state.

use std::time::Duration;

use crate::{
    driven::driven,
    support::{ResultSchema, workload},
};
use wirelab::{
    experiment::{Bench, PathKind, Plan, Workload, application::game::judge::Ages, run},
    link::LinkSpec,
    path::StopSignal,
    report::{TextOptions, to_html, to_json, to_text},
    transport::{Congestion, LossDetection, Transport},
    unit::PerDirection,
};

fn plan(transport: Transport, game: &str, link: &str) -> Plan {
    let link: LinkSpec = link.parse().unwrap();
    let workload = Workload { length: 100, ..workload(Duration::from_secs(20)) };
    Plan {
        path: PathKind::Sim,
        transport,
        links: PerDirection::both(link),
        workload: workload.carrying(game.parse().unwrap()),
        congestion: Congestion::Fixed(1_000_000),
        loss_detection: LossDetection::default(),
    }
}

fn ages(plan: &Plan) -> PerDirection<Ages> {
    run(plan, 1, Default::default(), &StopSignal::default()).unwrap().ages.unwrap()
}

#[test]
fn without_loss_the_age_is_a_sawtooth_from_the_delay_to_an_interval_more_on_every_transport() {
    for transport in Transport::all().filter(|transport| !transport.uses_kernel_tcp()) {
        // Stop-and-wait sends an update each round trip.
        if transport == Transport::ARQ_STOP_AND_WAIT {
            continue;
        }
        for (way, ages) in ages(&plan(transport, "game:25", "delay=20ms")).iter().enumerate() {
            // The server begins with the client's first update, and so without its own first.
            let updates = 500 - way as u64;
            assert_eq!((ages.updates, ages.superseded), (updates, 0), "{transport} {way}");
            assert!(ages.used >= 499, "{transport} {way}: {}", ages.used);
            assert_eq!(ages.mean(), Some(40_000_000), "{transport} {way}");
            assert_eq!(ages.max(), Some(60_000_000), "{transport} {way}");
        }
    }
}

/// Also of those that the server sent, on streams that it opened itself.
#[test]
fn all_updates_have_a_budget_and_all_that_waited_a_cause() {
    for transport in [Transport::UDP, Transport::QUIC_ONE, Transport::QUIC_MESSAGE, Transport::QUIC_DATAGRAM]
    {
        let plan = plan(transport, "game:25", "delay=20ms,loss=5%");
        let outcome = run(&plan, 1, Default::default(), &StopSignal::default()).unwrap();
        assert_eq!(outcome.budget.n, outcome.messages.delivered, "{transport}");
        let ways = outcome.order_by_direction;
        for order in [&outcome.order, &ways.to_server, &ways.to_client] {
            assert_eq!(order.by_cause.loss, order.blocked, "{transport}");
            assert_eq!(order.blocked > 0, transport == Transport::QUIC_ONE, "{transport}");
        }
    }
}

/// The server cannot have sent what was due before it heard of the client.
#[test]
fn without_warm_up_updates_before_the_server_began_are_not_counted() {
    let transports = [Transport::UDP, Transport::QUIC_MESSAGE, Transport::ARQ_UNORDERED];
    for transport in transports {
        let mut plan = plan(transport, "game:25", "delay=50ms");
        plan.workload.warmup = Duration::ZERO;
        let outcome = run(&plan, 1, Default::default(), &StopSignal::default()).unwrap();
        // The first update arrives after 50 ms: the server skips those due at 0 and at 40 ms.
        let PerDirection { to_server, to_client } = outcome.ages.unwrap();
        assert_eq!((to_server.updates, to_client.updates), (500, 498), "{transport}");
        assert_eq!(outcome.messages.lost + outcome.messages.unfinished, 0, "{transport}");
        assert_eq!((outcome.messages.scheduled, outcome.messages.delivered), (998, 998), "{transport}");
    }
}

#[test]
fn independent_loss_gives_the_age_of_its_closed_form_over_udp() {
    // At an instant that is u of an interval after an update could have arrived, the newest is n intervals older with
    // probability p^n: mean = delay + interval / 2 + interval p / (1 - p).
    let ages = ages(&plan(Transport::UDP, "game:100", "delay=20ms,loss=10%"));
    let expected = 20e6 + 5e6 + 10e6 * 0.1 / 0.9;
    for (way, ages) in ages.iter().enumerate() {
        // Of 2,000 updates; the deviation of the mean is less than 0.1 ms.
        let mean = ages.mean().unwrap() as f64;
        assert!((mean - expected).abs() < 0.3e6, "{way}: {mean} for {expected}");
    }
}

#[test]
fn one_ordered_stream_makes_the_state_several_times_as_old_as_datagrams_do_at_its_worst() {
    let p99 = |transport| {
        let ages = ages(&plan(transport, "game:120", "delay=50ms,loss=2%"));
        ages.iter().map(|ages| ages.percentile(wirelab::stats::Percentile::P99).unwrap()).max().unwrap()
    };
    let (datagrams, stream) = (p99(Transport::UDP), p99(Transport::QUIC_ONE));
    assert!(stream > datagrams * 5 / 2, "{stream} {datagrams}");
}

#[test]
fn a_result_of_games_fits_the_schema_and_says_how_old_the_state_was() {
    let plans = vec![
        plan(Transport::UDP, "game", "delay=50ms,loss=2%"),
        plan(Transport::QUIC_ONE, "game", "delay=50ms,loss=2%"),
    ];
    let file = driven(&Bench::default(), "bench", plans, 2, true).file;
    ResultSchema::new().check(&serde_json::from_str(&to_json(&file)).unwrap()).unwrap();
    let text = to_text(&file, TextOptions::default());
    assert!(text.contains("age p99") && text.contains("old on average"), "{text}");
    assert!(!text.contains("on time"), "{text}");
    let page = to_html(&file);
    assert!(page.contains("data-chart=\"age\"") && !page.contains("data-chart=\"latency\""));
}
