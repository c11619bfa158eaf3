//! The client's address changes in real time: through the relay, between namespaces, and behind `wirelab link`.

use std::{
    net::{SocketAddr, UdpSocket},
    process::Command,
    thread,
    time::Duration,
};

use serde_json::Value;

use crate::support::{Link, alone, at_once, has_namespaces, skip, together};

const MS: u64 = 1_000_000;

/// The result of `wirelab bench` with these arguments.
fn result(arguments: &str) -> Value {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wirelab"));
    command.arg("bench").args(arguments.split_whitespace()).args(["-J", "--no-progress", "-q"]);
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let result: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {said}"));
    assert_eq!(result["skipped"].as_array().map(Vec::len), Some(0), "{}", result["skipped"]);
    result
}

/// Whether the machine was on time. Skips the upper bounds of times where it was not.
fn in_time(result: &Value) -> bool {
    let late = result["system"]["lateness_ns"]["p99"].as_u64().unwrap();
    let sent_late =
        result["cells"].as_array().unwrap().iter().map(|cell| cell["send_delay_ns"]["p99"].as_u64().unwrap());
    let latest = sent_late.max().unwrap().max(late);
    if latest >= 10 * MS {
        skip(&format!("gaps are not checked: this machine was {latest} ns late"));
    }
    latest < 10 * MS
}

fn count(cell: &Value, key: &str) -> u64 {
    cell["migration"][key].as_u64().unwrap()
}

fn gap(cell: &Value) -> u64 {
    cell["migration"]["gap_ns"]["max"].as_u64().unwrap_or_else(|| panic!("no service: {cell:#}"))
}

#[test]
fn through_the_relay_quic_and_udp_go_on_and_arq_connects_again() {
    let _alone = alone();
    let transports = ["udp", "quic-message", "arq-selective"];
    let cases = ["port", "ip"].into_iter().flat_map(|change| transports.map(|transport| (change, transport)));
    at_once(cases, |(change, transport)| through_the_relay(change, transport));
}

fn through_the_relay(change: &str, transport: &str) {
    let result = result(&format!(
        "--path relay --rebind 1s:{change} --rtt 20ms --loss 0% -t {transport} -d 4s --seeds 1 -w 1s"
    ));
    let (cell, in_time) = (&result["cells"][0], in_time(&result));
    if transport == "arq-selective" {
        assert_eq!(count(cell, "connections"), 1);
        assert!(gap(cell) >= 1_000 * MS && (!in_time || gap(cell) < 1_500 * MS), "{cell:#}");
        assert_eq!(cell["messages"]["unfinished"], 0);
        return;
    }
    assert_eq!((count(cell, "connections"), count(cell, "no_service")), (0, 0), "{cell:#}");
    // A round trip and an interval.
    assert!(gap(cell) >= 20 * MS && (!in_time || gap(cell) < 60 * MS), "{cell:#}");
    assert!(count(cell, "unroutable_packets") > 0, "{cell:#}");
    if transport == "udp" {
        assert!(count(cell, "lost") >= 1 && (!in_time || count(cell, "lost") < 5), "{cell:#}");
        assert!(cell["migration"]["unvalidated_ratio"].is_null(), "{cell:#}");
    } else {
        assert!(cell["migration"]["unvalidated_ratio"].as_f64().unwrap() < 4.0, "{cell:#}");
        assert_eq!(cell["messages"]["unfinished"], 0);
        assert!(count(cell, "resent_bytes") >= 1000, "{cell:#}");
    }
}

/// The kernel removes the client's address and adds another.
#[test]
fn between_namespaces_a_new_address_breaks_the_kernels_tcp_and_not_quic() {
    if !has_namespaces() {
        return;
    }
    let _alone = alone();
    at_once(["udp", "quic-message", "tcp", "tls", "dtls"], to_a_new_address);
}

fn to_a_new_address(transport: &str) {
    let result = result(&format!(
        "--path netns --rebind 1s:ip --rtt 20ms --loss 0% -t {transport} -d 5s --seeds 1 -w 1s"
    ));
    let (cell, in_time) = (&result["cells"][0], in_time(&result));
    match transport {
        // The socket is bound to the old address. The kernel refuses to send, and the client opens another socket.
        "udp" => assert!(!in_time || gap(cell) < 100 * MS, "{cell:#}"),
        "quic-message" => {
            assert_eq!(count(cell, "connections"), 0, "{cell:#}");
            assert_eq!(cell["messages"]["unfinished"], 0);
            assert!(!in_time || gap(cell) < 100 * MS, "{cell:#}");
            assert!(cell["migration"]["unvalidated_ratio"].as_f64().unwrap() < 4.0, "{cell:#}");
        }
        _ => {
            assert!(count(cell, "connections") >= 1, "{cell:#}");
            assert_eq!(count(cell, "no_service"), 0, "{cell:#}");
        }
    }
    if let "tcp" | "tls" = transport {
        // A second of silence, then a handshake.
        assert!(gap(cell) >= 1_000 * MS && (!in_time || gap(cell) < 2_000 * MS), "{cell:#}");
        assert_eq!(cell["messages"]["unfinished"], 0, "{cell:#}");
        assert!(count(cell, "resent_requests") >= 50, "{cell:#}");
        assert_eq!(count(cell, "lost"), 0);
    }
}

/// A message of a client that has no network from 1 s to 1.3 s, and then another network with a round trip of 40 ms.
const HANDOVER: &str = "--handover 1s:300ms --after delay=20ms,rate=20mbit --rtt 20ms --loss 0% -C fixed -i 10ms \
                        -d 4s -w 1s --seeds 1";

/// How late a round trip can be: each end and, in each direction, both sockets of the link handle a message, at most
/// 10 ms late if the machine is [`in_time`].
const LATE: u64 = 6 * 10 * MS;
/// The round trip of the other network.
const ROUND_TRIP: u64 = 40 * MS;
/// The interval, and the serialization of a message, its reply and what QUIC sends before it: less than 3 ms in `sim`.
const INTERVAL_AND_SENDING: u64 = 10 * MS + 3 * MS;

/// What goes on over the other network after so many `round_trips` there: its gap is the outage, these, and an interval
/// at most.
fn check_gap_of_outage(cell: &Value, in_time: bool, round_trips: u64) {
    assert_eq!((count(cell, "connections"), count(cell, "no_service")), (0, 0), "{cell:#}");
    let least = 300 * MS + round_trips * ROUND_TRIP;
    let most = least + INTERVAL_AND_SENDING + round_trips * LATE;
    assert!(gap(cell) >= least - MS && (!in_time || gap(cell) < most), "{cell:#}");
    assert_eq!(cell["migration"]["outage_ns"], 300 * MS);
}

#[test]
fn through_the_relay_a_handover_costs_its_outage_and_a_round_trip() {
    let _alone = alone();
    let result =
        result(&format!("--path relay {HANDOVER} -t udp,udp-hmac,quic-message,quic-one,arq-selective,dtls"));
    let [udp, signed, quic, one, arq, dtls] = &result["cells"].as_array().unwrap()[..] else {
        panic!("{result:#}")
    };
    let in_time = in_time(&result);
    for cell in [udp, signed, quic] {
        check_gap_of_outage(cell, in_time, 1);
    }
    // On one stream, the reply waits for what was lost in the outage. That takes a second round trip: the first packet
    // from the new address and its acknowledgement tell both ends what was lost.
    check_gap_of_outage(one, in_time, 2);
    for cell in [udp, signed] {
        // Thirty in the outage, and those of the round trip before it.
        assert!(count(cell, "lost") >= 30 && (!in_time || count(cell, "lost") < 36), "{cell:#}");
    }
    for cell in [quic, one] {
        assert_eq!((count(cell, "lost"), &cell["messages"]["unfinished"]), (0, &0.into()), "{cell:#}");
    }
    for cell in [arq, dtls] {
        assert_eq!((count(cell, "connections"), count(cell, "no_service")), (1, 0), "{cell:#}");
        // The outage, a second of silence, and a handshake.
        assert!(gap(cell) >= 1_300 * MS && (!in_time || gap(cell) < 1_900 * MS), "{cell:#}");
    }
    assert_eq!((count(arq, "lost"), &arq["messages"]["unfinished"]), (0, &0.into()), "{arq:#}");
}

#[test]
fn between_namespaces_a_handover_breaks_the_kernels_tcp_and_not_quic() {
    if !has_namespaces() {
        return;
    }
    let _alone = alone();
    let result = result(&format!("--path netns {HANDOVER} -t udp,quic-message,arq-selective,dtls,tcp,tls"));
    let [udp, quic, arq, dtls, tcp, tls] = &result["cells"].as_array().unwrap()[..] else {
        panic!("{result:#}")
    };
    let in_time = in_time(&result);
    check_gap_of_outage(quic, in_time, 1);
    assert_eq!((count(quic, "lost"), &quic["messages"]["unfinished"]), (0, &0.into()), "{quic:#}");
    // The kernel reports to a connected UDP socket that its address is gone. The client opens another as soon as there
    // is a network, and sends what waited for it.
    for cell in [udp, arq, dtls] {
        assert_eq!((count(cell, "connections"), count(cell, "no_service")), (1, 0), "{cell:#}");
        assert!(gap(cell) >= 339 * MS && (!in_time || gap(cell) < 600 * MS), "{cell:#}");
    }
    // Without a handshake, what waited is answered after a round trip. The client looks for a network every 10 ms.
    let most = 300 * MS + ROUND_TRIP + INTERVAL_AND_SENDING + LATE + 10 * MS;
    assert!(!in_time || gap(udp) < most, "{udp:#}");
    for cell in [tcp, tls] {
        assert!(count(cell, "connections") >= 1, "{cell:#}");
        assert!(gap(cell) >= 1_000 * MS && (!in_time || gap(cell) < 2_000 * MS), "{cell:#}");
        assert_eq!((count(cell, "lost"), &cell["messages"]["unfinished"]), (0, &0.into()), "{cell:#}");
    }
}

/// A server that answers each datagram with the address that it came from.
fn mirror() -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    thread::spawn(move || {
        let mut buffer = [0; 1500];
        while let Ok((_, from)) = socket.recv_from(&mut buffer) {
            let _ = socket.send_to(from.to_string().as_bytes(), from);
        }
    });
    address
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the mapping changes in real time")]
fn other_peoples_clients_get_a_new_mapping_and_go_on() {
    let _turn = together();
    for change in ["port", "ip"] {
        let rebind = format!("500ms:{change}");
        let options = ["--loss", "0%", "--rtt", "10ms", "--idle", "2s", "--rebind", &rebind];
        let link = Link::start("127.0.0.1:0", mirror(), &options);
        let client = link.client();
        client.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let seen = || -> SocketAddr {
            let mut buffer = [0; 64];
            client.send(b"?").unwrap();
            let length = client.recv(&mut buffer).unwrap();
            std::str::from_utf8(&buffer[..length]).unwrap().parse().unwrap()
        };
        let before = seen();
        thread::sleep(Duration::from_millis(800));
        let after = seen();
        assert_ne!(before.port(), after.port());
        assert_eq!(before.ip() == after.ip(), change == "port", "{before} {after}");
        assert_eq!(seen(), after);
        // Until the old socket has been idle for too long, and the client has not.
        for _ in 0..2 {
            thread::sleep(Duration::from_millis(950));
            assert_eq!(seen(), after);
        }
        let report = link.stop("INT");
        assert_eq!(report["unroutable"], 0);
        let counts = ["accepted", "known", "idle", "displaced"].map(|count| report["clients"][count].clone());
        assert_eq!(counts, [1, 1, 0, 0]);
    }
}
