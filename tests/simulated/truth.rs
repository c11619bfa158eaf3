//! What really happened to packets that their senders declared lost, in virtual time and counted by hand.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use wirelab::{
    experiment::{
        Observers, Outcome, PacketEvent, PathKind, Plan, Wait, Workload,
        application::Application,
        run,
        transfer::{Direction, TransferPlan, transfer},
    },
    path::{Side, StopSignal},
    report::Arrivals,
    tap::{Found, LossCause, TruthFigures},
    transfer::{Content, Watch},
    transport::{Congestion, LossDetection, TimeThreshold, Transport},
    unit::{Mutex, PerDirection, Rate, Time},
};

const MS: Duration = Duration::from_millis(1);

/// A message of 1,000 bytes every `every`, and a reply as long, on links of 25 ms.
fn plan(transport: Transport, [to_server, to_client]: [&str; 2], every: Duration, messages: u32) -> Plan {
    let link = |settings: &str| format!("delay=25ms,{settings}").trim_end_matches(',').parse().unwrap();
    Plan {
        path: PathKind::Sim,
        transport,
        links: PerDirection { to_server: link(to_server), to_client: link(to_client) },
        congestion: Congestion::Fixed(10_000_000),
        loss_detection: LossDetection::default(),
        workload: Workload {
            application: Application::Messages,
            flows: 4,
            interval: every,
            length: 1000,
            reply_length: 1000,
            arrivals: Arrivals::Isochronous,
            warmup: Duration::ZERO,
            duration: every * messages,
            wait: Wait { times: 1000, most: Duration::from_secs(10) },
            deadline: MS * 100,
        },
    }
}

fn outcome(plan: &Plan, seed: u64) -> Outcome {
    let observers = Observers { follows_losses: true, ..Observers::default() };
    run(plan, seed, observers, &StopSignal::default()).unwrap()
}

fn truth(plan: &Plan, seed: u64) -> TruthFigures {
    outcome(plan, seed).truth.expect("the link is emulated")
}

/// Resent, needless, false, undeclared.
fn counts(truth: &TruthFigures) -> [u64; 4] {
    [truth.resent, truth.needless, truth.false_losses, truth.undeclared]
}

fn found(truth: &TruthFigures, cause: LossCause) -> Found {
    truth.by_cause[cause as usize]
}

const RETRANSMITTING: [Transport; 6] = [
    Transport::ARQ_GO_BACK_N,
    Transport::ARQ_SELECTIVE,
    Transport::ARQ_UNORDERED,
    Transport::QUIC_ONE,
    Transport::QUIC_FLOW,
    Transport::QUIC_MESSAGE,
];

#[test]
fn without_loss_and_reordering_nothing_is_sent_again_and_datagrams_have_no_truth() {
    for transport in RETRANSMITTING.into_iter().chain([Transport::ARQ_STOP_AND_WAIT, Transport::DTLS]) {
        let truth = truth(&plan(transport, [""; 2], MS * 10, 100), 1);
        assert_eq!((counts(&truth), truth.detection.n()), ([0; 4], 0), "{transport}");
    }
    for transport in [Transport::UDP, Transport::UDP_HMAC] {
        assert!(outcome(&plan(transport, [""; 2], MS * 10, 10), 1).truth.is_none(), "{transport}");
    }
}

/// The link drops packets and keeps their order, so every packet that is declared lost was lost. 1,000 messages each
/// way: about 20 packets with data are lost. All seeds are fixed.
#[test]
fn with_loss_alone_no_loss_is_false_and_no_copy_needless() {
    for transport in RETRANSMITTING {
        for seed in 1..=5 {
            let outcome = outcome(&plan(transport, ["loss=1%"; 2], MS * 10, 1000), seed);
            let truth = outcome.truth.as_ref().unwrap();
            assert_eq!((truth.needless, truth.false_losses), (0, 0), "{transport}, seed {seed}");
            // Only the last packet of each end may be lost and never declared lost.
            let found = truth.detection.n();
            assert!(found >= 8 && truth.undeclared <= 2, "{transport}, seed {seed}: {truth:?}");
            let wire = outcome.wire.unwrap();
            // Lost acknowledgements are never declared lost.
            let lost = wire.to_server.lost + wire.to_client.lost;
            assert!(found + truth.undeclared <= lost, "{transport}, seed {seed}: {truth:?}, {lost} lost");
            // A loss is found after a round trip at the earliest, except by go-back-N, which sends everything again
            // after an earlier loss.
            let is_early = truth.detection.min() < Some(50_000_000);
            assert!(!is_early || transport == Transport::ARQ_GO_BACK_N, "{transport}: {truth:?}");
        }
    }
}

/// A packet that skips the propagation delay overtakes those of the last 25 ms, which are more than three. 2,500
/// messages each way, 4 ms apart.
#[test]
fn with_reordering_losses_are_false_until_the_threshold_exceeds_it() {
    let wide = LossDetection { packet_threshold: 30, time_threshold: "2".parse::<TimeThreshold>().unwrap() };
    for transport in
        [Transport::ARQ_SELECTIVE, Transport::ARQ_UNORDERED, Transport::QUIC_ONE, Transport::QUIC_MESSAGE]
    {
        let narrow = plan(transport, ["reorder=10%,loss=0.1%"; 2], MS * 4, 2500);
        let of_narrow = truth(&narrow, 1);
        let declared = of_narrow.false_losses + of_narrow.detection.n();
        assert!(of_narrow.false_losses * 100 > declared * 98, "{transport}: {of_narrow:?}");
        assert!(of_narrow.needless > 100, "{transport}: {of_narrow:?}");
        let of_wide = truth(&Plan { loss_detection: wide, ..narrow }, 1);
        // No packet is overtaken by 30 others. A few losses still count for the packet threshold: the time threshold
        // expired after 30 more packets were sent, and a packet that exceeds both thresholds counts for this one.
        let by_packets = |truth| found(truth, LossCause::PacketThreshold).false_losses;
        assert!(by_packets(&of_wide) * 100 < by_packets(&of_narrow), "{transport}: {of_wide:?}");
        assert!(of_wide.false_losses * 5 < of_narrow.false_losses, "{transport}: {of_wide:?}");
        assert!(of_wide.detection.n() > 0, "{transport}: {of_wide:?}");
    }
}

/// When each message from the client entered the link and left it.
fn crossings(plan: &Plan, seed: u64) -> (TruthFigures, Vec<(Time, Time)>) {
    let seen = Arc::new(Mutex::new((BTreeMap::new(), Vec::new())));
    let sink = seen.clone();
    let log = move |event: PacketEvent| {
        let (entered, crossed) = &mut *sink.lock();
        match event {
            PacketEvent::Entered(packet) if packet.from == Side::Client && !packet.portions.is_empty() => {
                entered.insert(packet.number, packet.entered);
            }
            PacketEvent::Left { from: Side::Client, number, at, .. } => {
                crossed.extend(entered.remove(&number).map(|entered| (entered, at)));
            }
            _ => {}
        }
    };
    let observers = Observers { packets: Some(Box::new(log)), follows_losses: true, ..Observers::default() };
    let truth = run(plan, seed, observers, &StopSignal::default()).unwrap().truth.unwrap();
    let crossed = std::mem::take(&mut seen.lock().1);
    (truth, crossed)
}

/// Messages are 20 ms apart and take 25 ms. One skips the delay and overtakes the one before, which is acknowledged 5
/// ms later. With a packet threshold of 1 the overtaken packet is declared lost in that time and sent again. With 3 it
/// is not, and after 45 ms it is too young for the time threshold of 9/8 of 50 ms.
#[test]
fn one_overtaken_packet() {
    for transport in
        [Transport::ARQ_SELECTIVE, Transport::ARQ_UNORDERED, Transport::QUIC_ONE, Transport::QUIC_MESSAGE]
    {
        let patient = plan(transport, ["reorder=4%", ""], MS * 20, 20);
        let is_single = |seed: &u64| {
            let (_, crossed) = crossings(&patient, *seed);
            let skips = crossed.iter().filter(|(entered, left)| entered == left).count();
            let overtaken = crossed.windows(2).filter(|pair| pair[0].0 > pair[1].0).count();
            (skips, overtaken, crossed.len()) == (1, 1, 20)
        };
        let seed = (1..200).find(is_single).expect("a seed with one overtaken message");
        assert_eq!(counts(&truth(&patient, seed)), [0; 4], "{transport}, seed {seed}");
        let hasty = LossDetection { packet_threshold: 1, ..LossDetection::default() };
        let truth = truth(&Plan { loss_detection: hasty, ..patient }, seed);
        assert_eq!(counts(&truth), [1, 1, 1, 0], "{transport}, seed {seed}");
        let by_packets = found(&truth, LossCause::PacketThreshold);
        assert_eq!((by_packets.losses, by_packets.false_losses), (0, 1), "{transport}, seed {seed}");
    }
}

/// A packet is lost and those behind it arrive, `every` apart. The third of them is acknowledged `3 every` + 50 ms
/// after the loss. The time threshold expires 9/8 of 50 ms after the loss, if a later packet was acknowledged by then.
#[test]
fn a_true_loss_is_detected_by_the_threshold_that_comes_first() {
    const RTT: Duration = Duration::from_millis(50);
    // quinn multiplies by 9/8 in single precision.
    const ROUNDING: Duration = Duration::from_nanos(2);
    for transport in
        [Transport::ARQ_SELECTIVE, Transport::ARQ_UNORDERED, Transport::QUIC_ONE, Transport::QUIC_MESSAGE]
    {
        for (every, cause, took) in [
            (MS, LossCause::PacketThreshold, 3 * MS + RTT),
            (2 * MS, LossCause::PacketThreshold, 6 * MS + RTT),
            (5 * MS, LossCause::TimeThreshold, RTT * 9 / 8),
            (20 * MS, LossCause::TimeThreshold, 20 * MS + RTT),
        ] {
            // Some packets have no message but acknowledgements only, and are not sent again.
            let with_message = (90..100).find_map(|number| {
                let drop = format!("loss=drop:{number}");
                let truth = truth(&plan(transport, [&drop, ""], every, 200), 1);
                (truth.resent > 0).then_some(truth)
            });
            let truth = with_message.expect("a packet with a message");
            assert_eq!(counts(&truth), [1, 0, 0, 0], "{transport}, {every:?}");
            let found = found(&truth, cause);
            assert_eq!((found.losses, found.false_losses), (1, 0), "{transport}, {every:?}");
            assert!(found.took.abs_diff(took) <= ROUNDING, "{transport}, {every:?}: {found:?}");
        }
    }
}

/// One message at 1 s. Its reply, which carries the acknowledgement, is lost. The client's timer expires although its
/// packet arrived.
#[test]
fn a_lost_acknowledgement() {
    let lost_reply = ["", "loss=outage:1s:100ms"];
    for transport in [Transport::ARQ_STOP_AND_WAIT, Transport::ARQ_SELECTIVE, Transport::ARQ_UNORDERED] {
        let truth = truth(&plan(transport, lost_reply, MS * 5000, 1), 1);
        // The client needlessly sends the request again after 200 ms. The server has no RTT sample, and sends the reply
        // again after 1 s (RFC 6298 section 2.1).
        assert_eq!(counts(&truth), [2, 1, 1, 0], "{transport}");
        let expected = Found { losses: 1, false_losses: 1, took: MS * 1000 };
        assert_eq!(found(&truth, LossCause::Timeout), expected, "{transport}");
    }
    for transport in [Transport::QUIC_ONE, Transport::QUIC_MESSAGE] {
        let truth = truth(&plan(transport, lost_reply, MS * 5000, 1), 1);
        // quinn's probe carries no data, and no packet is declared lost for it. The server's probe reveals the loss of
        // the reply.
        assert_eq!(counts(&truth), [1, 0, 0, 0], "{transport}");
        assert_eq!(found(&truth, LossCause::Probe).losses, 1, "{transport}: {truth:?}");
    }
    // Later acknowledgements cover what a lost one covered.
    for transport in [Transport::ARQ_SELECTIVE, Transport::QUIC_ONE] {
        let outcome = outcome(&plan(transport, ["", "loss=drop:30"], MS * 10, 100), 1);
        assert_eq!(outcome.wire.unwrap().to_client.lost, 1, "{transport}");
        let truth = outcome.truth.unwrap();
        assert_eq!(counts(&truth), [1, 0, 0, 0], "the reply alone: {transport}");
    }
}

/// The reply takes 424 ms to the client and brings the acknowledgement, so it comes after the client's timeout of 3
/// RTT: 264 ms, since its only sample is that of short packets.
#[test]
fn a_spurious_timeout() {
    for transport in [Transport::ARQ_STOP_AND_WAIT, Transport::ARQ_SELECTIVE, Transport::ARQ_UNORDERED] {
        let truth = truth(&plan(transport, ["", "rate=20kbit"], MS * 5000, 1), 1);
        assert_eq!(counts(&truth), [1, 1, 1, 0], "{transport}");
        assert_eq!(found(&truth, LossCause::Timeout).false_losses, 1, "{transport}");
    }
}

/// Go-back-N's receiver discards packets after a gap. Their copies are needed, although the originals arrived.
#[test]
fn what_go_back_n_sends_again_after_one_loss_is_needed() {
    let truth = truth(&plan(Transport::ARQ_GO_BACK_N, ["loss=drop:31", ""], MS * 10, 100), 1);
    // The loss is found at the third duplicate acknowledgement: 50 ms and three packets later. Eight are in flight: the
    // lost one and those of the 70 ms after it.
    assert_eq!(counts(&truth), [8, 0, 0, 0]);
    assert_eq!(found(&truth, LossCause::DuplicateAcks), Found { losses: 1, false_losses: 0, took: MS * 80 });
}

/// Takes 50 ms per round trip. The client sends a hello, which the server answers with a retry, and a second hello.
/// Then come the server's flight, the client's last flight and an acknowledgement. Each is one packet. Both ends draw
/// the same timers: 1.237 s for their first flight and 1.096 s for the client's second.
#[test]
fn a_lost_flight_of_dtls() {
    let lost = |links: [&str; 2]| truth(&plan(Transport::DTLS, links, MS * 5000, 1), 1);
    let timeouts = |truth: &TruthFigures| {
        let Found { losses, false_losses, took } = found(truth, LossCause::Timeout);
        (losses, false_losses, took.as_millis())
    };
    let hello = lost(["loss=drop:1", ""]);
    assert_eq!((counts(&hello), timeouts(&hello)), ([1, 0, 0, 0], (1, 0, 1237)));
    // The client sends its hello again, although it had arrived. That the server sends its retry again is needed.
    let retry = lost(["", "loss=drop:1"]);
    assert_eq!((counts(&retry), timeouts(&retry)), ([2, 1, 1, 0], (1, 1, 1237)));
    // The second hello is sent again, which is needed. By then the server's timer has expired, and it repeats its retry
    // in front of its flight. The client ignores that datagram, so it needs the flight when it is sent again.
    let second = lost(["loss=drop:2", ""]);
    assert_eq!((counts(&second), timeouts(&second)), ([3, 0, 1, 0], (1, 1, 1095)));
}

/// Takes 1.4 s per round trip, longer than the timers of both ends. Nothing is lost, but everything is sent again: both
/// hellos, the retry, the server's flight and the client's, by timers; and the server's flight once more at the copy of
/// the second hello.
#[test]
fn a_delayed_flight_of_dtls() {
    let mut plan = plan(Transport::DTLS, [""; 2], MS * 5000, 1);
    plan.links = PerDirection::both("delay=700ms".parse().unwrap());
    let truth = truth(&plan, 1);
    assert_eq!(counts(&truth), [6, 6, 6, 0]);
    let falsely = |cause| found(&truth, cause).false_losses;
    assert_eq!((falsely(LossCause::Timeout), falsely(LossCause::RepeatedFlight)), (5, 1));
}

fn transferred(transport: Transport, link: &str, loss_detection: LossDetection) -> TruthFigures {
    let plan = TransferPlan {
        path: PathKind::Sim,
        transport,
        links: PerDirection::both(link.parse().unwrap()),
        congestion: Congestion::Fixed(200_000),
        loss_detection,
        flows: 4,
        pace: Rate::from_bits_per_second(10_000_000).unwrap(),
        direction: Direction::Up,
        content: Content::Generated { bytes: 3_000_000, seed: 1 },
    };
    let outcome = transfer(&plan, 1, None, &Watch::default()).unwrap();
    assert!(outcome.time.is_some(), "{transport}: {outcome:?}");
    outcome.truth.unwrap()
}

#[test]
fn a_transfer_tells_a_lossy_link_from_a_threshold_that_is_too_low() {
    for transport in [Transport::ARQ_SELECTIVE, Transport::QUIC_ONE, Transport::QUIC_MESSAGE] {
        let lossy = transferred(transport, "delay=10ms,rate=100mbit,loss=1%", LossDetection::default());
        assert_eq!((lossy.needless, lossy.false_losses), (0, 0), "{transport}: {lossy:?}");
        assert!(lossy.detection.n() > 10 && lossy.resent >= lossy.detection.n(), "{transport}: {lossy:?}");
        let reordering = "delay=10ms,rate=100mbit,reorder=1%";
        let low = transferred(transport, reordering, LossDetection::default());
        assert!(low.false_losses > 100 && low.detection.n() == 0, "{transport}: {low:?}");
        // The rest of the retransmissions carry new data too, and so are not needless.
        assert!(low.needless * 100 > low.resent * 80, "{transport}: {low:?}");
        let high = LossDetection { packet_threshold: 1000, time_threshold: "2".parse().unwrap() };
        let high = transferred(transport, reordering, high);
        assert_eq!(counts(&high), [0; 4], "{transport}");
    }
}
