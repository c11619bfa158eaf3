//! Python's `socket` and aioquic, as clients and as servers.
//!
//! The programs are in `tests/python`. Only `quic_echo.py` and `quic_perf.py` need more than Python itself.

use std::process::Command;

use crate::support::{Certificates, Program, Server, python, python_with, send};

/// Starts a Python server and returns it with its port.
fn start(mut command: Command, arguments: &[&str]) -> (Program, String) {
    command.args(arguments);
    let mut program = Program::start(command);
    let line = program.wait_for("listening on ");
    let port = line.rsplit(' ').next().unwrap_or_default().to_owned();
    (program, port)
}

/// Runs a Python client to its end and returns its output.
fn run(mut command: Command, arguments: &[&str]) -> String {
    command.args(arguments);
    Program::start(command).finish().succeeded()
}

#[test]
fn a_udp_client_in_python_is_greeted() {
    let Some(client) = python("udp_hello_client.py") else { return };
    let server = Server::single("udp", "hello");
    let replies = run(client, &[&server.port().to_string()]);
    assert_eq!(replies, "Hello, Michael!\nHello, Tracy!\nHello, Sarah!\n");
}

#[test]
fn a_signed_udp_client_in_python_is_greeted() {
    let Some(client) = python("udp_hmac_client.py") else { return };
    let server = Server::single("udp-hmac", "hello");
    let key = server.certificates.shared_key();
    let replies = run(client, &[&server.port().to_string(), key.to_str().unwrap(), "Michael"]);
    assert_eq!(replies, "Hello, Michael!\n");
}

#[test]
fn a_udp_server_in_python_greets_send() {
    let Some(server) = python("udp_hello_server.py") else { return };
    let (_server, port) = start(server, &[]);
    let replies = send(&[&format!("udp://127.0.0.1:{port}"), "Michael", "Tracy", "Sarah"]).succeeded();
    assert_eq!(replies, "Hello, Michael!\nHello, Tracy!\nHello, Sarah!\n");
}

#[test]
fn one_datagram_from_python_is_enough_to_count() {
    let Some(sender) = python("udp_one_shot_sender.py") else { return };
    let server = Server::single_with("udp://127.0.0.1:0", "echo", &["--count", "1"]);
    run(sender, &[&server.port().to_string()]);
    server.program.finish().succeeded();
}

#[test]
fn a_receiver_in_python_that_never_answers_has_the_message_and_send_says_that_none_came_back() {
    let Some(receiver) = python("udp_one_shot_receiver.py") else { return };
    let (mut receiver, port) = start(receiver, &[]);
    let sent = send(&[&format!("udp://127.0.0.1:{port}"), "Hello server!", "--timeout", "300ms"]);
    let heard = receiver.wait_for("Received message: ");
    assert_eq!(heard, "Received message: Hello server! from 127.0.0.1");
    assert_eq!(sent.code, Some(1));
    assert_eq!(sent.stdout, "");
    assert!(sent.stderr.contains(&port), "names no address: {:?}", sent.stderr);
}

#[test]
fn a_tcp_client_in_python_that_ends_no_line_is_thanked() {
    let Some(client) = python("tcp_thanks_client.py") else { return };
    let server = Server::single("tcp", "thanks");
    assert_eq!(run(client, &[&server.port().to_string()]), "thank you !\n");
}

#[test]
fn a_tcp_server_in_python_that_closes_after_its_reply_thanks_send() {
    let Some(server) = python("tcp_thanks_server.py") else { return };
    let (mut server, port) = start(server, &[]);
    let reply = send(&[&format!("tcp://127.0.0.1:{port}"), "hello from wirelab"]).succeeded();
    assert_eq!(reply, "thank you !\n");
    assert_eq!(server.wait_for("received data"), "The received data is: hello from wirelab");
}

#[test]
fn a_json_client_in_python_is_told_what_is_malformed() {
    let Some(client) = python("udp_json_client.py") else { return };
    let server = Server::single("udp", "json");
    let verdicts = run(client, &[&server.port().to_string()]);
    assert_eq!(verdicts.lines().last(), Some("still serving"));
}

#[test]
fn a_json_server_in_python_answers_send() {
    let Some(server) = python("udp_json_server.py") else { return };
    let (_server, port) = start(server, &[]);
    let messages = [r#"{"sensor": 7}"#, r#"{"sensor": }"#, "true"];
    let url = format!("udp://127.0.0.1:{port}");
    let replies = send(&[&[url.as_str()], messages.as_slice()].concat()).succeeded();
    let replies: Vec<serde_json::Value> =
        replies.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect();
    assert_eq!(replies[0]["value"]["sensor"], 7);
    assert_eq!(replies[1]["status"], "error");
    assert_eq!(replies[1]["column"], 12);
    assert_eq!(replies[2]["value"], true);
    assert_eq!(replies.len(), 3);
}

#[test]
fn an_aioquic_client_echoes_over_a_stream_and_over_a_datagram() {
    let Some(client) = python_with("aioquic", "quic_echo.py") else { return };
    let server = Server::single("quic", "echo");
    let ca = server.certificates.ca().display().to_string();
    let echoes = run(client, &["client", &server.port().to_string(), &ca]);
    assert_eq!(echoes, "stream: over a stream\nlong stream: same\ndatagram: in a datagram\nalpn: wirelab\n");
}

#[test]
fn an_aioquic_server_answers_send_in_each_mapping() {
    let Some(server) = python_with("aioquic", "quic_echo.py") else { return };
    let certificates = Certificates::made();
    let [ca, certificate, key] = [certificates.ca(), certificates.server(), certificates.server_key()]
        .map(|file| file.display().to_string());
    let (_server, port) = start(server, &["server", &certificate, &key]);
    for streams in ["one", "flow", "message", "datagram"] {
        let url = format!("quic://127.0.0.1:{port}?streams={streams}");
        let replies = send(&[&url, "first", "second", "--ca", &ca]).succeeded();
        assert_eq!(replies, "first\nsecond\n", "streams={streams}");
    }
}

#[test]
fn an_aioquic_client_of_the_performance_protocol_gets_what_it_asks_for() {
    let Some(client) = python_with("aioquic", "quic_perf.py") else { return };
    let server = Server::single("quic", "echo");
    let ca = server.certificates.ca().display().to_string();
    let said = run(client, &[&server.port().to_string(), &ca]);
    let expected = "bidirectional: 0 of 0\nbidirectional: 1 of 1\nbidirectional: 500000 of 500000\n\
                    bidirectional: 1 of 1\nunidirectional: 100000 of 100000\n";
    assert_eq!(said, expected);
}
