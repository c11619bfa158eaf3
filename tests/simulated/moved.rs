//! Messages of a client whose address changes, in virtual time.

use std::time::Duration;

use crate::{
    driven::driven,
    support::{ResultSchema, workload},
};
use wirelab::{
    experiment::{Bench, Moved, MovedPlan, PathKind, Plan, Wait},
    link::LinkSpec,
    path::Handover,
    report::{Cell, Flag, Migration, ResultFile, to_csv, to_html, to_json, to_markdown},
    transport::{Congestion, FIXED_WINDOW_BYTES, LossDetection, Transport},
    unit::PerDirection,
};

const MS: u64 = 1_000_000;

/// A message of 1000 bytes every `interval` on a link without loss, 25 ms each way, for four seconds. The address
/// changes after two.
fn plan(transport: Transport, change: &str, interval: Duration, congestion: Congestion) -> MovedPlan {
    let link: LinkSpec = "delay=25ms".parse().unwrap();
    let workload = wirelab::experiment::Workload { interval, ..workload(Duration::from_secs(4)) };
    let plan = Plan {
        path: PathKind::Sim,
        transport,
        links: PerDirection::both(link),
        workload,
        congestion,
        loss_detection: LossDetection::default(),
    };
    MovedPlan { plan, rebind: format!("2s:{change}").parse().unwrap(), handover: None }
}

fn usual(transport: Transport, change: &str) -> MovedPlan {
    plan(transport, change, Duration::from_millis(10), Congestion::Fixed(FIXED_WINDOW_BYTES))
}

fn measured(plans: Vec<MovedPlan>) -> ResultFile {
    let driven = driven(&Moved(Bench::default()), "bench", plans, 1, false);
    assert!(driven.problems.is_empty(), "{:?}", driven.problems);
    assert!(driven.file.skipped.is_empty(), "{:?}", driven.file.skipped);
    driven.file
}

fn migration(cell: &Cell) -> &Migration {
    cell.migration.as_ref().unwrap()
}

/// The gap and the time until full speed, in milliseconds.
fn times(migration: &Migration) -> [u64; 2] {
    [migration.gap_ns.p50.unwrap(), migration.full_speed_ns.p50.unwrap()].map(|ns| ns / MS)
}

/// The last reply before the change comes 10 ms before it. Five replies are on their way back or their requests on the
/// way there, and one arrives at the very instant of the change: with the old address, all of them are dropped. The
/// reply to the message that is due at the change comes a round trip after it.
#[test]
fn datagrams_go_on_from_a_new_address_after_one_round_trip() {
    for change in ["port", "ip"] {
        let transports = [Transport::UDP, Transport::UDP_HMAC, Transport::QUIC_DATAGRAM];
        let file = measured(transports.map(|transport| usual(transport, change)).into());
        for cell in &file.cells {
            let found = migration(cell);
            assert_eq!(times(found), [60, 50], "{} {change}: {found:?}", cell.transport);
            assert_eq!((found.lost, found.connections, found.no_service), (5, 0, 0), "{}", cell.transport);
            assert!((found.round_trips.unwrap().get() - 1.0).abs() < 0.01, "{found:?}");
            // At a new IP address, quinn does not count its probe for the MTU.
            let exceeds = cell.transport == "quic-datagram" && change == "ip";
            let is_quic = cell.transport.starts_with("quic");
            assert_eq!(
                found.within_limit,
                is_quic.then_some(!exceeds),
                "{} {change}: {found:?}",
                cell.transport
            );
            assert_eq!(found.unvalidated_ratio.is_some(), is_quic, "{found:?}");
            assert!(found.unvalidated_ratio.is_none_or(|ratio| ratio.get() < 4.0), "{found:?}");
            let messages = cell.messages.as_ref().unwrap();
            assert_eq!(messages.lost, 5);
        }
        let udp = migration(&file.cells[0]);
        assert_eq!(udp.unroutable_packets, 5);
    }
}

/// QUIC sends the five replies again. A stream per message is back after a round trip like datagrams; with an order
/// over all messages, the first reply waits for them.
#[test]
fn quic_migrates_loses_nothing_and_repeats_what_was_in_flight() {
    let transports = [Transport::QUIC_MESSAGE, Transport::QUIC_FLOW, Transport::QUIC_ONE];
    let file = measured(transports.map(|transport| usual(transport, "port")).into());
    for cell in &file.cells {
        let found = migration(cell);
        let messages = cell.messages.as_ref().unwrap();
        assert_eq!((messages.unfinished, found.lost, found.connections), (0, 0, 0), "{}", cell.transport);
        assert_eq!(found.resent_bytes, 5_000, "{}: {found:?}", cell.transport);
        assert_eq!(found.within_limit, Some(true), "{}: {found:?}", cell.transport);
        assert!(cell.hol.is_some() && cell.recovery.is_some(), "{}", cell.transport);
    }
    assert_eq!(times(migration(&file.cells[0])), [60, 50]);
    let [gap, _] = times(migration(&file.cells[2]));
    assert!((100..200).contains(&gap), "{gap}");
}

/// RFC 9000 section 9.3.1. A request of 100 bytes comes from the new address in a packet of 131, and its reply has 30
/// kB. The server may send three times what came; quinn sends one datagram with its PATH_CHALLENGE, which it pads to
/// 1200 bytes (section 8.2.1 would forbid that here). It waits for the answer, and only then sends the rest: one round
/// trip more.
#[test]
fn a_large_reply_waits_until_the_new_address_is_validated() {
    let mut plan = plan(
        Transport::QUIC_MESSAGE,
        "port",
        Duration::from_millis(100),
        Congestion::Fixed(FIXED_WINDOW_BYTES),
    );
    (plan.plan.workload.length, plan.plan.workload.reply_length) = (100, 30_000);
    let file = measured(vec![plan]);
    let found = migration(&file.cells[0]);
    // The last reply before the change came at -50 ms, and the first after it comes at 100 ms. The next message is due
    // then.
    assert_eq!(times(found), [150, 150], "{found:?}");
    let factor = found.unvalidated_ratio.unwrap().get();
    assert!((factor - 1200.0 / 131.0).abs() < 0.01, "{factor}");
    assert_eq!((found.within_limit, found.connections), (Some(false), 0));
}

/// RFC 9000 section 9.4: the window begins anew at a new IP address, and may stay at a new port.
#[test]
fn quic_begins_with_a_new_window_at_a_new_ip_address_only() {
    let fast = |change| plan(Transport::QUIC_MESSAGE, change, Duration::from_micros(500), Congestion::Cubic);
    let file = measured(vec![fast("port"), fast("ip")]);
    let [port, ip] = [0, 1].map(|row| migration(&file.cells[row]).round_trips.unwrap().get());
    assert!(port < 1.1, "{port}");
    // 100 kB are in flight in a round trip, and the window begins at 12 kB.
    assert!((3.0..12.0).contains(&ip), "{ip}");
}

/// Neither DTLS nor ARQ recognises a client at another address. The client hears nothing for a second and connects
/// again.
#[test]
fn what_is_bound_to_the_old_address_breaks_and_the_client_connects_again() {
    let file = measured([Transport::DTLS, Transport::ARQ_SELECTIVE].map(|t| usual(t, "port")).into());
    for cell in &file.cells {
        let found = migration(cell);
        let [gap, _] = times(found);
        assert!((1_100..1_400).contains(&gap), "{}: {found:?}", cell.transport);
        assert_eq!((found.connections, found.no_service), (1, 0), "{}: {found:?}", cell.transport);
        assert!(cell.hol.is_none() && cell.recovery.is_none());
        assert!(found.unvalidated_ratio.is_none() && found.within_limit.is_none(), "{found:?}");
    }
    let [dtls, arq] = [0, 1].map(|row| migration(&file.cells[row]));
    // Everything due in the silent second and before its handshake's end, except what waited for the handshake.
    assert!((100..115).contains(&dtls.lost), "{dtls:?}");
    assert_eq!(dtls.resent_bytes, 0);
    assert_eq!(arq.lost, 0);
    assert_eq!(file.cells[1].messages.as_ref().unwrap().unfinished, 0);
    // The five requests in flight had been answered: their replies are repeated too.
    assert_eq!(arq.resent_bytes, (arq.resent_requests + 5) * 1000, "{arq:?}");
}

/// Between the networks everything is lost. The message that is due at the end of the outage is answered after a round
/// trip of the other network.
#[test]
fn after_an_outage_the_other_network_carries_what_goes_on() {
    let handed_over = |transport| {
        let plan = usual(transport, "ip");
        let after = PerDirection::both("delay=40ms,rate=20mbit".parse().unwrap());
        MovedPlan { handover: Some(Handover { outage: Duration::from_millis(300), after }), ..plan }
    };
    let file = measured([Transport::UDP, Transport::QUIC_MESSAGE].map(handed_over).into());
    for cell in &file.cells {
        let found = migration(cell);
        let [gap, _] = times(found);
        // 300 ms, 80 ms, the interval, and the serialisation of the reply and of what QUIC sends before it.
        assert!((390..394).contains(&gap), "{}: {found:?}", cell.transport);
        assert_eq!((found.connections, found.outage_ns), (0, Some(300 * MS)));
    }
    let [udp, quic] = [0, 1].map(|row| migration(&file.cells[row]));
    assert_eq!(udp.lost, 35, "five before the outage and thirty in it");
    assert_eq!(quic.lost, 0);
    assert_eq!(file.cells[1].messages.as_ref().unwrap().unfinished, 0);
    // The replies that were under way. What is sent without a network does not enter the link, so it enters once.
    assert_eq!(quic.resent_bytes, 5_000, "{quic:?}");
    let json: serde_json::Value = serde_json::from_str(&to_json(&file)).unwrap();
    ResultSchema::new().check(&json).unwrap();
    assert_eq!(json["cells"][0]["migration"]["after"]["to_server"]["delay_ns"], 40 * MS);
}

/// The client knows that it has no network, and it knows the round trip of the other one. So neither makes it give up a
/// connection that goes on.
#[test]
fn a_long_outage_and_a_slow_network_are_not_taken_for_a_broken_connection() {
    let handed_over = |transport, outage, after: &str| {
        let after = PerDirection::both(after.parse().unwrap());
        let mut moved = MovedPlan { handover: Some(Handover { outage, after }), ..usual(transport, "ip") };
        moved.plan.workload.duration = Duration::from_secs(12);
        moved
    };
    for (outage_ms, after, round_trip_ms) in [(1500, "delay=40ms", 80), (300, "delay=3s", 6000)] {
        let outage = Duration::from_millis(outage_ms);
        let of = |transport| handed_over(transport, outage, after);
        let file = measured([Transport::UDP, Transport::QUIC_MESSAGE].map(of).into());
        let [udp, quic] = [0, 1].map(|row| migration(&file.cells[row]));
        for found in [udp, quic] {
            assert_eq!((found.connections, found.no_service), (0, 0), "{after}: {found:?}");
        }
        let gap = outage_ms + round_trip_ms + 10;
        let found = [udp, quic].map(|found| found.gap_ns.p50.unwrap() / MS);
        assert_eq!((found[0], udp.lost), (gap, 5 + outage_ms / 10), "{after}: {udp:?}");
        assert!(found[1] >= gap, "{after}: {quic:?}");
        // The run waits for as long as the other network needs.
        assert_eq!(
            (quic.lost, file.cells[1].messages.as_ref().unwrap().unfinished),
            (0, 0),
            "{after}: {quic:?}"
        );
    }
}

/// On one stream, no reply that was due after the change comes before those that the change dropped: in a short run, not
/// before its last message. Nothing but the time that the run waits decides whether they come.
#[test]
fn what_is_still_under_way_over_a_slow_network_is_awaited_and_not_counted_as_lost() {
    let run = |after: &str, times: u32| {
        let outage = Duration::from_millis(300);
        let handover = Some(Handover { outage, after: PerDirection::both(after.parse().unwrap()) });
        let mut moved = MovedPlan { handover, ..usual(Transport::QUIC_ONE, "ip") };
        moved.plan.workload.wait = Wait { times, most: Duration::from_secs(4) };
        let file = measured(vec![moved]);
        let unfinished = file.cells[0].messages.as_ref().unwrap().unfinished;
        (migration(&file.cells[0]).clone(), unfinished)
    };
    let (found, unfinished) = run("delay=3s", 3);
    assert_eq!((found.no_service, found.lost, unfinished), (0, 0, 0), "{found:?}");
    // Two round trips: the first tells both ends what was lost.
    let gap = found.gap_ns.p50.unwrap() / MS;
    assert!((12_310..12_500).contains(&gap), "{found:?}");
    // Whoever does not want to wait that long sees unfinished messages, and no loss.
    let (found, unfinished) = run("delay=3s", 1);
    assert_eq!((found.no_service, found.lost), (1, 0), "{found:?}");
    assert!(unfinished > 0);
}

/// A video of small frames, or a game, on the usual link, with the same change.
fn of_application(transport: Transport, application: &str, handover: Option<Handover>) -> MovedPlan {
    let moved = usual(transport, "ip");
    let workload = moved.plan.workload.clone().carrying(application.parse().unwrap());
    MovedPlan { plan: Plan { workload, ..moved.plan }, handover, ..moved }
}

/// A change to a link of 40 ms each way after 300 ms without a network.
fn to_slower() -> Handover {
    Handover { outage: Duration::from_millis(300), after: PerDirection::both("delay=40ms".parse().unwrap()) }
}

/// A frame every 20 ms that refers to no other.
const CALL: &str = "video:50:400kbit:0s";

/// The frame due at 1.98 s is the last before the outage and arrives at 2.005 s over the first link. The one due at
/// 2.3 s is the first after it and arrives at 2.34 s: 335 ms later.
#[test]
fn a_call_over_datagrams_loses_the_frames_of_the_outage_and_no_others() {
    let transports = [Transport::UDP, Transport::UDP_HMAC, Transport::QUIC_DATAGRAM];
    let file = measured(transports.map(|udp| of_application(udp, CALL, Some(to_slower()))).into());
    for cell in &file.cells {
        let found = migration(cell);
        assert_eq!(times(found)[0], 335, "{}: {found:?}", cell.transport);
        // A few sizes are of two messages.
        assert!((15..=30).contains(&found.lost), "{}: {found:?}", cell.transport);
        assert_eq!((found.connections, found.no_service), (0, 0), "{}", cell.transport);
        let video = cell.video.as_ref().unwrap();
        assert_eq!((video.frames, video.shown, video.incomplete), (200, 185, 15), "{}", cell.transport);
        assert_eq!((video.freezes, video.longest_freeze_ns), (1, Some(300 * MS)), "{}", cell.transport);
    }
}

/// QUIC repeats what was lost. Those frames are late, and with frames that refer to each other they make the others
/// useful again.
#[test]
fn a_call_over_quic_streams_loses_nothing_and_is_late() {
    let file = measured(vec![of_application(Transport::QUIC_MESSAGE, CALL, Some(to_slower()))]);
    let (found, video) = (migration(&file.cells[0]), file.cells[0].video.as_ref().unwrap());
    assert_eq!((found.connections, found.lost, video.incomplete), (0, 0, 0), "{found:?}");
    assert!(video.late >= 8 && video.shown + video.late == 200, "{video:?}");
    assert!(times(found)[0] >= 335 && times(found)[0] < 400, "{found:?}");
}

/// The client hears no report for a second. Then it connects again and goes on with the next frame.
#[test]
fn a_call_whose_connection_breaks_goes_on_over_another() {
    let broken = [Transport::DTLS, Transport::ARQ_SELECTIVE];
    let file = measured(broken.map(|transport| of_application(transport, CALL, None)).into());
    for cell in &file.cells {
        let (found, video) = (migration(cell), cell.video.as_ref().unwrap());
        assert_eq!((found.connections, found.no_service), (1, 0), "{}: {found:?}", cell.transport);
        assert!((1_000..1_400).contains(&times(found)[0]), "{}: {found:?}", cell.transport);
        assert_eq!(found.resent_requests, 0);
        assert_eq!(video.frames, video.shown + video.incomplete, "{}: {video:?}", cell.transport);
        assert!((50..70).contains(&video.incomplete), "{}: {video:?}", cell.transport);
        assert_eq!((video.freezes, cell.hol.is_none()), (1, true));
        are_given_up(cell);
    }
}

/// The client does not send again what its old connection had not brought: that is lost, and not still under way.
fn are_given_up(cell: &Cell) {
    let (found, messages) = (migration(cell), cell.messages.as_ref().unwrap());
    assert_eq!((messages.unfinished, messages.lost), (0, found.lost), "{}: {messages:?}", cell.transport);
    assert!(found.lost >= 50, "{}: {found:?}", cell.transport);
    assert!(!cell.flags.contains(&Flag::Unfinished), "{}: {:?}", cell.transport, cell.flags);
}

/// The server's reports end with the call, and the client sends frames after the last report has arrived. That nothing
/// comes while it waits for the last frames is no silence of a broken connection.
#[test]
fn the_silence_after_a_call_is_not_taken_for_a_broken_connection() {
    let with = |transport, congestion| {
        let mut moved = of_application(transport, "video", Some(to_slower()));
        moved.plan.workload.duration = Duration::from_secs(6);
        moved.plan.congestion = congestion;
        moved
    };
    let fixed = |transport| with(transport, Congestion::Fixed(FIXED_WINDOW_BYTES));
    let mut plans: Vec<MovedPlan> =
        [Transport::QUIC_ONE, Transport::QUIC_FLOW, Transport::QUIC_MESSAGE].map(fixed).into();
    plans.push(with(Transport::QUIC_DATAGRAM, Congestion::Cubic));
    for cell in &measured(plans).cells {
        let found = migration(cell);
        assert_eq!((found.connections, found.no_service), (0, 0), "{}: {found:?}", cell.transport);
    }
}

/// What an outage loses is no random loss, so the controller did not mistake one.
#[test]
fn the_losses_of_a_handover_are_not_called_random() {
    let with = |loss: &str| {
        let mut moved = of_application(Transport::QUIC_MESSAGE, "game", Some(to_slower()));
        let link: LinkSpec = format!("delay=25ms,loss={loss}").parse().unwrap();
        (moved.plan.congestion, moved.plan.links) = (Congestion::Cubic, PerDirection::both(link));
        // Few bytes, so the window is no limit.
        (moved.plan.workload.length, moved.plan.workload.reply_length) = (100, 100);
        moved
    };
    let file = measured(vec![with("0%"), with("1%")]);
    let is_flagged = |row: usize| file.cells[row].flags.contains(&Flag::Congested);
    assert!(!is_flagged(0) && is_flagged(1), "{:?} {:?}", file.cells[0].flags, file.cells[1].flags);
}

/// A queue of one bandwidth-delay product is one of the other network there.
#[test]
fn a_queue_in_bandwidth_delay_products_follows_the_other_network() {
    let mut links = PerDirection::both("delay=25ms,rate=5mbit,queue=1bdp".parse().unwrap());
    wirelab::link::resolve_queues(&mut links);
    assert_eq!(links.to_server.queue.to_string(), "31250B");
    let outage: wirelab::experiment::Outage = "2s:300ms".parse().unwrap();
    let queue = |after: &str| outage.handover(Some(after), &links).unwrap().after.to_server.queue.to_string();
    assert_eq!(queue("delay=100ms"), "125KB");
    assert_eq!(queue("delay=100ms,queue=40p"), "40p");
    assert_eq!(outage.handover(None, &links).unwrap().after, links);
}

/// A new port stops nothing that the client sends.
#[test]
fn a_call_does_not_stop_for_a_new_port() {
    let moved = of_application(Transport::UDP, CALL, None);
    let file = measured(vec![MovedPlan { rebind: "2s:port".parse().unwrap(), ..moved }]);
    let (found, video) = (migration(&file.cells[0]), file.cells[0].video.as_ref().unwrap());
    assert_eq!((times(found), found.lost), ([20, 25], 0), "{found:?}");
    assert_eq!((video.shown, video.frames), (200, 200));
    // Only reports are lost, at most those of a round trip.
    assert!(found.unroutable_packets <= 1, "{found:?}");
}

/// The client's updates arrive at once from the new address. The server's are lost until the first of them has arrived:
/// those of a round trip.
#[test]
fn a_game_misses_the_servers_updates_of_a_round_trip() {
    let moved = of_application(Transport::UDP, "game:100", None);
    let file = measured(vec![MovedPlan { rebind: "2s:port".parse().unwrap(), ..moved }]);
    let (found, game) = (migration(&file.cells[0]), file.cells[0].game.as_ref().unwrap());
    // The last before the change arrives 5 ms before it. One that the server sends at 2.03 s is the first that arrives.
    assert_eq!(times(found)[0], 60, "{found:?}");
    assert_eq!(found.lost, 5, "{found:?}");
    assert_eq!(game.to_server.max_ns, Some(35 * MS));
    assert_eq!(game.to_client.max_ns, Some(85 * MS));
    assert_eq!(found.connections, 0);
}

#[test]
fn a_game_connects_again_and_repeats_no_old_update() {
    let file = measured(
        [Transport::DTLS, Transport::ARQ_SELECTIVE, Transport::QUIC_MESSAGE]
            .map(|transport| of_application(transport, "game:100", None))
            .into(),
    );
    for cell in &file.cells {
        let found = migration(cell);
        let survives = cell.transport == "quic-message";
        assert_eq!(found.connections, u64::from(!survives), "{}: {found:?}", cell.transport);
        assert_eq!((found.resent_requests, found.no_service), (0, 0), "{}: {found:?}", cell.transport);
        let gap = times(found)[0];
        assert_eq!((1_000..1_400).contains(&gap), !survives, "{}: {found:?}", cell.transport);
    }
    file.cells[..2].iter().for_each(are_given_up);
    let messages = file.cells[2].messages.as_ref().unwrap();
    assert_eq!(messages.unfinished, 0, "QUIC repeats what was lost");
}

/// Every reply arrives again a second later, at an address that the client no longer has if that is after the change.
#[test]
fn copies_that_arrive_after_the_change_are_dropped_and_their_packets_are_not_lost() {
    let replayed = |transport| {
        let moved = usual(transport, "port");
        let links =
            PerDirection { to_client: "delay=25ms,replay=100%".parse().unwrap(), ..moved.plan.links.clone() };
        MovedPlan { plan: Plan { links, ..moved.plan }, ..moved }
    };
    let file = measured([Transport::UDP, Transport::QUIC_ONE].map(replayed).into());
    let [udp, quic] = [0, 1].map(|row| (migration(&file.cells[row]), &file.cells[row]));
    assert_eq!((times(udp.0), udp.0.lost), ([60, 50], 5), "{:?}", udp.0);
    // The copies of the hundred that arrived in the second before, and the five that were lost, twice each.
    assert!((109..=111).contains(&udp.0.unroutable_packets), "{:?}", udp.0);
    assert_eq!((quic.0.lost, quic.0.connections), (0, 0), "{:?}", quic.0);
    assert!(quic.0.unroutable_packets > 100, "{:?}", quic.0);
    let messages = quic.1.messages.as_ref().unwrap();
    assert_eq!((messages.unfinished, messages.delivered), (0, 400));
}

#[test]
fn every_format_reports_a_call_that_moves() {
    let plan = of_application(Transport::UDP, CALL, Some(to_slower()));
    let driven = driven(&Moved(Bench::default()), "bench", vec![plan], 1, true);
    ResultSchema::new().check(&serde_json::from_str(&to_json(&driven.file)).unwrap()).unwrap();
    let words = to_markdown(&driven.file);
    assert!(words.contains("udp went on from the new address: nothing arrived for 335 ms"), "{words}");
    assert!(words.contains("as fast as that network allows after"), "{words}");
    assert!(words.contains(" packets lost"), "{words}");
    let change = "no network after 2 s for 300 ms, then another: 80 ms round trip, no loss";
    assert!(words.contains(change), "{words}");
    let csv = to_csv(&driven.file);
    let row = csv.lines().map(|line| line.split(',').collect::<Vec<_>>()).collect::<Vec<_>>();
    let column = row[0].iter().position(|name| *name == "migration_after_to_server_delay_ns").unwrap();
    assert_eq!(row[1][column], "40000000");
    let page = to_html(&driven.file);
    assert!(page.contains("address changed, 2 s") && page.contains("network again, 2.3 s"), "no lines");
}

#[test]
fn every_format_reports_the_change() {
    let file = measured(vec![usual(Transport::UDP, "port"), usual(Transport::ARQ_SELECTIVE, "port")]);
    ResultSchema::new().check(&serde_json::from_str(&to_json(&file)).unwrap()).unwrap();
    let page = to_markdown(&file);
    assert!(page.contains("When the client's address changed"), "{page}");
    assert!(page.contains("; new port after 2 s"), "{page}");
    assert!(page.contains("without a reply (in a call or game: without an arrival)"), "{page}");
    assert!(page.contains("udp went on from the new address: no reply for 60.0 ms"), "{page}");
    assert!(page.contains("arq-selective was silent, and the client connected again once"), "{page}");
    assert!(to_csv(&file).contains(",migration_gap_p50_ns,"));
    assert_eq!(file.cells[0].theory_reason.as_deref(), Some("the client's address changes"));
}

/// The table of all points has the gap, and so has a curve.
#[test]
fn a_matrix_of_moves_shows_what_each_cost() {
    let plan = |(rtt_ms, transport): (u64, Transport)| {
        let mut moved = usual(transport, "port");
        moved.plan.links = PerDirection::both(format!("delay={}ms", rtt_ms / 2).parse().unwrap());
        moved
    };
    let rows =
        [20, 60, 100].into_iter().flat_map(|rtt| [(rtt, Transport::UDP), (rtt, Transport::ARQ_SELECTIVE)]);
    let page = to_markdown(&measured(rows.map(plan).collect()));
    let (summary, _) = page.split_once("<details>").unwrap_or((&page, ""));
    assert!(summary.contains("| lost in it |"), "{page}");
    for (row, gap) in [("round trip 20 ms", "30.0 ms"), ("round trip 100 ms", "110 ms")] {
        let row = summary.lines().find(|line| line.starts_with("| udp") && line.contains(row)).unwrap();
        assert!(row.contains(gap), "{row}");
    }
    assert!(summary.contains("gap by round trip"), "{page}");
    let gaps = "30.0 ms at round trip 20 ms; 70.0 ms at round trip 60 ms; 110 ms at round trip 100 ms";
    assert!(summary.contains(&format!("udp: no reply for {gaps}")), "{page}");
    assert!(summary.contains(" s, with a new connection at round trip 20 ms; "), "{page}");
}

#[test]
fn a_change_is_read_with_what_changes() {
    let read = |text: &str| text.parse::<wirelab::experiment::Rebind>().map(|rebind| rebind.to_string());
    assert_eq!(read("5s"), Ok("5s:port".to_owned()));
    assert_eq!(read("1m30s:ip"), Ok("90s:ip".to_owned()));
    for wrong in ["", "5", "0s", "5s:mac", "5s:port:ip"] {
        assert!(read(wrong).is_err(), "{wrong}");
    }
    let read = |text: &str| text.parse::<wirelab::experiment::Outage>().map(|outage| outage.to_string());
    assert_eq!(read("5s:300ms"), Ok("5s:300ms".to_owned()));
    assert_eq!(read("5s:0ms"), Ok("5s:0ms".to_owned()));
    for wrong in ["5s", "5s:", "0s:1s", "5s:1s:1s"] {
        assert!(read(wrong).is_err(), "{wrong}");
    }
}
