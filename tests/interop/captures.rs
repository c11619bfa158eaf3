//! tshark reads captures: its counts agree with the result, and it decrypts with the secrets in the file.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;
use tempfile::tempdir;

use wirelab::path::direct::may_observe_tcp;

use crate::support::{Link, Program, Server, has_namespaces, python_with, run, skip, tool};

/// The values of `fields` of each packet that matches `filter`. Skips without tshark.
fn tshark(capture: &Path, filter: &str, fields: &[&str]) -> Option<Vec<Vec<String>>> {
    let mut command = tool("tshark", &["-T", "fields", "-E", "separator=|", "-r"])?;
    command.arg(capture).args(["-Y", filter]);
    fields.iter().for_each(|field| {
        command.args(["-e", field]);
    });
    let output = Program::start(command).finish().succeeded();
    Some(output.lines().map(|line| line.split('|').map(str::to_owned).collect()).collect())
}

/// Runs `wirelab` with `arguments`, which name the capture `run.pcapng`. Returns the only cell of the result.
fn cell(folder: &Path, arguments: &str) -> Value {
    let output = run(folder, arguments.split(' ')).succeeded();
    serde_json::from_str::<Value>(&output).unwrap()["cells"][0].clone()
}

#[test]
fn tshark_counts_the_packets_and_the_fates_that_the_result_counts() {
    let folder = tempdir().unwrap();
    let capture = folder.path().join("run.pcapng");
    for path in ["sim", "relay"] {
        let options = "--seeds 1 -w 0s -d 2s --loss 5% --duplicate 3% --corrupt 2% --pcap run.pcapng -J -q";
        let cell = cell(folder.path(), &format!("bench -t udp --path {path} {options}"));
        let fields = ["frame.interface_name", "frame.comment", "ip.src", "udp.srcport"];
        let Some(packets) = tshark(&capture, "frame", &fields) else { return };
        let mut counts: BTreeMap<(&str, &[String]), u64> = BTreeMap::new();
        let mut comments: BTreeMap<&str, u64> = BTreeMap::new();
        for packet in &packets {
            *counts.entry((&packet[0], &packet[2..])).or_default() += 1;
            packet[1].split([',', ';']).for_each(|comment| *comments.entry(comment.trim()).or_default() += 1);
        }
        let client = &packets[0][2..];
        let server = packets.iter().map(|packet| &packet[2..]).find(|source| *source != client).unwrap();
        let wire = |way: &str, key: &str| cell["wire"][way][key].as_u64().unwrap();
        let both = |key: &str| wire("to_server", key) + wire("to_client", key);
        assert!(both("lost") > 0 && both("duplicated") > 0, "{cell}");
        assert_eq!(counts[&("client", client)], wire("to_server", "packets"));
        assert_eq!(counts[&("server", server)], wire("to_client", "packets"));
        assert_eq!(comments.get("lost on the link").copied().unwrap_or(0), both("lost"));
        assert_eq!(comments.get("doubled by the link").copied().unwrap_or(0), both("duplicated"));
        let damaged = tshark(&capture, "_ws.malformed || udp.checksum.status == 0", &["frame.number"]);
        assert_eq!(damaged, Some(Vec::new()));
    }
}

#[test]
fn tshark_decrypts_quic_with_the_secrets_in_the_capture() {
    let folder = tempdir().unwrap();
    let options = "--seeds 1 -d 1s --loss 1% --pcap run.pcapng -J -q";
    let cell = cell(folder.path(), &format!("bench -t quic-one {options}"));
    let capture = folder.path().join("run.pcapng");
    let Some(failed) = tshark(&capture, "quic.decryption_failed || _ws.malformed", &["frame.number"]) else {
        return;
    };
    assert_eq!(failed, Vec::<Vec<String>>::new());
    let arrived = tshark(
        &capture,
        "quic.stream_data && frame.interface_name == \"server\" && !frame.comment",
        &["frame.number"],
    );
    // Messages of the warm-up arrive too, but are not in the result.
    assert!(arrived.unwrap().len() as u64 >= cell["messages"]["delivered"].as_u64().unwrap());
}

#[test]
fn tshark_reads_dtls_handshakes_and_shows_signed_datagrams_as_data() {
    let folder = tempdir().unwrap();
    let capture = folder.path().join("run.pcapng");
    cell(folder.path(), "bench -t dtls --seeds 1 -d 1s --loss 0% --pcap run.pcapng -J -q");
    let Some(hellos) = tshark(&capture, "dtls.handshake.type == 1", &["frame.number"]) else { return };
    // The client sends a second hello with the cookie, and both ends capture each hello.
    assert_eq!(hellos.len(), 4);
    cell(folder.path(), "bench -t udp-hmac --seeds 1 -d 1s --loss 0% --pcap run.pcapng -J -q");
    assert_eq!(tshark(&capture, "udp && !data", &["frame.number"]), Some(Vec::new()));
}

/// Writes the packets of the client's interface to a capture of their own. In the whole capture each segment is twice,
/// once for each end, and tshark would report the second as a retransmission.
fn of_client(capture: &Path) -> Option<PathBuf> {
    let client = capture.with_file_name("client.pcapng");
    let mut command = tool("tshark", &["-Y", "frame.interface_name == \"client\"", "-r"])?;
    command.arg(capture).arg("-w").arg(&client);
    Program::start(command).finish().succeeded();
    Some(client)
}

/// Bytes of TCP payload in the packets that match `filter`.
fn tcp_bytes(capture: &Path, filter: &str) -> u64 {
    let lengths = tshark(capture, filter, &["tcp.len"]).unwrap();
    lengths.iter().map(|length| length[0].parse::<u64>().unwrap()).sum()
}

#[test]
fn tsharks_analysis_of_tcp_agrees_with_the_result() {
    if !has_namespaces() {
        return;
    }
    let folder = tempdir().unwrap();
    let capture = folder.path().join("run.pcapng");
    let options = "--path netns -n 2MB --seeds 1 --loss 0% --to-server loss=2% --pcap run.pcapng -J -q";
    let cell = cell(folder.path(), &format!("transfer -t tcp {options}"));
    let Some(malformed) = tshark(&capture, "_ws.malformed || tcp.checksum.status == 0", &["frame.number"])
    else {
        return;
    };
    assert_eq!(malformed, Vec::<Vec<String>>::new());
    let client = of_client(&capture).unwrap();
    // Nothing is out of order at the sender, but tshark classifies a quick retransmission as out of order.
    let again = "tcp.analysis.retransmission || tcp.analysis.out_of_order";
    let sent = format!("ip.src == 10.0.0.1 && ({again})");
    let packets = tshark(&client, &sent, &["frame.number"]).unwrap().len() as u64;
    assert_eq!(Some(packets), cell["recovery"]["retransmitted_packets"].as_u64());
    assert!(packets > 0);
    // All bytes of the stream were sent, and those of lost segments again.
    let lost = "ip.src == 10.0.0.1 && tcp.len > 0 && frame.comment contains \"lost\"";
    assert!(tcp_bytes(&client, &sent) >= tcp_bytes(&client, lost));
    let all = tcp_bytes(&client, "ip.src == 10.0.0.1");
    assert!(all - tcp_bytes(&client, &sent) >= 2_000_000);
    for (way, from) in [("to_server", "10.0.0.1"), ("to_client", "10.0.0.2")] {
        let filter = format!("ip.src == {from} && frame.packet_flags_direction == 2");
        let sent = tshark(&capture, &filter, &["ip.len"]).unwrap();
        let bytes: u64 = sent.iter().map(|length| length[0].parse::<u64>().unwrap()).sum();
        // The wire's counters begin after the handshake.
        let (packets, counted) = (&cell["wire"][way]["packets"], &cell["wire"][way]["bytes"]);
        assert!(
            sent.len() as u64 >= packets.as_u64().unwrap()
                && sent.len() as u64 <= packets.as_u64().unwrap() + 12
        );
        assert!(bytes >= counted.as_u64().unwrap() && bytes <= counted.as_u64().unwrap() + 1000);
    }
}

#[test]
fn tshark_decrypts_every_connection_of_handshakes_on_every_path() {
    let folder = tempdir().unwrap();
    let capture = folder.path().join("run.pcapng");
    let runs = [("quic-one", "sim"), ("quic-one", "relay"), ("tls", "netns"), ("tls", "direct")];
    for (transport, path) in runs {
        if path == "netns" && !has_namespaces() {
            continue;
        }
        if (transport, path) == ("tls", "direct") && !may_observe_tcp() {
            return skip("no CAP_NET_RAW");
        }
        let loss = if path == "direct" { "" } else { " --loss 0%" };
        let options = format!("--seeds 1{loss} --mode cold --pcap run.pcapng -J -q");
        let cell = cell(folder.path(), &format!("handshake -t {transport} --path {path} -n 7 {options}"));
        assert_eq!(cell["handshake"]["connections"], 7, "{cell}");
        // All messages but the hellos are encrypted. tshark shows each once, where it was sent.
        let messages =
            tshark(&capture, "tls.handshake.type", &["frame.interface_name", "tls.handshake.type"]);
        let Some(messages) = messages else { return };
        let mut counts: BTreeMap<(&str, &str), u64> = BTreeMap::new();
        for message in &messages {
            message[1].split(',').for_each(|kind| *counts.entry((&message[0], kind)).or_default() += 1);
        }
        let hellos_certificate_and_finished = [
            ("client", "1"),
            ("server", "2"),
            ("server", "8"),
            ("server", "11"),
            ("server", "15"),
            ("server", "20"),
            ("client", "20"),
        ];
        for message in hellos_certificate_and_finished {
            assert_eq!(counts.get(&message), Some(&7), "{message:?} of {transport} on {path}: {counts:?}");
        }
        let failed = tshark(&capture, "quic.decryption_failed || _ws.malformed", &["frame.number"]);
        assert_eq!(failed, Some(Vec::new()));
    }
}

#[test]
fn tshark_decrypts_what_aioquic_sent_through_a_link_with_aioquics_key_log() {
    let Some(mut client) = python_with("aioquic", "quic_echo.py") else { return };
    let server = Server::single("quic", "echo");
    let folder = tempdir().unwrap();
    let [capture, keys] = ["link.pcapng", "keys.txt"].map(|name| folder.path().join(name));
    let pcap = ["--pcap", capture.to_str().unwrap()];
    let options = [&["--loss", "0%", "--to-server", "loss=drop:4:9", "--delay", "5ms"][..], &pcap].concat();
    let link = Link::start("127.0.0.1:0", server.address("quic"), &options);
    let port = link.address.port().to_string();
    client.args(["client", &port, server.certificates.ca().to_str().unwrap(), keys.to_str().unwrap()]);
    let said = Program::start(client).finish().succeeded();
    assert!(said.contains("stream: over a stream") && said.contains("datagram: in a datagram"), "{said}");
    let report = link.stop("INT");
    let Some(mut command) = tool("tshark", &["-T", "fields", "-e", "quic.stream_data", "-r"]) else { return };
    command.arg(&capture).args(["-d", &format!("udp.port=={port},quic"), "-o"]);
    command.arg(format!("tls.keylog_file:{}", keys.display()));
    let in_packets = |filter: &str| {
        let mut tshark = Command::new(command.get_program());
        tshark.args(command.get_args()).args(["-Y", filter]);
        Program::start(tshark).finish().succeeded()
    };
    let hex: String = b"over a stream".iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(in_packets("quic.stream_data").contains(&hex));
    assert_eq!(in_packets("quic.decryption_failed || _ws.malformed"), "");
    assert_eq!(report["to_server"]["lost"], 2);
    assert_eq!(in_packets("frame.comment contains \"lost\"").lines().count(), 2);
    let sent = |interface: u8| {
        in_packets(&format!("frame.interface_id == {interface} && frame.packet_flags_direction == 2"))
    };
    assert_eq!(Some(sent(0).lines().count() as u64), report["to_server"]["packets"].as_u64());
    assert_eq!(Some(sent(1).lines().count() as u64), report["to_client"]["packets"].as_u64());
}

#[test]
fn tshark_decrypts_what_a_client_sent_to_a_server_by_url() {
    let server = Server::single("quic", "echo");
    let folder = tempdir().unwrap();
    let [url, ca] = [&server.urls[0], server.certificates.ca().to_str().unwrap()].map(str::to_owned);
    let options = "-d 500ms -w 0s --seeds 1 --pcap run.pcapng --keylog keys.txt -J -q";
    let sent = cell(folder.path(), &format!("bench {url} --ca {ca} {options}"))["messages"]["sent"].clone();
    let capture = folder.path().join("run.pcapng");
    let Some(failed) = tshark(&capture, "quic.decryption_failed || _ws.malformed", &["frame.number"]) else {
        return;
    };
    assert_eq!(failed, Vec::<Vec<String>>::new());
    let streams = "quic.stream_data && frame.interface_name == \"client\" && udp.dstport ==";
    let streams = tshark(&capture, &format!("{streams} {}", server.port()), &["ip.src"]).unwrap();
    assert!(streams.len() as u64 >= sent.as_u64().unwrap(), "{} of {sent}", streams.len());
    assert!(streams.iter().all(|source| source[0] == "127.0.0.1"), "{:?}", streams[0]);
    let keys = fs::read_to_string(folder.path().join("keys.txt")).unwrap();
    assert!(keys.contains("CLIENT_TRAFFIC_SECRET_0 "), "{keys}");
}

#[test]
fn tshark_decrypts_what_a_client_sent_to_a_tls_server_by_url() {
    if !may_observe_tcp() {
        return skip("no CAP_NET_RAW");
    }
    let server = Server::single("tls", "echo");
    let folder = tempdir().unwrap();
    let [url, ca] = [&server.urls[0], server.certificates.ca().to_str().unwrap()].map(str::to_owned);
    let options = "-d 500ms -w 0s --seeds 1 --pcap run.pcapng -J -q";
    let sent = cell(folder.path(), &format!("bench {url} --ca {ca} {options}"))["messages"]["sent"].clone();
    let capture = folder.path().join("run.pcapng");
    let port = server.port();
    let secret = format!("tls.app_data && tcp.dstport == {port}");
    let decode = tshark(&capture, &secret, &["frame.interface_name", "frame.packet_flags_direction"]);
    let Some(records) = decode else { return };
    assert!(records.len() as u64 >= sent.as_u64().unwrap(), "{} of {sent}", records.len());
    // Only this end is captured: what it sent, and what it received.
    let out = ["client".to_owned(), "0x00000002".to_owned()];
    assert!(records.iter().all(|record| *record == out), "{:?}", records[0]);
    let back = format!("tcp && !(tcp.dstport == {port})");
    let back = tshark(&capture, &back, &["frame.interface_name", "frame.packet_flags_direction"]).unwrap();
    let inward = ["client".to_owned(), "0x00000001".to_owned()];
    assert!(!back.is_empty() && back.iter().all(|packet| *packet == inward), "{:?}", back.first());
    let again = tshark(&capture, "tcp.analysis.retransmission || _ws.malformed", &["frame.number"]);
    assert_eq!(again, Some(Vec::new()));
    // Time stamps are the kernel's from the first packet on.
    let times = tshark(&capture, "frame", &["frame.time_epoch"]).unwrap();
    let times: Vec<f64> = times.iter().map(|time| time[0].parse().unwrap()).collect();
    assert!(times.is_sorted(), "{times:?}");
}
