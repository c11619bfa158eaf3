//! `wirelab link` in front of measuring programs: they see the configured loss and delay.
//!
//! Packets are counted from 1 each way. A comment beside each list names what a program sends before its first
//! numbered packet.

use std::{
    io,
    net::{SocketAddr, TcpListener, TcpStream, UdpSocket},
    process::Command,
    thread,
};

use crate::support::{Link, Program, Server, python_with, tool};
use serde_json::Value;

const LOOPBACK: &str = "127.0.0.1";

/// An address for a server that cannot choose a port itself: free for both UDP and TCP.
fn free_address() -> SocketAddr {
    loop {
        let udp = UdpSocket::bind((LOOPBACK, 0)).unwrap();
        let address = udp.local_addr().unwrap();
        if TcpListener::bind(address).is_ok() {
            return address;
        }
    }
}

fn run(mut command: Command, arguments: &[&str]) -> String {
    command.args(arguments);
    Program::start(command).finish().succeeded()
}

/// The number after `name` in the output of a program.
fn number_after(said: &str, name: &str) -> f64 {
    let (_, rest) = said.split_once(name).unwrap_or_else(|| panic!("no {name:?} in {said}"));
    let digits: String = rest.trim_start().chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
    digits.trim_end_matches('.').parse().unwrap()
}

#[test]
fn irtt_sees_the_delay_and_which_packets_are_lost_and_on_which_way() {
    let Some(server) = tool("irtt", &["server", "-b", "127.0.0.1:0"]) else { return };
    let mut server = Program::start(server);
    let line = server.wait_for("listener on ");
    let to = line.rsplit(' ').next().unwrap().parse().unwrap();
    // The first packet each way opens the session, so the fifth packet is the timed packet with number 3.
    let options = ["--delay", "20ms", "--loss", "drop:5:9:12", "--to-client", "loss=drop:7:20"];
    let link = Link::start("127.0.0.1:0", to, &options);

    let Some(client) = tool("irtt", &["client", "-i", "10ms", "-d", "600ms", "-Q", "-o", "-"]) else {
        return;
    };
    let said = run(client, &[&link.address.to_string()]);
    let said: Value = serde_json::from_str(&said).unwrap();
    let lost = |how: &str| -> Vec<u64> {
        let rounds = said["round_trips"].as_array().unwrap().iter();
        rounds.filter(|r| r["lost"] == how).map(|r| r["seqno"].as_u64().unwrap()).collect()
    };
    let up = [3, 7, 10];
    assert_eq!(lost("true_up"), up);
    // irtt learns the direction from the server's receive window.
    let answered: Vec<u64> = (0..60).filter(|n| !up.contains(n)).collect();
    assert_eq!(lost("true_down"), [answered[7 - 2], answered[20 - 2]]);
    // irtt skips packets whose send time it missed on a busy machine.
    let sent = said["stats"]["packets_sent"].as_u64().unwrap();
    assert_eq!(said["stats"]["packets_received"], sent - 5);
    let least = said["stats"]["rtt"]["min"].as_u64().unwrap();
    assert!((40_000_000..80_000_000).contains(&least), "{least} ns");
    let report = link.stop("INT");
    assert_eq!(report["to_server"]["lost"], 3);
    assert_eq!(report["to_client"]["lost"], 2);
}

#[test]
fn sockperf_sees_the_delay_and_the_packets_that_are_dropped() {
    let to = free_address();
    let port = to.port().to_string();
    let Some(server) = tool("sockperf", &["server", "-i", LOOPBACK, "-p", &port]) else { return };
    let mut server = Program::start(server);
    server.wait_for("using recvfrom() to block");
    // sockperf does not count its first 400 ms and its last 50 ms; the listed packets lie between.
    let options = ["--delay", "10ms", "--loss", "drop:80:81:110", "--to-client", "loss=0%"];
    let link = Link::start("127.0.0.1:0", to, &options);
    let port = link.address.port().to_string();
    let arguments = ["under-load", "-i", LOOPBACK, "-p", &port, "-t", "2", "--mps", "100"];
    let Some(mut client) = tool("sockperf", &arguments) else { return };
    client.args(["--reply-every", "1", "--dontwarmup", "--full-rtt"]);
    let said = run(client, &[]);
    assert_eq!(number_after(&said, "# dropped messages ="), 3.0, "{said}");
    assert_eq!(number_after(&said, "# duplicated messages ="), 0.0, "{said}");
    let least = number_after(&said, "<MIN> observation =");
    assert!((20_000.0..40_000.0).contains(&least), "{least} us: {said}");
    assert_eq!(link.stop("INT")["to_server"]["lost"], 3);
}

#[test]
fn iperf3_sees_the_packets_that_are_lost_with_its_control_connection_beside_the_link() {
    let to = free_address();
    let port = to.port().to_string();
    let arguments = ["--server", "--one-off", "--bind", LOOPBACK, "--port", &port, "--forceflush"];
    let Some(server) = tool("iperf3", &arguments) else { return };
    let mut server = Program::start(server);
    server.wait_for("Server listening");
    // The first packet announces the stream. A second address keeps the port free for TCP.
    let options = ["--delay", "10ms", "--loss", "drop:11:50:51:120", "--to-client", "loss=0%"];
    let link = Link::start("127.0.0.7:0", to, &options);
    forward_tcp(link.address, to);

    let (ip, port) = (link.address.ip().to_string(), link.address.port().to_string());
    let Some(client) = tool("iperf3", &["--udp", "--client", &ip, "--port", &port]) else { return };
    let said = run(client, &["--blockcount", "200", "--length", "1000", "--bitrate", "4M", "--json"]);
    let said: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(said["end"]["sum_sent"]["packets"], 200);
    // Losses are counted by gaps, so the last packets, which the end of the test overtakes, do not count.
    assert_eq!(said["end"]["streams"][0]["udp"]["lost_packets"], 4, "{said}");
    let report = link.stop("INT");
    assert_eq!(report["to_server"]["packets"], 201);
    assert_eq!(report["to_server"]["lost"], 4);
    // iperf3 measures no round trip; the jitter that it reports is the relay's own.
}

/// Forwards TCP connections until the test ends.
fn forward_tcp(listen: SocketAddr, to: SocketAddr) {
    let listener = TcpListener::bind(listen).unwrap();
    thread::spawn(move || {
        while let Ok((client, _)) = listener.accept() {
            let server = TcpStream::connect(to).unwrap();
            for (mut from, mut to) in
                [(client.try_clone().unwrap(), server.try_clone().unwrap()), (server, client)]
            {
                thread::spawn(move || {
                    let _ = io::copy(&mut from, &mut to);
                    // One side may end before the other.
                    let _ = to.shutdown(std::net::Shutdown::Write);
                });
            }
        }
    });
}

#[test]
fn dig_asks_again_when_its_query_or_the_answer_is_lost() {
    let to = answer_queries();
    let options = ["--delay", "30ms", "--loss", "drop:1", "--to-client", "loss=drop:1:3"];
    let link = Link::start("127.0.0.1:0", to, &options);
    let port = link.address.port().to_string();
    // Two retries: the first query is lost, then the first answer.
    let query = ["@127.0.0.1", "-p", &port, "+tries=3", "+timeout=1", "+noedns", "wire.test", "A"];
    let Some(dig) = tool("dig", &query) else { return };
    let said = Program::start(dig).finish().succeeded();
    assert!(said.contains("192.0.2.77"), "{said}");
    let took = number_after(&said, "Query time:");
    // dig counts whole milliseconds from the completion of the send, which may come late.
    assert!((50.0..1000.0).contains(&took), "{took} ms: {said}");
    let report = link.stop("INT");
    assert_eq!(report["to_server"]["packets"], 3);
    assert_eq!(report["to_client"]["packets"], 2);
    assert_eq!(report["to_client"]["lost"], 1);
}

/// A name server that answers every query with the same address (RFC 1035 section 4).
fn answer_queries() -> SocketAddr {
    let socket = UdpSocket::bind((LOOPBACK, 0)).unwrap();
    let address = socket.local_addr().unwrap();
    thread::spawn(move || {
        let mut message = [0; 512];
        while let Ok((length, from)) = socket.recv_from(&mut message) {
            // A response without error, with one answer: the name of the question, type A, class IN, TTL 60.
            let mut reply = message[..length].to_vec();
            reply[2] |= 0x80;
            reply[3] = 0x80;
            reply[7] = 1;
            reply.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 77]);
            let _ = socket.send_to(&reply, from);
        }
    });
    address
}

#[test]
fn aioquic_completes_over_a_lossy_link_and_sees_its_delay() {
    let Some(client) = python_with("aioquic", "quic_echo.py") else { return };
    let server = Server::single("quic", "echo");
    let to = SocketAddr::new(LOOPBACK.parse().unwrap(), server.port());
    let link = Link::start("127.0.0.1:0", to, &["--delay", "10ms", "--loss", "5%", "--seed", "3"]);
    let ca = server.certificates.ca().display().to_string();
    let said = run(client, &["rounds", &link.address.port().to_string(), &ca, "40"]);
    assert_eq!(number_after(&said, "echoes:"), 40.0);
    let least = number_after(&said, "least milliseconds:");
    assert!((20.0..40.0).contains(&least), "{said}");
    let report = link.stop("INT");
    for way in ["to_server", "to_client"] {
        assert!(report[way]["lost"].as_u64().unwrap() > 0, "{report}");
    }
}
