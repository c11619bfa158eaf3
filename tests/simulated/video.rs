//! A video call in virtual time: which frames are shown on each transport.

use std::time::Duration;

use crate::{
    driven::driven,
    support::{ResultSchema, workload},
};
use wirelab::{
    experiment::{
        Bench, Outcome, PathKind, Plan, Workload,
        application::{
            Application,
            video::{Recording, Source, Video, judge::VideoFigures},
        },
        run,
    },
    link::LinkSpec,
    path::StopSignal,
    report::{TextOptions, to_html, to_json, to_text},
    transport::{Congestion, LossDetection, Transport},
    unit::PerDirection,
};

const FIXED: Congestion = Congestion::Fixed(1_000_000);

fn plan(transport: Transport, video: &str, link: &str, congestion: Congestion) -> Plan {
    let link: LinkSpec = link.parse().unwrap();
    let application: Application = video.parse().unwrap();
    Plan {
        path: PathKind::Sim,
        transport,
        links: PerDirection::both(link),
        workload: workload(Duration::from_secs(20)).carrying(application),
        congestion,
        loss_detection: LossDetection::default(),
    }
}

fn dropping(plan: Plan) -> Plan {
    let application = plan.workload.application.clone().with(None, true);
    Plan { workload: Workload { application, ..plan.workload }, ..plan }
}

fn outcome(plan: &Plan) -> Outcome {
    run(plan, 1, Default::default(), &StopSignal::default()).unwrap()
}

fn call(plan: &Plan) -> VideoFigures {
    call_of(plan, 1)
}

fn call_of(plan: &Plan, seed: u64) -> VideoFigures {
    run(plan, seed, Default::default(), &StopSignal::default()).unwrap().video.unwrap()
}

#[test]
fn without_loss_every_frame_is_shown_on_every_transport_and_no_packet_comes_back_but_acknowledgements() {
    for transport in Transport::all().filter(|transport| !transport.uses_kernel_tcp()) {
        let outcome = outcome(&plan(transport, "video", "delay=25ms", FIXED));
        let call = outcome.video.unwrap();
        // Only stop-and-wait is slower than the video.
        if transport != Transport::ARQ_STOP_AND_WAIT {
            assert_eq!((call.frames, call.shown), (600, 600), "{transport}");
            assert_eq!((call.freezes.n(), call.skips, call.wasted_bytes), (0, 0, 0), "{transport}");
            assert_eq!(outcome.messages.delivered, outcome.messages.scheduled, "{transport}");
        }
        assert_eq!(call.frames, call.shown + call.late + call.incomplete + call.useless, "{transport}");
        let wire = outcome.wire.unwrap();
        assert!(wire.to_client.bytes < wire.to_server.bytes / 4, "{transport}: {wire:?}");
    }
}

#[test]
fn a_message_of_a_frame_is_a_datagram_and_is_not_repaired() {
    for transport in [Transport::UDP, Transport::UDP_HMAC, Transport::DTLS, Transport::QUIC_DATAGRAM] {
        let call = call(&plan(transport, "video", "delay=25ms,loss=1%", FIXED));
        // A key frame has about 60 packets, so almost every second one is incomplete. All frames up to the next key
        // frame are then useless.
        assert!(call.incomplete > 20, "{transport}: {call:?}");
        assert!(call.useless > call.incomplete, "{transport}: {call:?}");
        assert_eq!(call.late, 0, "{transport}");
        assert!(call.freezes.max() > Some(500_000_000), "{transport}: until the next key frame");
    }
}

/// A common claim about media over QUIC, at a round trip of 100 ms, 1% loss and 60 frames a second. It is true if no
/// frame refers to another, and if the playout delay is too short for a retransmission.
#[test]
fn over_one_ordered_stream_a_call_of_independent_frames_freezes_and_over_a_stream_per_frame_it_does_not() {
    let link = "delay=50ms,loss=1%";
    let seen = |transport, video, playout| {
        let mut plan = plan(transport, video, link, FIXED);
        plan.workload.application = plan.workload.application.with(Some(playout), false);
        // Freezes are rare.
        let calls: Vec<VideoFigures> = (1..=5).map(|seed| call_of(&plan, seed)).collect();
        let sum = |of: fn(&VideoFigures) -> u64| calls.iter().map(of).sum::<u64>();
        (sum(|call| call.freezes.n()), sum(|call| call.shown) as f64 / sum(|call| call.frames) as f64)
    };
    let tight = Duration::from_millis(80);
    let both = |video, playout| {
        [Transport::QUIC_ONE, Transport::QUIC_MESSAGE].map(|transport| seen(transport, video, playout))
    };
    let [(freezes, shown), (none, more)] = both("video:60:2mbit:0s", tight);
    assert!(freezes > 0 && none == 0, "{freezes} {none}");
    assert!(more > 0.96 && shown < 0.9, "{shown} {more}");
    // If each frame refers to the one before, it waits for that frame on both.
    let [(_, shown), (_, of_each)] = both("video:60:2mbit:2s", tight);
    assert!((shown - of_each).abs() < 0.02, "{shown} {of_each}");
    // With time for a retransmission, both show all frames.
    assert_eq!(both("video:60:2mbit:2s", Duration::from_millis(300)), [(0, 1.0), (0, 1.0)]);
}

#[test]
fn a_call_has_the_bytes_of_its_frames_on_every_transport() {
    // Stop-and-wait keeps up at this round trip. 417 bytes a frame on average, less than a message. Sizes vary by a seventh, and there are 10 groups.
    let expected = 12_500.0 * 20.0;
    for transport in Transport::all().filter(|transport| !transport.uses_kernel_tcp()) {
        let outcome = outcome(&plan(transport, "video:30:100kbit:2s", "delay=5ms", FIXED));
        let call = outcome.video.unwrap();
        assert_eq!((call.frames, call.bytes), (600, call.arrived_bytes), "{transport}");
        let bytes = call.bytes as f64;
        assert!((bytes / expected - 1.0).abs() < 0.05, "{transport}: {bytes} of {expected}");
        // Headers, and on QUIC acknowledgements and probes for the MTU.
        let wire = outcome.wire.unwrap().to_server.bytes as f64;
        assert!((bytes..bytes * 1.35).contains(&wire), "{transport}: {wire} for {bytes}");
    }
}

#[test]
fn a_recording_is_sent_as_it_is_whatever_the_length_of_a_message() {
    let text = "0,3000,1\n0.5,32,0\n1,1500,0\n1.5,4001,0\n";
    let recording = Recording::parse("x.csv", text).unwrap();
    let video = Application::Video(Video::new(Source::Recording(recording)));
    for (length, messages) in [(1000, 3 + 1 + 2 + 5), (60_000, 4)] {
        let base = plan(Transport::QUIC_ONE, "video", "delay=25ms", FIXED);
        let workload = Workload { length, ..workload(Duration::from_secs(20)) }.carrying(video.clone());
        let outcome = outcome(&Plan { workload, ..base });
        // A message is never shorter than its header of 32 bytes.
        let bytes = 3000 + 32 + 1500 + if length == 1000 { 4032 } else { 4001 };
        assert_eq!(outcome.video.unwrap().bytes, 10 * bytes);
        assert_eq!(outcome.messages.delivered, 10 * messages);
    }
}

#[test]
fn frames_that_later_frames_need_are_not_given_up() {
    // Retransmissions are late at their own instant, but in time for the frames behind: nothing is given up.
    let patient = plan(Transport::QUIC_MESSAGE, "video", "delay=50ms,loss=1%", FIXED);
    let dropped = call(&dropping(patient));
    assert!(dropped.late > 0 && dropped.incomplete == 0, "{dropped:?}");
    // A sender that falls behind gives up frames, and more of the others are in time.
    let behind = plan(Transport::QUIC_MESSAGE, "video", "delay=50ms,loss=1%", Congestion::Cubic);
    let shown = |plan: &Plan| (1..=10).map(|seed| call_of(plan, seed).shown).sum::<u64>();
    let (whole, dropped) = (shown(&behind), shown(&dropping(behind)));
    assert!(dropped > whole, "{dropped} {whole}");
}

#[test]
fn streams_of_late_frames_are_reset_and_their_bytes_do_not_cross_the_link() {
    let link = "delay=25ms,rate=1500kbit,queue=20p";
    let plan = plan(Transport::QUIC_MESSAGE, "video:30:2mbit:2s", link, FIXED);
    let (whole, dropped) = (outcome(&plan), outcome(&dropping(plan)));
    assert!(dropped.messages.unfinished > 0, "{:?}", dropped.messages);
    assert!(dropped.video.as_ref().unwrap().incomplete > 0);
    let bytes = |outcome: &Outcome| outcome.wire.unwrap().to_server.bytes;
    assert!(bytes(&dropped) < bytes(&whole), "{} {}", bytes(&dropped), bytes(&whole));
}

#[test]
fn a_result_of_calls_fits_the_schema_and_says_what_was_seen() {
    let plans = vec![
        plan(Transport::UDP, "video", "delay=50ms,loss=1%", FIXED),
        plan(Transport::QUIC_MESSAGE, "video", "delay=50ms,loss=1%", FIXED),
    ];
    let file = driven(&Bench::default(), "bench", plans, 2, true).file;
    ResultSchema::new().check(&serde_json::from_str(&to_json(&file)).unwrap()).unwrap();
    let text = to_text(&file, TextOptions::default());
    assert!(text.contains("shown") && text.contains("udp froze"), "{text}");
    assert!(!text.contains("on time"), "messages of frames are not judged one by one: {text}");
    let page = to_html(&file);
    assert!(page.contains("data-chart=\"call\"") && page.contains("then jumped"));
    assert!(!page.contains("data-chart=\"latency\""));
}
