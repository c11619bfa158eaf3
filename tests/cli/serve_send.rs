//! Every transport and service over IPv4 and IPv6, with `wirelab send` and with plain sockets.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{Shutdown, TcpStream, UdpSocket},
    sync::Arc,
    time::Duration,
};

use crate::support::{Server, loopbacks, run, wirelab};
use tempfile::tempdir;

const LOCAL: [&str; 4] =
    ["udp://127.0.0.1:0", "tcp://127.0.0.1:0", "tls://127.0.0.1:0", "quic://127.0.0.1:0"];
const PATIENCE: Duration = Duration::from_secs(10);

fn tcp(server: &Server) -> TcpStream {
    let stream = TcpStream::connect(server.address("tcp")).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

fn udp(server: &Server) -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect(server.address("udp")).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

fn ask(socket: &UdpSocket, message: &[u8]) -> Vec<u8> {
    socket.send(message).unwrap();
    let mut buffer = [0; 65_535];
    let n = socket.recv(&mut buffer).unwrap();
    buffer[..n].to_vec()
}

fn exactly(stream: &mut impl Read, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    stream.read_exact(&mut bytes).unwrap();
    bytes
}

#[test]
fn every_transport_serves_every_service_on_both_families() {
    let folder = tempdir().unwrap();
    let services = [
        ("echo", "Michael\nTracy\n".to_owned()),
        ("hello", "Hello, Michael!\nHello, Tracy!\n".to_owned()),
        ("thanks", "thank you !\nthank you !\n".to_owned()),
        ("json", "{\"status\":\"error\",\"error\":\"expected value\",\"line\":1,\"column\":1}\n".repeat(2)),
    ];
    for ip in loopbacks() {
        let urls = ["udp", "tcp", "tls", "arq", "quic"].map(|scheme| format!("{scheme}://{ip}:0"));
        for (service, expected) in &services {
            let server =
                Server::start(folder.path(), &urls.each_ref().map(String::as_str), &["--service", service]);
            let (arq, quic) = (&server.urls[3], &server.urls[4]);
            let mut targets = server.urls[..3].to_vec();
            let modes = ["stop-and-wait", "go-back-n", "selective", "unordered"];
            targets.extend(modes.map(|mode| format!("{arq}?mode={mode}")));
            targets.extend(["one", "flow", "message", "datagram"].map(|s| format!("{quic}?streams={s}")));
            for url in &targets {
                let said = run(folder.path(), ["send", url, "Michael", "Tracy"]);
                assert_eq!(
                    (said.code, said.stdout.as_str()),
                    (Some(0), expected.as_str()),
                    "{service} {url}: {said:?}"
                );
            }
            let report = server.stop();
            let messages = ["2", "2", "2", "8", "8"];
            for (line, messages) in report.lines().zip(messages) {
                assert!(
                    line.contains(&format!(": {messages} messages,")) && line.ends_with(" 0 refused"),
                    "{line}"
                );
            }
            assert_eq!(report.lines().count(), 5);
        }
    }
}

#[test]
fn standard_input_gives_a_message_a_line() {
    let folder = tempdir().unwrap();
    let server = Server::start(folder.path(), &LOCAL[..2], &["--service", "hello"]);
    for url in &server.urls {
        let mut child = crate::support::wirelab(folder.path(), ["send", url, "-v"])
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(b"a\r\nb c\n\nlast").unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.stdout, b"Hello, a!\nHello, b c!\nHello, !\nHello, last!\n");
        assert_eq!(String::from_utf8(output.stderr).unwrap().matches(" ms\n").count(), 4, "a time per reply");
    }
}

#[test]
fn names_resolve_in_the_family_asked_for() {
    let folder = tempdir().unwrap();
    let server = Server::start(folder.path(), &LOCAL[..1], &[]);
    let url = format!("udp://localhost:{}", server.address("udp").port());
    assert_eq!(run(folder.path(), ["send", &url, "x", "-4"]).stdout, "x\n");
    assert_eq!(run(folder.path(), ["send", &url, "x"]).stdout, "x\n");
    let said = run(folder.path(), ["send", "udp://127.0.0.1", "x", "-6"]);
    assert_eq!((said.code, said.stderr.as_str()), (Some(1), "wirelab: 127.0.0.1 has no IPv6 address\n"));
}

#[test]
fn a_plain_udp_socket_is_answered() {
    let folder = tempdir().unwrap();
    let echo = Server::start(folder.path(), &LOCAL[..1], &[]);
    let socket = udp(&echo);
    for message in [&b"Michael"[..], b"", &[0xff; 30_000]] {
        assert_eq!(ask(&socket, message), message);
    }
    let hello = Server::start(folder.path(), &LOCAL[..1], &["--service", "hello"]);
    assert_eq!(ask(&udp(&hello), b"Michael"), b"Hello, Michael!");
}

#[test]
fn malformed_json_is_told_where_and_service_goes_on() {
    let folder = tempdir().unwrap();
    let server = Server::start(folder.path(), &LOCAL[..2], &["--service", "json"]);
    let socket = udp(&server);
    let error = b"{\"status\":\"error\",\"error\":\"expected value\",\"line\":2,\"column\":1}";
    assert_eq!(ask(&socket, b"[1,\nx]"), error);
    assert!(ask(&socket, b" [1, 2]\n").starts_with(b"{\"status\":\"ok\",\"value\":[1,2],\"received\":\"20"));

    let mut stream = tcp(&server);
    stream.write_all(b"nonsense\n{\"a\": 1}\n").unwrap();
    let lines: Vec<_> = BufReader::new(stream).lines().take(2).map(Result::unwrap).collect();
    assert!(lines[0].contains("\"status\":\"error\"") && lines[0].contains("\"line\":1"), "{}", lines[0]);
    assert!(lines[1].contains("\"value\":{\"a\":1}"), "{}", lines[1]);
}

#[test]
fn echo_copies_bytes_and_ends_when_the_client_does() {
    let folder = tempdir().unwrap();
    let server = Server::start(folder.path(), &LOCAL[1..2], &["--max-message", "10"]);
    let mut stream = tcp(&server);
    let sent: Vec<u8> = (0..1_000_000u32).map(|i| i as u8).collect();
    let mut writer = stream.try_clone().unwrap();
    let copy = sent.clone();
    let writing = std::thread::spawn(move || {
        writer.write_all(&copy).unwrap();
        writer.shutdown(Shutdown::Write).unwrap();
    });
    let mut received = Vec::new();
    stream.read_to_end(&mut received).unwrap();
    writing.join().unwrap();
    assert!(received == sent, "what is copied has no limit");
}

#[test]
fn a_message_on_a_stream_ends_at_a_newline_at_silence_or_at_half_close() {
    let folder = tempdir().unwrap();
    let server = Server::start(folder.path(), &LOCAL[1..2], &["--service", "hello"]);
    let mut stream = tcp(&server);
    stream.write_all(b"one\ntwo\r\n").unwrap();
    let lines = b"Hello, one!\nHello, two!\r\n";
    assert_eq!(exactly(&mut stream, lines.len()), lines);
    stream.write_all(b"three").unwrap();
    assert_eq!(exactly(&mut stream, 13), b"Hello, three!", "silence");
    stream.write_all(b"four").unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).unwrap();
    assert_eq!(rest, b"Hello, four!");
}

#[test]
fn a_tls_client_without_alpn_is_served() {
    let folder = tempdir().unwrap();
    let server = Server::start(folder.path(), &LOCAL[2..3], &["--service", "thanks"]);
    let roots = wirelab::certs::roots(&folder.path().join("certs/ca.pem")).unwrap();
    let config = rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let client = rustls::ClientConnection::new(Arc::new(config), "localhost".try_into().unwrap()).unwrap();
    let stream = TcpStream::connect(server.address("tls")).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut tls = rustls::StreamOwned::new(client, stream);
    tls.write_all(b"anything").unwrap();
    assert_eq!(exactly(&mut tls, 11), b"thank you !");
}

#[test]
fn a_client_without_tls_is_told_that_the_port_speaks_tls() {
    let folder = tempdir().unwrap();
    let server = Server::start(folder.path(), &LOCAL[2..3], &[]);
    let mut stream = TcpStream::connect(server.address("tls")).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(b"hi\n").unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut line = Vec::new();
    stream.read_to_end(&mut line).unwrap();
    assert!(String::from_utf8_lossy(&line).contains("this port speaks TLS"), "{line:?}");
    assert!(server.stop().contains("handshake failed: 1"));
}

#[test]
fn long_messages_excess_connections_and_idle_clients_are_refused_and_counted() {
    let folder = tempdir().unwrap();
    let limits = ["--service", "hello", "--max-message", "8", "--max-connections", "1", "--idle", "300ms"];
    let server = Server::start(folder.path(), &LOCAL[..2], &limits);
    let socket = udp(&server);
    socket.send(b"123456789").unwrap();
    assert_eq!(ask(&socket, b"12345678"), b"Hello, 12345678!");

    let end = |stream: &mut TcpStream| {
        let mut rest = Vec::new();
        // A reset is an end, too.
        let _ = stream.read_to_end(&mut rest);
        rest
    };
    let mut first = tcp(&server);
    first.write_all(b"a\n").unwrap();
    assert_eq!(exactly(&mut first, 10), b"Hello, a!\n");
    assert_eq!(end(&mut tcp(&server)), b"", "a second one at a time is too many");
    assert_eq!(end(&mut first), b"", "and the first one is idle by and by");

    let mut third = tcp(&server);
    third.write_all(b"123456789\n").unwrap();
    assert_eq!(end(&mut third), b"");
    let report = server.stop();
    let lines: Vec<_> = report.lines().collect();
    assert!(lines[0].ends_with("1 client, 1 refused (too long: 1)"), "{report}");
    assert!(lines[1].ends_with("3 refused (too long: 1, too many connections: 1, idle: 1)"), "{report}");
}

#[test]
fn messages_before_one_that_is_too_long_are_answered() {
    let folder = tempdir().unwrap();
    let server = Server::start(folder.path(), &LOCAL[1..2], &["--service", "hello", "--max-message", "8"]);
    let mut stream = tcp(&server);
    stream.write_all(b"a\nb\n123456789\nc\n").unwrap();
    let mut replies = String::new();
    stream.read_to_string(&mut replies).unwrap();
    assert_eq!(replies, "Hello, a!\nHello, b!\n");
}

#[test]
fn an_empty_message_is_one_on_every_transport() {
    let folder = tempdir().unwrap();
    let server = Server::start(folder.path(), &LOCAL, &["--service", "hello"]);
    for url in server.urls.iter().cloned().chain([format!("{}?streams=one", server.urls[3])]) {
        let said = run(folder.path(), ["send", &url, ""]);
        assert_eq!((said.code, said.stdout.as_str()), (Some(0), "Hello, !\n"), "{url}: {}", said.stderr);
    }
    // An empty standard input is no message.
    for streams in ["one", "message"] {
        run(folder.path(), ["send", &format!("{}?streams={streams}", server.urls[3])]);
    }
    let report = server.stop();
    assert!(report.lines().nth(3).unwrap().contains(": 2 messages, "), "{report}");
}

#[test]
fn an_echo_larger_than_any_buffer_on_its_way_comes_back_whole() {
    let folder = tempdir().unwrap();
    let server = Server::start(folder.path(), &LOCAL[1..], &[]);
    let message = folder.path().join("message");
    let text = format!("{}\n", "x".repeat(8 << 20));
    std::fs::write(&message, &text).unwrap();
    let [tcp, tls, quic] = [0, 1, 2].map(|i| server.urls[i].clone());
    for url in [tcp, tls, format!("{quic}?streams=one"), quic] {
        let mut send = wirelab(folder.path(), ["send", &url, "--timeout", "30s"]);
        let output = send.stdin(std::fs::File::open(&message).unwrap()).output().unwrap();
        assert!(output.status.success(), "{url}: {}", String::from_utf8_lossy(&output.stderr));
        assert!(output.stdout == text.as_bytes(), "{url}: {} bytes", output.stdout.len());
    }
}

#[test]
fn a_rate_limit_holds_a_connection_up_and_loses_nothing() {
    let folder = tempdir().unwrap();
    let server = Server::start(folder.path(), &LOCAL[1..2], &["--service", "thanks", "--rate-limit", "100"]);
    let mut stream = tcp(&server);
    for _ in 0..20 {
        stream.write_all(&b"\n".repeat(10)).unwrap();
        exactly(&mut stream, 120);
    }
    let report = server.stop();
    assert!(report.contains(": 200 messages,") && report.contains("rate limit: "), "{report}");
}
