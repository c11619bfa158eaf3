//! Traces in qlog: their structure, and their sums compared with the figures of the run.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Cursor, Seek, SeekFrom, Write},
    sync::Arc,
    time::Duration,
};

use serde_json::Value;
use wirelab::{
    capture::{Epoch, Output, Qlog, QlogOptions, Recorder, Recording},
    experiment::{Observers, Outcome, PathKind, Plan, run},
    link::{DropReason, LinkSpec},
    path::{Exit, Observer, PacketView, Side, StopSignal},
    trace::{PacketType, QuicEvent, QuicPacket, QuicTracer},
    transport::{Congestion, LossDetection, Transport},
    unit::{Mutex, PerDirection, Time},
};

use crate::support::{QlogSchema, workload};

type Content = Arc<Mutex<Cursor<Vec<u8>>>>;

/// Files in memory, by name.
#[derive(Clone, Default)]
struct Folder {
    files: Arc<Mutex<BTreeMap<String, Content>>>,
    room: Option<usize>,
}

struct MemoryFile {
    content: Content,
    room: Option<usize>,
}

impl Write for MemoryFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut content = self.content.lock();
        let room = self.room.map_or(bytes.len(), |room| room.saturating_sub(content.position() as usize));
        match room {
            0 if !bytes.is_empty() => Err(io::ErrorKind::StorageFull.into()),
            room => content.write(&bytes[..bytes.len().min(room)]),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for MemoryFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.content.lock().seek(to)
    }
}

impl Output for MemoryFile {
    fn cut(&mut self, bytes: u64) -> io::Result<()> {
        self.content.lock().get_mut().truncate(bytes as usize);
        Ok(())
    }
}

impl Folder {
    fn qlog(&self, stop: &StopSignal) -> Qlog {
        let Self { files, room } = self.clone();
        Qlog::new(QlogOptions {
            title: "a test".to_owned(),
            epoch: Epoch::Fixed(Duration::from_secs(946_684_800)),
            has_link: true,
            open: Box::new(move |name| {
                let content = Arc::<Mutex<Cursor<Vec<u8>>>>::default();
                files.lock().insert(name.to_owned(), content.clone());
                Ok(Box::new(MemoryFile { content, room }))
            }),
            stop: stop.clone(),
        })
    }

    fn text(&self, name: &str) -> String {
        String::from_utf8(self.files.lock()[name].lock().get_ref().clone()).unwrap()
    }

    /// The header and the events of a trace in version 0.3, and in the drafts.
    fn traces(&self, end: &str) -> [(Value, Vec<Value>); 2] {
        let mut old: Value = serde_json::from_str(&self.text(&format!("{end}.qlog"))).unwrap();
        let events = old["traces"][0]["events"].take();
        let sequence = self.text(&format!("{end}.sqlog"));
        assert!(sequence.starts_with('\u{1e}') && sequence.ends_with('\n'));
        let mut records =
            sequence.split('\u{1e}').skip(1).map(|record| serde_json::from_str(record).unwrap());
        let header = records.next().unwrap();
        [(old, events.as_array().unwrap().clone()), (header, records.collect())]
    }
}

/// The first event of each name that is invalid, and the header if it is.
fn violations(schema: &QlogSchema, header: &Value, events: &[Value]) -> BTreeMap<String, String> {
    let invalid = |event: &Value| Some((event["name"].to_string(), schema.check_event(event).err()?));
    let mut found: BTreeMap<String, String> = events.iter().rev().filter_map(invalid).collect();
    found.extend(schema.check_file(header).err().map(|error| ("header".to_owned(), error)));
    found
}

#[test]
fn both_forms_are_valid_by_their_published_schemas() {
    let (version_03, drafts) = (QlogSchema::version_03(), QlogSchema::drafts());
    for transport in Transport::QUIC.into_iter().chain(Transport::ARQ) {
        let folder = Folder::default();
        traced(&plan(transport, LINK), &folder);
        for end in ["1-client", "1-server"] {
            let [(mut old, events), (new, records)] = folder.traces(end);
            old["traces"][0]["events"] = Value::Array(Vec::new());
            let found = violations(&drafts, &new, &records);
            assert!(found.is_empty(), "{transport} {end}: {found:#?}");
            // In version 0.3 the names of QUIC's events are those of any protocol. Only QUIC's data has a schema.
            let is_quic = transport.mapping().is_some();
            let of_quic: Vec<Value> = events.into_iter().filter(|_| is_quic).collect();
            let found = violations(&version_03, &old, &of_quic);
            assert!(found.is_empty(), "{transport} {end}: {found:#?}");
        }
    }
    let invalid = serde_json::json!({"time": 1.0, "name": "transport:packet_sent", "data": {"header": {}}});
    assert!(version_03.check_event(&invalid).is_err(), "the schema can fail");
    let invalid =
        serde_json::json!({"time": 1.0, "name": "quic:packet_sent", "data": {"header": {}, "x": 1}});
    assert!(drafts.check_event(&invalid).is_err(), "the schema can fail");
}

/// An observer of its own that counts what the link does.
#[derive(Clone, Default)]
struct Counts(Arc<Mutex<PerDirection<Wire>>>);

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Wire {
    entered_bytes: u64,
    delivered: u64,
    corrupted: u64,
    lost: u64,
    queue_full: u64,
}

const UDP_AND_IP_BYTES: u64 = 28;

impl Observer for Counts {
    fn entered(&mut self, packet: &PacketView<'_>) {
        self.0.lock()[packet.direction].entered_bytes += packet.ip_bytes as u64 - UDP_AND_IP_BYTES;
    }

    fn left(&mut self, packet: &PacketView<'_>, exit: Exit) {
        let wire = &mut self.0.lock()[packet.direction];
        match exit {
            Exit::Arrived { intact, .. } => {
                wire.delivered += 1;
                wire.corrupted += u64::from(!intact);
            }
            Exit::Dropped(DropReason::Lost) => wire.lost += 1,
            Exit::Dropped(_) => wire.queue_full += 1,
        }
    }
}

fn plan(transport: Transport, link: &str) -> Plan {
    Plan {
        path: PathKind::Sim,
        transport,
        links: PerDirection::both(link.parse::<LinkSpec>().unwrap()),
        congestion: Congestion::Cubic,
        loss_detection: LossDetection::default(),
        workload: workload(Duration::from_secs(5)),
    }
}

fn traced(plan: &Plan, folder: &Folder) -> (Outcome, PerDirection<Wire>) {
    let (counts, stop) = (Counts::default(), StopSignal::default());
    let qlog = folder.qlog(&stop);
    let recording = Recording { qlog: Some(Arc::new(qlog.clone())), ..Recording::default() };
    let wire: Option<Box<dyn Observer>> = Some(Box::new(counts.clone()));
    let outcome = run(plan, 1, Observers { wire, recording, ..Observers::default() }, &stop).unwrap();
    qlog.finish(true).unwrap();
    let counted = *counts.0.lock();
    (outcome, counted)
}

const LINK: &str = "delay=20ms,jitter=5ms,loss=3%,duplicate=2%,corrupt=0.5%,rate=3mbit,queue=20KB";

/// All names of events, without their categories or protocols.
const NAMES: [&str; 11] = [
    "parameters_set",
    "connection_started",
    "connection_state_updated",
    "connection_closed",
    "packet_sent",
    "packet_received",
    "packet_dropped",
    "packet_lost",
    "metrics_updated",
    "congestion_state_updated",
    "packet_delivered",
];

fn count(events: &[Value], name: &str, is: impl Fn(&Value) -> bool) -> u64 {
    events.iter().filter(|event| event["name"] == name && is(&event["data"])).count() as u64
}

#[test]
fn both_forms_have_what_their_schemas_require_and_the_same_events() {
    let folder = Folder::default();
    traced(&plan(Transport::QUIC_MESSAGE, LINK), &folder);
    for side in ["client", "server"] {
        let [(old, events), (new, records)] = folder.traces(&format!("1-{side}"));
        assert_eq!((&old["qlog_version"], &old["qlog_format"]), (&"0.3".into(), &"JSON".into()));
        assert_eq!(old["traces"][0]["vantage_point"]["type"], side);
        assert_eq!(old["traces"][0]["common_fields"]["reference_time"], 946_684_800_000.0);
        assert_eq!(new["file_schema"], "urn:ietf:params:qlog:file:sequential");
        assert_eq!(new["serialization_format"], "application/qlog+json-seq");
        assert_eq!(new["trace"]["vantage_point"]["type"], side);
        assert_eq!(new["trace"]["common_fields"]["reference_time"]["epoch"], "2000-01-01T00:00:00Z");
        assert_eq!(new["trace"]["event_schemas"][0], "urn:ietf:params:qlog:events:quic-13");
        for header in [&old, &new] {
            let expected = "complete: the connection was traced to its end";
            assert_eq!(header["description"].as_str().map(str::trim_end), Some(expected));
        }
        assert_eq!(events.len(), records.len());
        let (mut last, mut names) = (0.0, BTreeSet::new());
        for (old, new) in events.iter().zip(&records) {
            assert_eq!(old["time"], new["time"]);
            let time = old["time"].as_f64().unwrap();
            assert!(time >= last, "{time} after {last}");
            last = time;
            let (category, old_name) = old["name"].as_str().unwrap().split_once(':').unwrap();
            let (protocol, new_name) = new["name"].as_str().unwrap().split_once(':').unwrap();
            names.insert(old_name);
            let categories = ["connectivity", "transport", "recovery", "wirelab"];
            assert!(categories.contains(&category) && ["quic", "wirelab"].contains(&protocol), "{old} {new}");
            assert!(new_name.ends_with(old_name), "{old} {new}");
            if ["packet_sent", "packet_received"].contains(&old_name) {
                let data = &old["data"];
                assert!(
                    data["header"]["packet_type"].is_string() && data["header"]["packet_number"].is_u64()
                );
                let frames = [data, &new["data"]].map(|data| data["frames"].as_array().unwrap().len());
                assert!(frames[0] > 0 && frames[0] == frames[1], "{old} {new}");
            }
        }
        assert_eq!(names, NAMES.into(), "{side}");
    }
}

#[test]
fn sums_over_events_are_those_of_the_run() {
    for transport in Transport::QUIC {
        let folder = Folder::default();
        let (outcome, wire) = traced(&plan(transport, LINK), &folder);
        let ends = [("client", outcome.client, wire.to_server), ("server", outcome.server, wire.to_client)];
        for (side, recovery, wire) in ends {
            let [(_, events), _] = folder.traces(&format!("1-{side}"));
            let lost = count(&events, "recovery:packet_lost", |data| data["is_mtu_probe_packet"].is_null());
            assert_eq!(Some(lost), recovery.retransmitted_packets, "{transport} {side}");
            let sent = events.iter().filter(|event| event["name"] == "transport:packet_sent");
            let bytes: u64 = sent.map(|event| event["data"]["raw"]["length"].as_u64().unwrap()).sum();
            assert_eq!(bytes, wire.entered_bytes, "{transport} {side}");
            let delivered = "wirelab:packet_delivered";
            assert_eq!(count(&events, delivered, |_| true), wire.delivered, "{transport} {side}");
            let corrupted = |data: &Value| data["is_corrupted"] == true;
            assert_eq!(count(&events, delivered, corrupted), wire.corrupted, "{transport} {side}");
            for (trigger, dropped) in [("loss", wire.lost), ("queue_full", wire.queue_full)] {
                let is_it = |data: &Value| data["trigger"] == trigger;
                assert_eq!(count(&events, "wirelab:packet_dropped", is_it), dropped, "{transport} {side}");
            }
            assert!(wire.lost > 0 && wire.corrupted > 0 && lost > 0, "the link is bad enough");
        }
    }
}

#[test]
fn what_one_end_receives_is_what_the_other_sent_with_the_same_frames() {
    let folder = Folder::default();
    traced(&plan(Transport::QUIC_FLOW, LINK), &folder);
    let [client, server] = ["1-client", "1-server"].map(|end| folder.traces(end).map(|(_, events)| events));
    for (sender, receiver) in [(&client, &server), (&server, &client)] {
        let packets = |events: &[Value], name: &str| -> BTreeMap<String, Value> {
            let packets = events.iter().filter(|event| event["name"] == name);
            packets
                .map(|event| {
                    let header = &event["data"]["header"];
                    let key = format!("{} {}", header["packet_type"], header["packet_number"]);
                    (key, event["data"]["frames"].clone())
                })
                .collect()
        };
        let sent = packets(&sender[0], "transport:packet_sent");
        let received = packets(&receiver[0], "transport:packet_received");
        assert!(received.len() > 100 && received.len() < sent.len());
        received.iter().for_each(|(key, frames)| assert_eq!(sent.get(key), Some(frames), "{key}"));
    }
}

#[test]
fn virtual_time_gives_the_same_bytes() {
    let folders = [(); 2].map(|()| {
        let folder = Folder::default();
        traced(&plan(Transport::QUIC_ONE, LINK), &folder);
        folder
    });
    for name in ["1-client.qlog", "1-server.sqlog"] {
        assert!(folders[0].text(name) == folders[1].text(name), "{name}");
    }
}

/// The traces of a run that fills the disk, and why it ended.
fn traced_on_a_disk_of(room: usize) -> (Folder, io::ErrorKind) {
    let folder = Folder { room: Some(room), ..Folder::default() };
    let stop = StopSignal::default();
    let qlog = folder.qlog(&stop);
    let recording = Recording { qlog: Some(Arc::new(qlog.clone())), ..Recording::default() };
    let observers = Observers { recording, ..Observers::default() };
    let outcome = run(&plan(Transport::QUIC_ONE, LINK), 1, observers, &stop);
    assert!(stop.is_set() && outcome.is_ok_and(|outcome| outcome.interrupted));
    (folder, qlog.finish(false).unwrap_err().kind())
}

#[test]
fn a_full_disk_ends_the_run_and_leaves_well_formed_traces_marked_as_cut() {
    let whole = Folder::default();
    traced(&plan(Transport::QUIC_ONE, LINK), &whole);
    let whole = whole.traces("1-client").map(|(_, events)| events);
    for room in (150_000..151_000).step_by(97) {
        let (folder, error) = traced_on_a_disk_of(room);
        assert_eq!(error, io::ErrorKind::StorageFull);
        for side in ["client", "server"] {
            for (header, events) in folder.traces(&format!("1-{side}")) {
                let expected = "cut: the connection was not traced to its end";
                assert_eq!(header["description"].as_str().map(str::trim_end), Some(expected));
                assert!(events.len() > 400, "{side} {room}: {}", events.len());
            }
        }
        for ((_, events), whole) in folder.traces("1-client").iter().zip(&whole) {
            assert!(whole.starts_with(events), "{room}");
        }
    }
}

/// Interrupts a run after a number of packets.
struct Interrupt {
    after: u32,
    stop: StopSignal,
}

impl Observer for Interrupt {
    fn entered(&mut self, _: &PacketView<'_>) {
        self.after = self.after.saturating_sub(1);
        if self.after == 0 {
            self.stop.set();
        }
    }

    fn left(&mut self, _: &PacketView<'_>, _: Exit) {}
}

#[test]
fn after_an_interrupt_no_trace_says_that_it_is_complete() {
    for (transport, after) in [Transport::QUIC_ONE, Transport::ARQ_SELECTIVE]
        .into_iter()
        .flat_map(|transport| (200..210).map(move |after| (transport, after)))
    {
        let (folder, stop) = (Folder::default(), StopSignal::default());
        let qlog = folder.qlog(&stop);
        let recording = Recording { qlog: Some(Arc::new(qlog.clone())), ..Recording::default() };
        let wire: Option<Box<dyn Observer>> = Some(Box::new(Interrupt { after, stop: stop.clone() }));
        let outcome = run(
            &plan(transport, "delay=5ms"),
            1,
            Observers { wire, recording, ..Observers::default() },
            &stop,
        );
        qlog.finish(outcome.is_ok_and(|outcome| !outcome.interrupted)).unwrap();
        for (header, _) in ["1-client", "1-server"].iter().flat_map(|end| folder.traces(end)) {
            let description = header["description"].as_str().unwrap();
            assert!(description.starts_with("cut: "), "{transport} after {after}: {description}");
        }
    }
}

/// A disk that blocks every write until the test lets it continue.
struct Slow {
    file: MemoryFile,
    go: Arc<Mutex<std::sync::mpsc::Receiver<()>>>,
}

impl Write for Slow {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // Fails once the sender is dropped: then it is fast.
        let _ = self.go.lock().recv();
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for Slow {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}

impl Output for Slow {
    fn cut(&mut self, bytes: u64) -> io::Result<()> {
        self.file.cut(bytes)
    }
}

#[test]
fn in_real_time_a_slow_disk_delays_no_event_and_the_traces_say_how_many_are_missing() {
    const EVENTS: u64 = 100_000;
    let folder = Folder::default();
    let (wait, go) = std::sync::mpsc::channel();
    let (files, go) = (folder.files.clone(), Arc::new(Mutex::new(go)));
    let qlog = Qlog::new(QlogOptions {
        title: "a test".to_owned(),
        epoch: Epoch::Clock(|| Duration::from_secs(1)),
        has_link: true,
        open: Box::new(move |name| {
            let content = Content::default();
            files.lock().insert(name.to_owned(), content.clone());
            Ok(Box::new(Slow { file: MemoryFile { content, room: None }, go: go.clone() }))
        }),
        stop: StopSignal::default(),
    });
    let mut trace = qlog.trace(Side::Client, &[7]).unwrap();
    for number in 0..EVENTS {
        let (packet_type, header, payload) = (PacketType::OneRtt, &[0x40][..], &[1][..]);
        let packet = QuicPacket { packet_type, number, bytes: 30, header, payload };
        trace.record(Time::from_nanos(number), &QuicEvent::Sent { packet, is_probe: false });
    }
    drop(wait);
    let missing = qlog.finish(true).unwrap().left_out;
    for ((header, events), prefix) in folder.traces("1-client").into_iter().zip(["generic", "loglevel"]) {
        let expected = format!("cut: {missing} events are missing: the disk was slower than the events");
        assert_eq!(header["description"].as_str().map(str::trim_end), Some(&*expected));
        let is_warning = |event: &&Value| event["name"] == format!("{prefix}:warning");
        let warnings: Vec<&Value> = events.iter().filter(is_warning).collect();
        let told = |event: &&Value| {
            let message = event["data"]["message"].as_str().unwrap();
            message
                .strip_suffix(" events are missing here: the disk was slower than the events")
                .unwrap()
                .parse()
        };
        let told: u64 = warnings.iter().map(|event| told(event).unwrap_or(0)).sum();
        assert!(missing > EVENTS / 2 && told <= missing, "{missing} missing, {told} told of");
        assert_eq!((events.len() - warnings.len()) as u64 + missing, EVENTS);
    }
}

#[test]
fn sums_over_events_of_arq_are_those_of_the_run() {
    for transport in Transport::ARQ {
        let folder = Folder::default();
        let (outcome, wire) = traced(&plan(transport, LINK), &folder);
        let ends = [("client", outcome.client, wire.to_server), ("server", outcome.server, wire.to_client)];
        for (side, recovery, wire) in ends {
            let [(old, events), (new, records)] = folder.traces(&format!("1-{side}"));
            assert_eq!(old["traces"][0]["common_fields"]["protocol_type"][0], "ARQ");
            assert_eq!(new["trace"]["common_fields"]["protocol_types"][0], "ARQ");
            assert_eq!(new["trace"]["event_schemas"][0], "urn:x-wirelab:qlog:events");
            let is_of_schema = |record: &Value| record["name"].as_str().unwrap().starts_with("wirelab:");
            assert!(events.len() == records.len() && records.iter().all(is_of_schema));
            let resent = count(&events, "transport:packet_sent", |data| data["is_retransmission"] == true);
            assert_eq!(Some(resent), recovery.retransmitted_packets, "{transport} {side}");
            let sent = events.iter().filter(|event| event["name"] == "transport:packet_sent");
            let bytes: u64 = sent.map(|event| event["data"]["raw"]["length"].as_u64().unwrap()).sum();
            // The listener answers a first hello before there is a connection.
            let challenges = wire.entered_bytes.checked_sub(bytes).unwrap();
            assert!(if side == "client" { challenges == 0 } else { challenges > 0 && challenges < 1000 });
            let delivered = count(&events, "wirelab:packet_delivered", |_| true);
            assert!(if side == "client" {
                delivered == wire.delivered
            } else {
                wire.delivered - delivered < 10
            });
            let lost = count(&events, "wirelab:packet_dropped", |data| data["trigger"] == "loss");
            assert!(if side == "client" { lost == wire.lost } else { wire.lost - lost < 10 });
            // A segment is sent again after it was declared lost.
            let mut declared = BTreeSet::new();
            for event in &events {
                let data = &event["data"];
                let number = data["header"]["packet_number"].as_u64();
                match event["name"].as_str() {
                    Some("recovery:packet_lost") => _ = declared.insert(number),
                    Some("transport:packet_sent") if data["is_retransmission"] == true => {
                        assert!(declared.remove(&number), "{transport} {side}: {data}");
                    }
                    _ => {}
                }
            }
            let names = ["connection_started", "connection_state_updated", "connection_closed"];
            for name in names.map(|name| format!("connectivity:{name}")) {
                assert_eq!(count(&events, &name, |_| true), 1, "{transport} {side} {name}");
            }
            assert!(count(&events, "recovery:metrics_updated", |_| true) > 10 && resent > 0);
        }
    }
}

#[test]
fn arq_receives_what_the_other_end_sent() {
    let folder = Folder::default();
    traced(&plan(Transport::ARQ_SELECTIVE, LINK), &folder);
    let [client, server] = ["1-client", "1-server"].map(|end| folder.traces(end).map(|(_, events)| events));
    for (sender, receiver) in [(&client[0], &server[0]), (&server[0], &client[0])] {
        let numbers = |events: &[Value], name: &str, is: &dyn Fn(&Value) -> bool| -> BTreeSet<u64> {
            let found = events.iter().filter(|event| event["name"] == name && is(&event["data"]));
            found.filter_map(|event| event["data"]["header"]["packet_number"].as_u64()).collect()
        };
        let sent = numbers(sender, "transport:packet_sent", &|_| true);
        let received = numbers(receiver, "transport:packet_received", &|data| data["is_kept"] == true);
        assert!(sent.len() > 100 && received.is_subset(&sent) && received.len() + 5 > sent.len());
    }
}
