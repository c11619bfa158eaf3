//! tshark reads captures: its counts agree with the result, and it decrypts with the secrets in the file.

use std::{collections::BTreeMap, path::Path};

use serde_json::Value;
use tempfile::tempdir;

use crate::support::{Program, run, tool};

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
fn tshark_reads_dtls_handshakes_and_takes_signed_datagrams_for_data() {
    let folder = tempdir().unwrap();
    let capture = folder.path().join("run.pcapng");
    cell(folder.path(), "bench -t dtls --seeds 1 -d 1s --loss 0% --pcap run.pcapng -J -q");
    let Some(hellos) = tshark(&capture, "dtls.handshake.type == 1", &["frame.number"]) else { return };
    // The client sends a second hello with the cookie, and both ends capture each hello.
    assert_eq!(hellos.len(), 4);
    cell(folder.path(), "bench -t udp-hmac --seeds 1 -d 1s --loss 0% --pcap run.pcapng -J -q");
    assert_eq!(tshark(&capture, "udp && !data", &["frame.number"]), Some(Vec::new()));
}
