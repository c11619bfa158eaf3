//! Loads of a page in virtual time: round trips, what loads wait for, and what results say.

use crate::{driven::driven, support::ResultSchema};
use wirelab::{
    capture::Recording,
    experiment::{
        Experiment, PathKind,
        page::{Listed, Mode, Page, PageOutcome, PagePlan, Pages, load_page},
    },
    link::LinkSpec,
    path::StopSignal,
    report::{TextOptions, to_csv, to_html, to_json, to_text},
    transport::{Congestion, LossDetection, Transport},
    unit::PerDirection,
};

const ROUND_TRIP: u64 = 50_000_000;

fn plan(transport: Transport, page: Page, link: &str) -> PagePlan {
    let link: LinkSpec = link.parse().unwrap();
    PagePlan {
        path: PathKind::Sim,
        transport,
        links: PerDirection::both(link),
        congestion: Congestion::Cubic,
        loss_detection: LossDetection::default(),
        page,
        mode: Mode::Cold,
        connections: 1,
        flows: 4,
        loads: 3,
    }
}

fn listed(objects: &str) -> Page {
    Page::Listed(Listed::parse("test", objects).unwrap())
}

fn usual() -> Page {
    "30".parse().unwrap()
}

fn loads(plan: &PagePlan) -> PageOutcome {
    let outcome = load_page(plan, 1, true, &StopSignal::default(), &Recording::default()).unwrap();
    assert_eq!((outcome.loads, outcome.failed), (plan.loads, 0), "{}: {:?}", plan.transport, outcome.problem);
    outcome
}

/// Transports that carry a page in virtual time.
fn able() -> impl Iterator<Item = Transport> {
    Transport::all().filter(|transport| !transport.uses_kernel_tcp() && !transport.is_datagram())
}

fn only(times: &wirelab::stats::Histogram) -> u64 {
    assert_eq!(times.min(), times.max(), "the loads differ");
    times.min().unwrap()
}

#[test]
fn a_page_that_is_known_at_once_takes_a_round_trip_and_a_chain_one_more_for_each_object() {
    let chain = |depth: usize| {
        let objects = (1..=depth).map(|after| format!("1000,{after}"));
        listed(&std::iter::once("1000".to_owned()).chain(objects).collect::<Vec<_>>().join("\n"))
    };
    for transport in able() {
        for depth in [0, 1, 5] {
            let outcome = loads(&plan(transport, chain(depth), "delay=25ms"));
            // Every connection takes one round trip: QUIC's handshake, and that of ARQ.
            assert_eq!(only(&outcome.connect), ROUND_TRIP, "{transport}");
            assert_eq!(only(&outcome.first_byte), 2 * ROUND_TRIP, "{transport}");
            assert_eq!(only(&outcome.all), (2 + depth as u64) * ROUND_TRIP, "{transport}, {depth}");
        }
    }
}

#[test]
fn with_early_data_the_first_byte_comes_a_round_trip_earlier() {
    for transport in [Transport::QUIC_ONE, Transport::QUIC_FLOW, Transport::QUIC_MESSAGE] {
        let of = |mode| {
            let plan = plan(transport, listed("2000\n1000,1\n1000,1"), "delay=25ms");
            loads(&PagePlan { mode, ..plan })
        };
        let figures = |outcome: &PageOutcome| {
            [&outcome.connect, &outcome.first_byte, &outcome.all].map(|times| only(times) / ROUND_TRIP)
        };
        assert_eq!(figures(&of(Mode::Cold)), [1, 2, 3], "{transport}");
        assert_eq!(figures(&of(Mode::Resumed)), [1, 2, 3], "{transport}");
        assert_eq!(figures(&of(Mode::ZeroRtt)), [0, 1, 2], "{transport}");
    }
}

/// A rate alone delays: 10 answers of 10 kB are 100 kB, and headers.
#[test]
fn what_a_page_takes_beyond_its_round_trips_is_the_time_on_the_wire() {
    let objects: String = (0..9).map(|_| "10000,1\n").collect();
    let page = listed(&format!("10000\n{objects}"));
    for transport in [Transport::QUIC_ONE, Transport::QUIC_MESSAGE] {
        let plan = PagePlan {
            congestion: Congestion::Fixed(1_000_000),
            ..plan(transport, page.clone(), "delay=25ms,rate=10mbit")
        };
        let outcome = loads(&plan);
        let payload = 100_000 * 8 * 100;
        // Connection ids are drawn anew for each load, so handshakes differ by some bytes.
        for all in [outcome.all.min().unwrap(), outcome.all.max().unwrap()] {
            let sending = all - 3 * ROUND_TRIP;
            assert!((payload..payload * 6 / 5).contains(&sending), "{transport}: {sending} ns");
        }
    }
}

#[test]
fn every_page_is_complete_at_2_percent_loss_and_what_it_waited_for_adds_up() {
    for transport in able() {
        // Stop-and-wait takes a round trip for each message.
        let plan = plan(transport, "10:4KB".parse().unwrap(), "delay=25ms,loss=2%,rate=20mbit");
        let outcome = loads(&plan);
        let phases = outcome.phases;
        let sum = phases.connecting_ns + phases.waiting_ns + phases.request_ns + phases.receiving_ns;
        let mean = outcome.all.summary().mean.unwrap();
        assert!(sum.abs_diff(mean * plan.loads) <= plan.loads, "{transport}: {sum}, {mean}");
        let waterfall = outcome.waterfall.unwrap();
        assert_eq!(waterfall.bars.len(), 11);
        for bar in &waterfall.bars {
            let known = bar.after.map_or(0, |after| waterfall.bars[after as usize - 1].complete_ns);
            assert_eq!(bar.known_ns, known, "{transport}: {bar:?}");
            assert!(bar.known_ns <= bar.connecting_from_ns, "{transport}: {bar:?}");
            assert!(bar.connecting_from_ns + bar.connecting_ns <= bar.sent_ns, "{transport}: {bar:?}");
            assert!(bar.sent_ns < bar.first_byte_ns && bar.first_byte_ns <= bar.complete_ns, "{bar:?}");
        }
    }
}

#[test]
fn packets_that_were_sent_again_are_counted_over_complete_loads() {
    for transport in able() {
        let resent = |link: &str| loads(&plan(transport, "10:4KB".parse().unwrap(), link)).resent;
        assert_eq!(resent("delay=25ms"), Some(0), "{transport}");
        // The link numbers packets over all loads, so one load loses one: a packet of an answer.
        let (mut lossy, page) =
            (plan(transport, "10:4KB".parse().unwrap(), "delay=25ms"), "delay=25ms,loss=drop:30");
        lossy.links.to_client = page.parse().unwrap();
        let resent = loads(&lossy).resent.unwrap();
        // Go-Back-N sends everything behind the lost segment again.
        let goes_back = transport == Transport::ARQ_GO_BACK_N;
        assert!(if goes_back { resent > 1 } else { resent == 1 }, "{transport}: {resent}");
    }
}

/// The known difference between HTTP/2 and HTTP/3: a loss on one ordered stream holds back every object behind it.
/// Objects of one packet show this effect alone, because their answers cannot be interleaved.
#[test]
fn with_loss_a_stream_for_each_object_is_faster_to_each_object_than_one_ordered_stream() {
    let page = listed(&format!("1000\n{}", "1000,1\n".repeat(60)));
    let each = |transport| {
        let congestion = Congestion::Fixed(1_000_000);
        let plan = PagePlan { loads: 40, congestion, ..plan(transport, page.clone(), "delay=50ms,loss=2%") };
        loads(&plan).each.summary().mean.unwrap()
    };
    let (one, many) = (each(Transport::QUIC_ONE), each(Transport::QUIC_MESSAGE));
    // Nearly every load loses an answer, and on average half of the others are behind it.
    assert!(many + 20_000_000 < one, "{many} {one}");
}

#[test]
fn transports_that_lose_messages_carry_no_page() {
    for transport in Transport::all().filter(|transport| transport.is_datagram()) {
        let refusal = Pages::refusal(&plan(transport, usual(), "delay=25ms"));
        assert!(refusal.is_some_and(|why| why.contains("reliable transport")), "{transport}");
    }
}

#[test]
fn a_load_that_is_not_complete_within_a_minute_has_failed_and_the_result_says_so() {
    let plan = plan(Transport::QUIC_ONE, usual(), "delay=25ms,loss=outage:100ms:1h");
    let driven = driven(&Pages, "bench", vec![PagePlan { loads: 1, ..plan }], 1, false);
    assert_eq!(driven.succeeded, 0);
    let page = driven.file.cells[0].page.clone().unwrap();
    assert_eq!((page.loads, page.complete, page.failed), (1, 0, 1));
    assert_eq!((page.complete_ns.n, page.phases_mean_ns), (0, None));
    let text = to_text(&driven.file, TextOptions::default());
    assert!(text.contains("1 of 1 load failed"), "{text}");
}

#[test]
fn results_have_the_figures_the_waterfall_and_sentences() {
    let transports = [Transport::QUIC_ONE, Transport::QUIC_MESSAGE];
    let modes = [Mode::Cold, Mode::ZeroRtt];
    let plans = transports.into_iter().flat_map(|transport| {
        modes.map(|mode| PagePlan { mode, ..plan(transport, usual(), "delay=25ms,loss=1%,rate=20mbit") })
    });
    let driven = driven(&Pages, "bench", plans.collect(), 3, true);
    ResultSchema::new().check(&serde_json::from_str(&to_json(&driven.file)).unwrap()).unwrap();
    assert_eq!(driven.file.cells.len(), 4);
    for cell in &driven.file.cells {
        let page = cell.page.as_ref().unwrap();
        assert_eq!((page.objects, page.loads, page.complete), (31, 9, 9));
        assert_eq!((page.each_object_ns.n, page.complete_ns.n), (9 * 31, 9));
        assert_eq!(cell.pictures.as_ref().unwrap().waterfall.as_ref().unwrap().seed, 1);
    }
    let text = to_text(&driven.file, TextOptions { details: true, ..TextOptions::default() });
    for said in
        ["the page was complete after", "over quic-message 0rtt", "for first bytes", "first byte", "31 after"]
    {
        assert!(text.contains(said), "{said}: {text}");
    }
    let html = to_html(&driven.file);
    assert_eq!(html.matches("data-chart=\"waterfall\"").count(), 4);
    assert!(to_csv(&driven.file).contains("page_complete_p50_ns"));
}

#[test]
fn loads_end_soon_after_an_interrupt_with_what_is_done() {
    let stop = StopSignal::default();
    stop.set();
    let plan = plan(Transport::QUIC_ONE, usual(), "delay=25ms");
    let outcome = load_page(&plan, 1, false, &stop, &Recording::default());
    assert_eq!(outcome.unwrap_err().to_string(), "interrupted");
}
