//! `bench` and `hol` against servers by URL, over loopback: a few seconds of real time, exact counts.

use std::{net::UdpSocket, process::Command};

use crate::support::{Finished, Program, Server, python, skip, together};
use serde_json::Value;

/// One message every 5 ms for 300 ms, with a long wait for late replies on a busy machine.
const SHORT: [&str; 12] =
    ["-d", "300ms", "-w", "50ms", "-i", "5ms", "--seeds", "1", "--wait", "3x15s", "-q", "-J"];
const MESSAGES: u64 = 60;

fn wirelab(arguments: &[&str]) -> Finished {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wirelab"));
    command.args(arguments);
    Program::start(command).finish()
}

fn measure(command: &str, urls: &[&str], options: &[&str]) -> Finished {
    wirelab(&[&[command], urls, &SHORT, options].concat())
}

fn cells(result: &str) -> Vec<Value> {
    let mut file: Value = serde_json::from_str(result).unwrap();
    let Value::Array(cells) = file["cells"].take() else { panic!("{result}") };
    cells
}

fn flags(cell: &Value) -> Vec<&str> {
    cell["flags"].as_array().unwrap().iter().filter_map(Value::as_str).collect()
}

fn count(cell: &Value, pointer: &str) -> u64 {
    cell.pointer(pointer).and_then(Value::as_u64).unwrap_or_else(|| panic!("no {pointer} in {cell}"))
}

#[track_caller]
fn assert_measured_and_told(cell: &Value, url: &str) {
    assert_eq!((cell["path"].as_str(), cell["server"].as_str()), (Some("direct"), Some(url)));
    assert_eq!(count(cell, "/messages/delivered"), MESSAGES, "{cell}");
    assert_eq!(count(cell, "/network/told"), MESSAGES, "{cell}");
    for pointer in ["/network/unattributed", "/network/to_server/lost", "/network/to_client/lost"] {
        assert_eq!(count(cell, pointer), 0, "{pointer}");
    }
    for pointer in ["/network/ipdv_ns/n", "/network/to_server/ipdv_ns/n", "/network/to_client/ipdv_ns/n"] {
        assert_eq!(count(cell, pointer), MESSAGES - 1, "{pointer}");
    }
    assert_eq!(count(cell, "/network/hold_ns/n"), MESSAGES);
}

#[test]
fn every_transport_is_measured_by_its_url_and_the_server_reports_each_message() {
    let _turn = together();
    for (scheme, transports) in [
        ("udp", &["udp"][..]),
        ("tcp", &["tcp"]),
        ("tls", &["tls"]),
        ("quic", &["quic-one", "quic-flow", "quic-message", "quic-datagram"]),
    ] {
        let server = Server::single(scheme, "echo");
        let url = format!("{scheme}://127.0.0.1:{}", server.port());
        let ca = server.certificates.ca();
        let result = measure("hol", &[&url], &["--ca", ca.to_str().unwrap()]).succeeded();
        let cells = cells(&result);
        let names: Vec<_> = cells.iter().map(|cell| cell["transport"].as_str().unwrap()).collect();
        assert_eq!(names, transports);
        for cell in &cells {
            assert_measured_and_told(cell, &url);
            assert_eq!(cell["hol"].is_null(), matches!(scheme, "tcp" | "tls"), "the kernel hides arrivals");
            assert!(cell["hol"].is_null() || cell["hol"]["to_server"].is_object());
            assert!(cell["theory"].is_null() && cell["theory_reason"].is_string());
            assert!(cell["budget_ns"]["path"].is_null() && cell["budget_ns"]["host"].is_u64());
        }
    }
}

#[test]
fn a_url_and_an_option_choose_among_quics_mappings() {
    let _turn = together();
    let server = Server::single("quic", "echo");
    let ca = server.certificates.ca();
    let url = format!("quic://localhost:{}", server.port());
    let one = format!("{url}?streams=one");
    let cells_of = |url: &str, options: &[&str]| {
        let options = [&["--ca", ca.to_str().unwrap()], options].concat();
        let cells = cells(&measure("bench", &[url], &options).succeeded());
        cells.iter().map(|cell| cell["transport"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(cells_of(&one, &[]), ["quic-one"]);
    assert_eq!(cells_of(&url, &["-t", "quic-message", "-4"]), ["quic-message"]);
}

#[test]
fn ipv6_is_measured() {
    let _turn = together();
    if UdpSocket::bind("[::1]:0").is_err() {
        return skip("no IPv6 on this machine");
    }
    let server = Server::single_with("udp://[::1]:0", "echo", &[]);
    let url = format!("udp://[::1]:{}", server.port());
    let cells = cells(&measure("bench", &[&url], &["-6"]).succeeded());
    assert_measured_and_told(&cells[0], &url);
}

#[test]
fn a_plain_echo_server_is_detected() {
    let _turn = together();
    let Some(command) = python("udp_echo.py") else { return };
    let mut echo = Program::start(command);
    let url = format!("udp://127.0.0.1:{}", echo.wait_for("").trim());
    let cells = cells(&measure("hol", &[&url], &[]).succeeded());
    let cell = &cells[0];
    assert_eq!(count(cell, "/messages/delivered"), MESSAGES);
    assert_eq!(count(cell, "/network/told"), 0);
    assert_eq!(count(cell, "/network/ipdv_ns/n"), MESSAGES - 1, "round trips are known");
    for pointer in ["/network/to_server", "/network/to_client", "/network/hold_ns", "/network/refused"] {
        assert!(cell.pointer(pointer).unwrap().is_null(), "{pointer}");
    }
    assert!(cell["hol"]["to_server"].is_null() && cell["budget_ns"].is_null());
    assert!(flags(cell).contains(&"plain-echo"), "{cell}");
}

#[test]
fn a_server_that_goes_away_ends_the_run_with_what_there_is() {
    let _turn = together();
    for scheme in ["udp", "tcp", "quic"] {
        let url = format!("{scheme}://127.0.0.1:0");
        let server = Server::single_with(&url, "echo", &["--count", "30"]);
        let url = format!("{scheme}://127.0.0.1:{}", server.port());
        let ca = server.certificates.ca();
        let finished = measure("bench", &[&url], &["--ca", ca.to_str().unwrap(), "-t", transport(scheme)]);
        assert!(finished.stderr.contains(&url), "{}", finished.stderr);
        assert_eq!(finished.code, Some(1), "{}", finished.stderr);
        let result = finished.stdout;
        let file: Value = serde_json::from_str(&result).unwrap();
        assert_eq!(file["complete"], false);
        let cell = &cells(&result)[0];
        assert!(flags(cell).contains(&"server-gone"), "{cell}");
        assert!(!flags(cell).contains(&"incomplete"), "nobody interrupted: {cell}");
        assert!(cell["server_gone_ns"].as_u64().is_some(), "{cell}");
        let delivered = count(cell, "/messages/delivered");
        assert!(delivered > 0 && delivered < MESSAGES, "{delivered}");
        assert_eq!(count(cell, "/messages/scheduled"), MESSAGES, "no message is forgotten");
        assert_eq!(delivered + count(cell, "/messages/unknown") + count(cell, "/messages/lost"), MESSAGES);
        assert_eq!(cell["loss_ratio"], 0.0, "it answered all that it could: {cell}");
    }
}

fn transport(scheme: &str) -> &str {
    if scheme == "quic" { "quic-one" } else { scheme }
}

#[test]
fn a_missing_server_is_reported_in_one_line() {
    let _turn = together();
    let free = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    for scheme in ["udp", "tcp"] {
        let url = format!("{scheme}://127.0.0.1:{free}");
        let finished = measure("bench", &[&url], &[]);
        assert_eq!(finished.code, Some(1));
        let lines: Vec<_> = finished.stderr.lines().collect();
        assert!(matches!(&lines[..], [line] if line.contains(&url)), "{}", finished.stderr);
    }
}

#[test]
fn a_rate_limit_is_visible() {
    let _turn = together();
    let server = Server::single_with("udp://127.0.0.1:0", "echo", &["--rate-limit", "20"]);
    let url = format!("udp://127.0.0.1:{}", server.port());
    let cells = cells(&measure("bench", &[&url], &[]).succeeded());
    assert!(count(&cells[0], "/network/refused") > 0, "{}", cells[0]);
    assert!(flags(&cells[0]).contains(&"refused"));
}

#[test]
fn options_that_conflict_with_a_url_are_refused_in_one_line() {
    let udp = "udp://127.0.0.1:9999";
    for (arguments, named) in [
        (&[udp, "--loss", "1%"][..], "--loss"),
        (&[udp, "--preset", "lte"], "--preset"),
        (&[udp, "--path", "direct"], "--path"),
        (&[udp, "--reply-length", "500"], "--reply-length"),
        (&[udp, "-t", "tcp"], "--transport"),
        (&["udp://127.0.0.1:0"], "port 0"),
        (&["udp://192.0.2.1", "-i", "1us"], "--interval"),
        (&[udp, "--ladder=longest"], "--ladder"),
    ] {
        let finished = wirelab(&[&["bench"], arguments].concat());
        assert_eq!(finished.code, Some(2), "{arguments:?}: {}", finished.stderr);
        assert_eq!(finished.stderr.lines().count(), 1, "{}", finished.stderr);
        assert!(finished.stderr.contains(named), "{}", finished.stderr);
    }
}
