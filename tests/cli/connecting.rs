//! Connecting, and how connections end: nobody listens, a server dies or stops, a client's address changes.

use std::{
    net::{SocketAddr, UdpSocket},
    sync::mpsc::{Receiver, channel},
    thread,
    time::Duration,
};

use crate::support::{Certificates, Finished, Program, Server, python, run, wirelab};
use tempfile::tempdir;
use wirelab::certs::{DEFAULT_NAMES, Store};

const PATIENCE: Duration = Duration::from_secs(100);

/// A port of this machine that nothing listens on.
fn free_port() -> u16 {
    UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn client(server: &Server, arguments: &[&str]) -> Program {
    let ca = server.certificates.ca();
    let arguments = [arguments, &["--ca", ca.to_str().unwrap()]].concat();
    Program::start(wirelab(tempdir().unwrap().path(), arguments))
}

#[test]
fn every_command_hears_that_nothing_listens() {
    let folder = tempdir().unwrap();
    for (scheme, commands) in [
        ("quic", &["send", "bench", "hol", "transfer"][..]),
        ("arq", &["send", "bench"]),
        ("tcp", &["send", "bench", "transfer"]),
        ("udp", &["send", "bench"]),
    ] {
        for command in commands {
            let url = format!("{scheme}://127.0.0.1:{}", free_port());
            // So long that it shows if the time limit ends it.
            let mut arguments = vec![*command, &url, "--insecure", "--timeout", "100s"];
            match *command {
                "send" => arguments.push("hello"),
                _ => arguments.push("-q"),
            }
            let Finished { code, stderr, .. } = run(folder.path(), arguments);
            assert_eq!(code, Some(1), "{command} {url}: {stderr}");
            let says = ["connection refused", "port unreachable"].iter().any(|part| stderr.contains(part));
            assert!(says && stderr.contains("is a server running there?"), "{command} {url}: {stderr}");
        }
    }
}

#[test]
fn the_time_limit_of_a_silent_server_can_be_set() {
    let folder = tempdir().unwrap();
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let url = format!("quic://{}?streams=one", silent.local_addr().unwrap());
    for command in ["bench", "transfer"] {
        let ended = run(folder.path(), [command, &url, "--insecure", "--timeout", "300ms", "-q"]);
        assert_eq!(ended.code, Some(1), "{}", ended.stderr);
        assert!(ended.stderr.contains("no answer within 300ms"), "{}", ended.stderr);
    }
}

#[test]
fn a_client_hears_that_the_server_was_killed_during_a_transfer() {
    let mut server = Server::single_with("quic://127.0.0.1:0", "echo", &["--verbose"]);
    let url = format!("{}?streams=one", server.urls[0]);
    let client = client(&server, &["transfer", &url, "--bytes", "50GB", "-J"]);
    server.program.wait_for(": client");
    server.program.signal("KILL");
    let ended = client.finish();
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert!(ended.stderr.contains("nothing listens there any more"), "{}", ended.stderr);
}

#[test]
fn a_server_stops_at_once_after_a_transfer_and_says_what_it_waits_for_during_one() {
    let mut server = Server::single("quic", "echo");
    let (address, busy) = proxy(server.address("quic"), usize::MAX, 200);
    let url = format!("quic://{address}?streams=one");
    let client_of_50_gb = client(&server, &["transfer", &url, "--bytes", "50GB", "-q"]);
    busy.recv_timeout(PATIENCE).unwrap();
    server.program.signal("TERM");
    let said = server.program.wait_for("stopping");
    assert!(said.contains("waiting up to 5s for the work of 1 open connection;"), "{said}");
    let ended = client_of_50_gb.finish();
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert!(server.wait().stderr.contains("not finished"));

    let server = Server::single("quic", "echo");
    let url = format!("{}?streams=one", server.urls[0]);
    client(&server, &["transfer", &url, "--bytes", "1MB", "-q"]).finish().succeeded();
    server.program.signal("TERM");
    let stderr = server.wait().stderr;
    assert!(!stderr.contains("stopping") && !stderr.contains("warning"), "{stderr}");
}

/// Passes datagrams between one client and `server`, and goes on from another port after every `change` of the
/// client's. Tells when there have been `busy` of them.
fn proxy(server: SocketAddr, change: usize, busy: usize) -> (SocketAddr, Receiver<()>) {
    let front = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = front.local_addr().unwrap();
    let (tell, told) = channel();
    thread::spawn(move || {
        let mut back: Option<UdpSocket> = None;
        let mut buffer = [0; 2048];
        for number in 0.. {
            let Ok((length, client)) = front.recv_from(&mut buffer) else { return };
            if number % change == 0 {
                let next = UdpSocket::bind("127.0.0.1:0").unwrap();
                let (replies, front) = (next.try_clone().unwrap(), front.try_clone().unwrap());
                thread::spawn(move || {
                    let mut buffer = [0; 2048];
                    while let Ok(length) = replies.recv(&mut buffer) {
                        let _ = front.send_to(&buffer[..length], client);
                    }
                });
                back = Some(next);
            }
            if number == busy {
                let _ = tell.send(());
            }
            let _ = back.as_ref().map(|back| back.send_to(&buffer[..length], server));
        }
    });
    (address, told)
}

#[test]
fn a_server_with_several_threads_knows_a_quic_connection_from_any_port() {
    const CHANGE: usize = 7;
    let server = Server::single_with("quic://127.0.0.1:0", "echo", &["--threads", "4"]);
    let (address, sixth_port) = proxy(server.address("quic"), CHANGE, 5 * CHANGE);
    let url = format!("quic://{address}?streams=message");
    let messages: Vec<String> = (0..60).map(|number| format!("message {number}")).collect();
    let arguments: Vec<&str> =
        ["send", &url].into_iter().chain(messages.iter().map(String::as_str)).collect();
    let said = client(&server, &arguments).finish().succeeded();
    assert_eq!(said.lines().collect::<Vec<_>>(), messages);
    assert!(sixth_port.try_recv().is_ok(), "the port did change");
}

#[test]
fn a_restarted_server_resets_the_connections_of_the_one_before_it() {
    let folder = tempdir().unwrap();
    let first = Server::start(folder.path(), &["quic://127.0.0.1:0"], &[]);
    let address = first.address("quic");
    // Its own port stays open, so that only the server can say that the connection is gone.
    let (reached, busy) = proxy(address, usize::MAX, 200);
    let url = format!("quic://{reached}?streams=one");
    let client = client(&first, &["bench", &url, "-d", "100s", "--seeds", "1", "-q", "-J"]);
    busy.recv_timeout(PATIENCE).unwrap();
    first.program.signal("KILL");
    first.wait();
    let _second = Server::start(folder.path(), &[&format!("quic://{address}")], &[]);
    let ended = client.finish();
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert!(ended.stderr.contains("reset by peer"), "{}", ended.stderr);
}

#[test]
fn the_unspecified_ipv6_address_hears_both_families() {
    if UdpSocket::bind("[::1]:0").is_err() {
        return crate::support::skip("no IPv6 on this machine");
    }
    let folder = tempdir().unwrap();
    for scheme in ["udp", "arq", "tcp", "tls", "quic"] {
        let mut server = Server::single_with(&format!("{scheme}://[::]:0"), "echo", &["--threads", "2"]);
        for ip in ["127.0.0.1", "[::1]"] {
            let url = format!("{scheme}://{ip}:{}", server.port());
            let said = client(&server, &["send", &url, "hello"]).finish().succeeded();
            assert_eq!(said, "hello\n", "{url}");
        }
        server.program.signal("TERM");
        server.program.wait_for("2 messages");
    }
    // Both at once on one port are the one that hears both.
    let port = free_port();
    let (four, six) = (format!("udp://0.0.0.0:{port}"), format!("udp://[::]:{port}"));
    let both = run(folder.path(), ["serve", &four, &six, "--for", "1ms"]).succeeded();
    assert!(
        both.contains(&format!("listening on {six} (echo), on every address of this machine\n")),
        "{both}"
    );
    let only_four = run(folder.path(), ["serve", "udp://0.0.0.0:0", "--for", "1ms"]).succeeded();
    assert!(only_four.contains("(echo), on every IPv4 address"), "{only_four}");
}

#[test]
fn what_a_server_would_not_answer_is_said_or_refused() {
    let folder = tempdir().unwrap();
    let serve = |arguments: &[&str]| run(folder.path(), [&["serve", "--for", "1ms"], arguments].concat());
    let warned = serve(&["udp://0.0.0.0:0", "--service", "hello"]);
    assert!(warned.stderr.contains("answers this machine alone") && warned.stderr.contains("--allow"));
    for silent in [
        &["udp://0.0.0.0:0", "--service", "hello", "--allow", "192.0.2.0/24"][..],
        &["udp://127.0.0.1:0", "--service", "hello"],
        &["udp://0.0.0.0:0"],
        &["tcp://0.0.0.0:0", "--service", "hello"],
    ] {
        let ended = serve(silent);
        assert!(!ended.stderr.contains("warning"), "{silent:?}: {}", ended.stderr);
    }
    let group = serve(&["udp://224.0.0.251:5353"]);
    assert_eq!(group.code, Some(2), "{}", group.stderr);
    assert!(group.stderr.contains("a multicast group"), "{}", group.stderr);
}

#[test]
fn a_reply_that_is_no_echo_is_called_that() {
    let Some(command) = python("udp_hello_server.py") else { return };
    let mut hello = Program::start(command);
    let url = format!("udp://127.0.0.1:{}", hello.wait_for("listening on").rsplit(' ').next().unwrap());
    let ended = run(tempdir().unwrap().path(), ["bench", &url, "-q", "--seeds", "1"]);
    assert_eq!(ended.code, Some(1));
    let says = "it answered, but not with what was sent: not an echo";
    assert!(ended.stderr.contains(says), "{}", ended.stderr);
}

#[test]
fn a_certificate_that_is_not_valid_yet_is_called_that_over_tls_and_quic() {
    let folder = tempdir().unwrap();
    let names = DEFAULT_NAMES.map(str::to_owned);
    // 2100-01-01.
    Store::new(folder.path().join("certs")).renew(&names, Duration::from_secs(4_102_444_800)).unwrap();
    let server = Server::start(folder.path(), &["tls://127.0.0.1:0", "quic://127.0.0.1:0"], &[]);
    for url in &server.urls {
        for command in ["send", "bench"] {
            let ended =
                client(&server, &[command, url, "hello"][..if command == "send" { 3 } else { 2 }]).finish();
            assert!(
                ended.stderr.contains("its certificate is not valid before 20"),
                "{url}: {}",
                ended.stderr
            );
        }
    }
}

#[test]
fn certificates_without_their_key_or_name_are_refused() {
    let certificates = [Certificates::made(), Certificates::made()];
    let key = certificates[0].server_key();
    let folder = key.parent().unwrap().parent().unwrap();
    std::fs::copy(certificates[1].server_key(), &key).unwrap();
    for command in [&["certs"][..], &["serve", "tls://127.0.0.1:0", "--for", "1ms"]] {
        let ended = run(folder, command);
        assert_eq!(ended.code, Some(1), "{}", ended.stderr);
        assert!(ended.stderr.contains("not the key of server.pem"), "{}", ended.stderr);
    }
    std::fs::write(&key, "").unwrap();
    assert!(run(folder, ["certs"]).stderr.contains("cannot read a private key"));
    assert_eq!(run(folder, ["certs", "--renew", "--name", ""]).code, Some(2));
}

#[test]
fn a_message_too_long_for_a_datagram_by_url_has_a_hint_that_works() {
    let ended = run(tempdir().unwrap().path(), ["bench", "udp://127.0.0.1:7", "-l", "1473"]);
    assert_eq!(ended.code, Some(2));
    let hint = ended.stderr.contains("take a transport that splits messages");
    assert!(hint && !ended.stderr.contains("--mtu"), "{}", ended.stderr);
}

#[test]
fn an_exhausted_limit_on_open_files_is_named() {
    let folder = tempdir().unwrap();
    let program = env!("CARGO_BIN_EXE_wirelab");
    for limit in 4..16 {
        let mut shell = std::process::Command::new("sh");
        let script = format!(
            "ulimit -n {limit}; exec {program} bench --path direct -t tcp,udp -q --seeds 1 -d 50ms -w 0s"
        );
        shell.args(["-c", &script]).current_dir(folder.path());
        let ended = Program::start(shell).finish();
        let said = (ended.stdout + &ended.stderr).split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(!said.contains("is a server running there?"), "{limit}: {said}");
        assert!(ended.code == Some(0) || said.to_lowercase().contains("open files"), "{limit}: {said}");
    }
}
