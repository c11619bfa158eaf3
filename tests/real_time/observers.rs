//! What observers see of paths in real time, and what the ladder draws of it.

use std::{
    collections::BTreeMap,
    fs,
    process::{Command, Stdio},
    sync::Arc,
    thread,
    time::Duration,
};

use wirelab::{
    experiment::{
        Arrivals, Observers, PacketEvent, PathKind, Plan, Wait, Which, Workload, application::Application,
        episode, run,
    },
    link::DropReason,
    path::{Exit, Side, StopSignal},
    report::episode::{Episode, Fate},
    transport::{Congestion, FIXED_WINDOW_BYTES, LossDetection, Transport},
    unit::{Mutex, PerDirection},
};

use crate::support::{has_namespaces, is_root, skip, together};

/// Messages of 1000 bytes every 10 ms for 600 ms, with a link to the server that drops one packet.
fn plan(path: PathKind, transport: Transport, dropped: u64) -> Plan {
    let link = |pairs: &str| pairs.parse().unwrap();
    Plan {
        path,
        transport,
        links: PerDirection {
            to_server: link(&format!("delay=20ms,loss=drop:{dropped}")),
            to_client: link("delay=20ms"),
        },
        congestion: Congestion::Fixed(FIXED_WINDOW_BYTES),
        loss_detection: LossDetection::default(),
        workload: Workload {
            application: Application::Messages,
            flows: 2,
            interval: Duration::from_millis(10),
            length: 1000,
            reply_length: 1000,
            arrivals: Arrivals::Isochronous,
            warmup: Duration::ZERO,
            duration: Duration::from_millis(600),
            wait: Wait { times: 3, most: Duration::from_secs(4) },
            deadline: Duration::from_millis(200),
        },
    }
}

/// The paths and transports to observe. Skips `netns` where namespaces are not permitted.
fn cases() -> Vec<(PathKind, Transport)> {
    let mut cases = vec![(PathKind::Relay, Transport::QUIC_ONE), (PathKind::Relay, Transport::ARQ_SELECTIVE)];
    if has_namespaces() {
        let transports = [Transport::QUIC_ONE, Transport::TCP, Transport::TLS];
        cases.extend(transports.map(|transport| (PathKind::Netns, transport)));
    }
    cases
}

#[test]
fn every_packet_enters_once_and_leaves_once_and_every_message_is_seen_both_ways() {
    let _turn = together();
    for (path, transport) in cases().into_iter().chain([(PathKind::Relay, Transport::UDP)]) {
        let plan = plan(path, transport, 40);
        let events = Arc::<Mutex<Vec<PacketEvent>>>::default();
        let kept = events.clone();
        let packets = Box::new(move |event| kept.lock().push(event));
        run(&plan, 1, Observers { packets: Some(packets), ..Observers::default() }, &StopSignal::default())
            .unwrap();
        let events = std::mem::take(&mut *events.lock());

        let mut under_way = BTreeMap::new();
        let (mut lost, mut messages) = (Vec::new(), BTreeMap::<_, u64>::new());
        for event in events {
            match event {
                PacketEvent::Entered(packet) => {
                    for portion in &packet.portions {
                        *messages.entry((packet.from as u8, portion.id)).or_default() += 1;
                    }
                    let key = (packet.from as u8, packet.number);
                    assert_eq!(under_way.insert(key, packet.entered), None, "{path} {transport}");
                }
                PacketEvent::Left { from, number, at, exit } => {
                    let entered = under_way.remove(&(from as u8, number)).expect("it entered before");
                    match exit {
                        Exit::Arrived { intact, more } => {
                            assert!(intact && !more && at - entered >= Duration::from_millis(20));
                        }
                        Exit::Dropped(reason) => lost.push((from, number, reason)),
                    }
                }
                PacketEvent::Judged { .. } => {}
            }
        }
        assert_eq!(lost, [(Side::Client, 39, DropReason::Lost)], "{path} {transport}");
        // A datagram that was lost is not sent again, and has no reply.
        let expected = if transport == Transport::UDP { 60 + 59 } else { 2 * 60 };
        assert_eq!(messages.len(), expected, "{path} {transport}");
    }
}

/// The first packet that carries messages is taken: one of TCP may be an acknowledgement alone.
fn lossy_episode(path: PathKind, transport: Transport) -> Option<Episode> {
    (40..44).find_map(|dropped| {
        let episode =
            episode(&plan(path, transport, dropped), 1, Which::Longest, &StopSignal::default()).unwrap();
        episode.filter(|episode| episode.subject.fate == Fate::Lost)
    })
}

#[test]
fn the_ladder_shows_the_lost_packet_and_its_retransmission() {
    let _turn = together();
    for (path, transport) in cases() {
        let episode = lossy_episode(path, transport)
            .unwrap_or_else(|| panic!("{path} {transport}: no message was lost"));
        let Episode { subject, packets, waits, .. } = &episode;
        let of_subject = |again: bool| {
            packets.iter().filter(move |packet| {
                let mut carries = packet.carries.iter();
                carries.any(|carries| carries.message == subject.message && carries.again == again)
            })
        };
        let lost: Vec<_> = packets.iter().filter(|packet| packet.lost).collect();
        assert_eq!(lost.len(), 1, "{path} {transport}: {episode:#?}");
        assert!(of_subject(false).any(|packet| packet.lost), "{path} {transport}: {episode:#?}");
        let again: Vec<_> = of_subject(true).filter(|packet| !packet.lost).collect();
        assert!(!again.is_empty(), "{path} {transport}: {episode:#?}");
        assert!(again.iter().all(|packet| packet.entered_ns > lost[0].entered_ns));
        assert!(!waits.is_empty(), "{path} {transport}: later messages wait for it");
    }
}

/// The interfaces are taken away while connections are made.
#[test]
#[expect(clippy::disallowed_methods, reason = "another program runs in real time")]
fn a_wire_that_breaks_ends_a_handshake_run() {
    let _turn = together();
    if !is_root() {
        return skip("only root may take the device away");
    }
    if !has_namespaces() {
        return;
    }
    let arguments = [
        "handshake",
        "--path",
        "netns",
        "-t",
        "tcp",
        "--delay",
        "20ms",
        "--connections",
        "100000",
        "--seeds",
        "1",
    ];
    let mut program = Command::new(env!("CARGO_BIN_EXE_wirelab"))
        .args(arguments)
        .args(["--no-progress", "-J"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Until its namespaces are there, and connections are being made.
    thread::sleep(Duration::from_secs(2));
    for descriptor in fs::read_dir(format!("/proc/{}/fd", program.id())).unwrap() {
        let descriptor = descriptor.unwrap().path();
        if fs::read_link(&descriptor).is_ok_and(|target| target.to_string_lossy().starts_with("net:")) {
            let _ = Command::new("nsenter")
                .arg(format!("--net={}", descriptor.display()))
                .args(["ip", "link", "del", "wire0"])
                .output()
                .unwrap();
        }
    }
    let ended = (0..100).any(|_| {
        thread::sleep(Duration::from_millis(100));
        program.try_wait().unwrap().is_some()
    });
    if !ended {
        program.kill().unwrap();
    }
    let output = program.wait_with_output().unwrap();
    let said = [String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)].concat();
    assert!(ended && !output.status.success(), "{said}");
    assert!(said.contains("the wire has ended: cannot read from the"), "{said}");
}
