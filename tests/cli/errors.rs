//! Every error is one line that names the operation and the address, and an exit status.

use std::{
    io::Read,
    net::{SocketAddr, TcpListener, TcpStream, UdpSocket},
    path::Path,
    sync::Arc,
    time::Duration,
};

use crate::support::{Server, run, skip};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tempfile::tempdir;

/// Runs `wirelab`, which must fail with `line` as the last line on standard error. `*` matches anything.
fn fails(folder: &Path, arguments: &[&str], line: &str) {
    let said = run(folder, arguments);
    let last = said.stderr.lines().last().unwrap_or_default();
    assert_eq!(said.code, Some(1), "{arguments:?}: {said:?}");
    assert!(matches(last, line), "{arguments:?}\n  said:     {last}\n  expected: {line}");
    assert_eq!(said.stdout, "", "an error is no result");
}

fn matches(text: &str, pattern: &str) -> bool {
    match pattern.split_once('*') {
        None => text == pattern,
        Some((before, after)) => text.strip_prefix(before).is_some_and(|rest| {
            (0..=rest.len()).any(|at| rest.is_char_boundary(at) && matches(&rest[at..], after))
        }),
    }
}

/// An address without a listener.
fn nobody() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

#[test]
fn a_port_in_use() {
    let folder = tempdir().unwrap();
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    for (scheme, what, address) in [
        ("udp", "UDP", udp.local_addr().unwrap()),
        ("quic", "QUIC", udp.local_addr().unwrap()),
        ("tcp", "TCP", tcp.local_addr().unwrap()),
        ("tls", "TCP", tcp.local_addr().unwrap()),
    ] {
        let url = format!("{scheme}://{address}");
        let line =
            format!("wirelab: cannot listen on {what} {address}: the port is in use by another program");
        let said = run(folder.path(), ["serve", &url]);
        assert_eq!((said.code, said.stderr.lines().last()), (Some(1), Some(line.as_str())));
    }
}

#[test]
fn no_such_host() {
    let folder = tempdir().unwrap();
    let line = "wirelab: cannot resolve no-such-host.invalid: no such host (*)";
    fails(folder.path(), &["send", "udp://no-such-host.invalid", "x"], line);
    fails(folder.path(), &["serve", "tcp://no-such-host.invalid"], line);
}

#[test]
fn a_refused_connection() {
    let folder = tempdir().unwrap();
    let peer = nobody();
    let line =
        format!("wirelab: cannot connect to TCP {peer}: connection refused; is a server running there?");
    fails(folder.path(), &["send", &format!("tcp://{peer}"), "x"], &line);
    fails(folder.path(), &["send", &format!("tls://{peer}"), "x", "--insecure"], &line);
    let line = format!("wirelab: nothing listens on {peer} (port unreachable); is a server running there?");
    fails(folder.path(), &["send", &format!("udp://{peer}"), "x"], &line);
}

#[test]
fn a_wrong_certificate_or_name() {
    let folder = tempdir().unwrap();
    let server = Server::start(folder.path(), &["tls://127.0.0.1:0", "quic://127.0.0.1:0"], &[]);
    assert_eq!(run(folder.path(), ["certs", "--certs", "other"]).code, Some(0));
    for (url, what) in server.urls.iter().zip(["TLS", "QUIC"]) {
        let address = url.split_once("://").unwrap().1;
        let line = format!(
            "wirelab: {what} handshake with {address} failed: its certificate is not signed by the CA that we \
             trust; name the right one with --ca FILE (or --insecure to trust anyone)"
        );
        fails(folder.path(), &["send", url, "x", "--ca", "other/ca.pem"], &line);
        let line = format!(
            "wirelab: {what} handshake with {address} failed: its certificate does not fit (*\"nope.example\"*); \
             say the name that it bears with --server-name"
        );
        fails(folder.path(), &["send", url, "x", "--server-name", "nope.example"], &line);
        let said =
            run(folder.path(), ["send", url, "x", "--ca", "certs/ca.pem", "--server-name", "localhost"]);
        assert_eq!((said.code, said.stdout.as_str()), (Some(0), "x\n"));
        let said = run(folder.path(), ["send", url, "x", "--insecure", "--server-name", "nope.example"]);
        assert_eq!((said.code, said.stdout.as_str()), (Some(0), "x\n"));
        assert!(said.stderr.starts_with("warning: --insecure"), "{}", said.stderr);
    }
}

#[test]
fn no_certificates_where_they_should_be() {
    let folder = tempdir().unwrap();
    let line = "wirelab: cannot read certs/ca.pem: No such file or directory (os error 2); name the CA of the \
                server with --ca FILE (wirelab serve makes certs/ca.pem)";
    fails(folder.path(), &["send", "tls://127.0.0.1", "x"], line);
    std::fs::create_dir(folder.path().join("certs")).unwrap();
    for file in ["ca.pem", "server.pem", "server.key"] {
        std::fs::write(folder.path().join("certs").join(file), "nothing").unwrap();
    }
    fails(folder.path(), &["serve", "tls://:0"], "wirelab: cannot read a certificate from certs/ca.pem: *");
}

/// The configuration of a server with another application protocol.
fn other_protocol() -> rustls::ServerConfig {
    let key = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let secret = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.signing_key.serialize_der()));
    let mut config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![key.cert.der().clone()], secret)
        .unwrap();
    config.alpn_protocols = vec![b"other".to_vec()];
    config
}

#[test]
fn no_common_application_protocol_over_tls() {
    let folder = tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut connection = rustls::ServerConnection::new(Arc::new(other_protocol())).unwrap();
        let _ = connection.complete_io(&mut stream);
        let _ = stream.read_to_end(&mut Vec::new());
    });
    let line = format!(
        "wirelab: TLS handshake with {address} failed: the server offers no application protocol (ALPN) that we speak"
    );
    fails(folder.path(), &["send", &format!("tls://{address}"), "x", "--insecure"], &line);
}

#[test]
fn no_common_application_protocol_over_quic() {
    let folder = tempdir().unwrap();
    let crypto = quinn::crypto::rustls::QuicServerConfig::try_from(other_protocol()).unwrap();
    let config = quinn::ServerConfig::with_crypto(Arc::new(crypto));
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let endpoint = quinn::Endpoint::server(config, "127.0.0.1:0".parse().unwrap()).unwrap();
            tell.send(endpoint.local_addr().unwrap()).unwrap();
            while let Some(incoming) = endpoint.accept().await {
                let _ = incoming.await;
            }
        });
    });
    let address = told.recv().unwrap();
    let line = format!(
        "wirelab: QUIC handshake with {address} failed: the server offers no application protocol (ALPN) that we speak"
    );
    fails(folder.path(), &["send", &format!("quic://{address}"), "x", "--insecure"], &line);
}

#[test]
fn tls_and_plain_mixed_up() {
    let folder = tempdir().unwrap();
    for service in ["echo", "hello", "thanks", "json"] {
        let urls = ["tcp://127.0.0.1:0", "tls://127.0.0.1:0"];
        let server = Server::start(folder.path(), &urls, &["--service", service]);
        let (tcp, tls) = (server.address("tcp"), server.address("tls"));
        let line = format!(
            "wirelab: TLS handshake with {tcp} failed: the server does not speak TLS; is it a plain tcp:// port?"
        );
        fails(folder.path(), &["send", &format!("tls://{tcp}"), "x"], &line);
        let line = format!("wirelab: tcp://{tls} answers in TLS; is it a tls:// port?");
        fails(folder.path(), &["send", &format!("tcp://{tls}"), "x"], &line);
    }
}

#[test]
fn a_datagram_too_large() {
    let folder = tempdir().unwrap();
    let server = Server::start(folder.path(), &["udp://127.0.0.1:0", "quic://127.0.0.1:0"], &[]);
    let message = "x".repeat(70_000);
    let line = format!(
        "wirelab: cannot send to {}: 70000 bytes are too large for one datagram on this path",
        server.address("udp")
    );
    fails(folder.path(), &["send", &server.urls[0], &message], &line);
    let url = format!("{}?streams=datagram", server.urls[1]);
    let line = format!(
        "wirelab: cannot send to {}: 70000 bytes are too large for one datagram, which holds *",
        server.urls[1]
    );
    fails(folder.path(), &["send", &url, &message], &line);
}

#[test]
fn a_dead_server() {
    let folder = tempdir().unwrap();
    let (udp, tcp) = (UdpSocket::bind("127.0.0.1:0").unwrap(), TcpListener::bind("127.0.0.1:0").unwrap());
    let (udp_peer, tcp_peer) = (udp.local_addr().unwrap(), tcp.local_addr().unwrap());
    let url = format!("udp://{udp_peer}");
    let line = format!("lost: no reply to \"x\" from {url} within 100ms (1 try)");
    fails(folder.path(), &["send", &url, "x", "--timeout", "100ms"], &line);
    let line = format!("lost: no reply to \"y\" from {url} within 100ms (3 tries)");
    fails(folder.path(), &["send", &url, "x", "y", "--timeout", "100ms", "--retries", "2"], &line);
    let line = format!("wirelab: QUIC handshake with {udp_peer} failed: no answer within 100ms");
    fails(
        folder.path(),
        &["send", &format!("quic://{udp_peer}"), "x", "--insecure", "--timeout", "100ms"],
        &line,
    );
    let line = format!("wirelab: TLS handshake with {tcp_peer} failed: no answer within 100ms");
    fails(
        folder.path(),
        &["send", &format!("tls://{tcp_peer}"), "x", "--insecure", "--timeout", "100ms"],
        &line,
    );
    let url = format!("tcp://{tcp_peer}");
    let line = format!("wirelab: no reply to \"x\" from {url} within 100ms (1 try)");
    fails(folder.path(), &["send", &url, "x", "--timeout", "100ms"], &line);
}

/// A listener with a full queue, so that the kernel does not answer another connection, and the connections in it.
fn full_listener() -> Option<(SocketAddr, socket2::Socket, Vec<TcpStream>)> {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    socket.listen(0).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    let mut waiting = Vec::new();
    while waiting.len() < 64 {
        match TcpStream::connect_timeout(&address, Duration::from_millis(300)) {
            Ok(stream) => waiting.push(stream),
            Err(_) => return Some((address, socket, waiting)),
        }
    }
    None
}

#[test]
fn a_connection_that_is_never_answered() {
    let Some((address, _listener, _waiting)) = full_listener() else {
        return skip("a listener's queue is never full on this machine");
    };
    let folder = tempdir().unwrap();
    for (scheme, what) in [("tcp", "connecting over TCP"), ("tls", "TLS handshake")] {
        let line = format!("wirelab: {what} with {address} failed: no answer within 100ms");
        let url = format!("{scheme}://{address}");
        let insecure = if scheme == "tls" { &["--insecure"][..] } else { &[] };
        let arguments = [&["send", &url, "x", "--timeout", "100ms"], insecure].concat();
        fails(folder.path(), &arguments, &line);
    }
}

#[test]
fn a_message_longer_than_the_server_takes() {
    let folder = tempdir().unwrap();
    let urls = ["tcp://127.0.0.1:0", "tls://127.0.0.1:0", "quic://127.0.0.1:0"];
    let server = Server::start(folder.path(), &urls, &["--service", "hello"]);
    let message = "x".repeat(70_000);
    for url in &server.urls[..2] {
        let line = format!(
            "wirelab: the connection to {url} ended before the reply: the server closed it; 70000 bytes may \
             exceed its limit (wirelab serve --max-message)"
        );
        fails(folder.path(), &["send", url, &message], &line);
    }
    let url = &server.urls[2];
    let line =
        format!("wirelab: {url} refused a message of 70000 bytes as too long (wirelab serve --max-message)");
    for streams in ["one", "flow", "message"] {
        fails(folder.path(), &["send", &format!("{url}?streams={streams}"), &message], &line);
    }
}

#[test]
fn a_server_that_hangs_up() {
    let folder = tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("tcp://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.read(&mut [0; 16]);
    });
    let line = format!("wirelab: the connection to {url} ended before the reply: the server closed it");
    fails(folder.path(), &["send", &url, "x"], &line);
}

#[test]
fn a_newline_where_it_would_end_the_message() {
    let folder = tempdir().unwrap();
    let server = Server::start(folder.path(), &["tcp://127.0.0.1:0"], &[]);
    let line = format!(
        "wirelab: cannot send \"a\\nb\" to {}: on this transport a newline ends a message; send two",
        server.urls[0]
    );
    fails(folder.path(), &["send", &server.urls[0], "a\nb"], &line);
}

#[cfg(target_os = "linux")]
#[test]
fn a_loopback_interface_that_is_down_is_named_before_the_run() {
    if !crate::support::has_namespaces() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for line in [
        "bench --path relay --seeds 1 -d 2s -t udp,quic-one",
        "bench --path direct --seeds 1 -d 2s -t udp",
        "send udp://127.0.0.1 x",
    ] {
        let mut program = std::process::Command::new("unshare");
        program.args(["--user", "--map-root-user", "--net"]).arg(env!("CARGO_BIN_EXE_wirelab"));
        let ended = program.args(line.split(' ')).current_dir(folder.path()).output().unwrap();
        let said = String::from_utf8(ended.stderr).unwrap();
        assert_eq!(ended.status.code(), Some(1), "{line}: {said}");
        assert_eq!(said, "wirelab: the loopback interface is down: ip link set lo up\n", "{line}");
    }
}
