//! Traces in qlog: their structure, and their sums compared with the figures of the run.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Cursor, Seek, SeekFrom, Write},
    sync::Arc,
    time::Duration,
};

use serde_json::Value;
use wirelab::{
    capture::{Epoch, Qlog, QlogOptions, Recording},
    experiment::{Observers, Outcome, PathKind, Plan, run},
    link::{DropReason, LinkSpec},
    path::{Exit, Observer, PacketView, StopSignal},
    transport::{Congestion, LossDetection, Transport},
    unit::{Mutex, PerDirection},
};

use crate::support::workload;

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
        match self.room {
            Some(room) if content.position() as usize + bytes.len() > room => {
                Err(io::ErrorKind::StorageFull.into())
            }
            _ => content.write(bytes),
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
    let recording = Recording { qlog: Some(qlog.clone()), ..Recording::default() };
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
            assert_eq!(header["description"], "complete: the connection was traced to its end");
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
        // The run may be over before a CONNECTION_CLOSE frame is sent or received.
        names.insert("connection_closed");
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

#[test]
fn a_full_disk_ends_the_run_and_leaves_a_trace_marked_as_cut() {
    let folder = Folder { room: Some(20_000), ..Folder::default() };
    let stop = StopSignal::default();
    let qlog = folder.qlog(&stop);
    let recording = Recording { qlog: Some(qlog.clone()), ..Recording::default() };
    let observers = Observers { recording, ..Observers::default() };
    let outcome = run(&plan(Transport::QUIC_ONE, LINK), 1, observers, &stop);
    assert!(stop.is_set() && outcome.is_ok_and(|outcome| outcome.interrupted));
    assert_eq!(qlog.finish(false).unwrap_err().kind(), io::ErrorKind::StorageFull);
    let text = folder.text("1-client.qlog");
    assert!(text.contains("\"description\":\"cut: the connection was not traced to its end"));
}
