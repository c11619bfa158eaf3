//! The command line as scripts and users meet it.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpStream, UdpSocket},
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};

use crate::{
    bench_cli::catches_interrupts,
    support::{Finished, Program, Server, run, wirelab},
};
use tempfile::tempdir;
use wirelab::{
    certs,
    path::{Host, direct::DirectHost},
    transport::{
        Congestion, LossDetection,
        quic::{self, QuicLimits, QuicSettings},
        tls::ServerTls,
    },
};

const PATIENCE: Duration = Duration::from_secs(10);

#[test]
fn a_closed_pipe_is_no_error() {
    let folder = tempdir().unwrap();
    let server = Server::start(folder.path(), &["udp://127.0.0.1:0"], &[]);
    let mut child = wirelab(folder.path(), ["send", &server.urls[0], "a", "b"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr), (Some(0), Vec::new()));
}

#[test]
fn a_server_whose_report_nobody_reads_ends_without_an_error() {
    let folder = tempdir().unwrap();
    let mut command = wirelab(folder.path(), ["serve", "udp://127.0.0.1:0"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.starts_with("listening on "), "{line:?}");
    assert!(Command::new("kill").arg(child.id().to_string()).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr), (Some(0), Vec::new()));
}

#[test]
fn it_ends_by_itself_after_a_time() {
    let folder = tempdir().unwrap();
    let server = Server::start(folder.path(), &["tcp://127.0.0.1:0"], &["--for", "50ms"]);
    let url = server.urls[0].clone();
    let finished = server.wait();
    assert_eq!(finished.code, Some(0));
    assert_eq!(
        finished.stdout,
        format!("{url}: 0 messages, 0 bytes in, 0 bytes out, 0 clients, 0 refused\n")
    );
    assert_eq!(finished.stderr, "");
}

#[test]
fn it_ends_by_itself_after_a_number_of_messages() {
    let folder = tempdir().unwrap();
    let urls = ["udp://127.0.0.1:0", "quic://127.0.0.1:0"];
    let server = Server::start(folder.path(), &urls, &["--count", "3", "-v"]);
    let (udp, quic) = (server.urls[0].clone(), server.urls[1].clone());
    assert_eq!(run(folder.path(), ["send", &udp, "a", "b"]).stdout, "a\nb\n");
    assert_eq!(run(folder.path(), ["send", &quic, "c"]).stdout, "c\n", "the last reply is delivered");
    let Finished { code, stdout: out, stderr: err } = server.wait();
    assert_eq!(code, Some(0));
    assert!(
        out.contains(&format!("{udp}: 2 messages, 2 bytes in, 2 bytes out, 1 client, 0 refused\n")),
        "{out}"
    );
    assert!(
        out.contains(&format!("{quic}: 1 message, 1 byte in, 1 byte out, 1 client, 0 refused\n")),
        "{out}"
    );
    assert_eq!(err.matches(": client 127.0.0.1:").count(), 2, "-v tells of each client: {err}");
}

#[test]
fn sigterm_lets_what_is_in_progress_finish() {
    let folder = tempdir().unwrap();
    let server = Server::start(folder.path(), &["tcp://127.0.0.1:0"], &["--service", "hello"]);
    let mut stream = TcpStream::connect(server.address("tcp")).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    // The reply to the first line shows that the server has the beginning of the second.
    stream.write_all(b"one\ntw").unwrap();
    let mut reply = [0; 12];
    stream.read_exact(&mut reply).unwrap();
    server.program.signal("TERM");
    let mut rest = String::new();
    stream.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "Hello, tw!");
    let out = server.wait().succeeded();
    assert!(out.contains(": 2 messages, 6 bytes in, 22 bytes out, 1 client,"), "{out}");
}

#[test]
fn a_second_interrupt_ends_it_at_once() {
    let folder = tempdir().unwrap();
    let server = Server::start(folder.path(), &["tcp://127.0.0.1:0"], &[]);
    let address = server.address("tcp");
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(b"x").unwrap();
    stream.read_exact(&mut [0]).unwrap();
    // The echo of this is never read, so it never finishes.
    let endless = std::thread::spawn(move || stream.write_all(&vec![0; 256 << 20]));
    server.program.signal("INT");
    // The listener closes on the first signal. The kernel would merge two pending signals into one.
    while TcpStream::connect(address).is_ok() {
        std::thread::yield_now();
    }
    server.program.signal("INT");
    let finished = server.wait();
    assert!(endless.join().unwrap().is_err());
    assert_eq!(finished.code, Some(130));
}

#[test]
fn invalid_arguments_are_refused_with_status_two() {
    let folder = tempdir().unwrap();
    for (arguments, part) in [
        (&["serve", "--for", "10"][..], "has no unit: write 10ms or 10s"),
        (&["serve", "--for", "soon"], "is not a duration: write 50ms"),
        (&["serve", "--count", "0"], "--count"),
        (&["serve", "--rate-limit", "0"], "--rate-limit"),
        (&["serve", "--service", "chargen"], "unknown service `chargen`"),
        (&["serve", "--allow", "everyone"], "192.168.1.0/24"),
        (&["serve", "http://127.0.0.1"], "udp://, udp-hmac://, dtls://, arq://, tcp://, tls://, quic://"),
        (&["serve", "udp://127.0.0.1:99999"], "invalid port number"),
        (&["send", "quic://h?streams=two", "x"], "streams=two: expected one, flow, message, datagram"),
        (&["send", "udp://h", "x", "--timeout", "2"], "has no unit"),
        (&["send", "udp://h", "x", "-4", "-6"], "cannot be used with"),
        (&["send", "udp://h", "x", "--retries=-1"], "--retries"),
        (&["serve", "--idle", "0s"], "expected a time above 0"),
        (&["serve", "--max-connections", "0"], "--max-connections"),
        (&["send", "udp://h", "x", "--timeout", "0s"], "expected a time above 0"),
        (&["send", "udp://127.0.0.1:0", "x"], "port 0"),
        (
            &["send", "tls://127.0.0.1", "x", "--insecure", "--server-name", "a..b"],
            "--server-name: invalid name `a..b`",
        ),
        (&["man", "nonsense"], "unknown command `nonsense`"),
        (&["send"], "URL"),
        (&["completions", "cmd.exe"], "expected bash, elvish, fish, powershell, zsh"),
        (&["nonsense"], "unknown command `nonsense`: see wirelab --help"),
    ] {
        let said = run(folder.path(), arguments);
        assert_eq!(said.code, Some(2), "{arguments:?}: {said:?}");
        assert!(said.stderr.contains(part), "{arguments:?}: {}", said.stderr);
        assert_eq!(said.stdout, "");
    }
}

#[test]
fn two_servers_that_start_at_once_agree_on_one_set_of_certificates() {
    let folder = tempdir().unwrap();
    let path = folder.path();
    let urls = ["quic://127.0.0.1:0", "tls://127.0.0.1:0"];
    let servers: Vec<_> = std::thread::scope(|scope| {
        let starting: Vec<_> = (0..2).map(|_| scope.spawn(|| Server::start(path, &urls, &[]))).collect();
        starting.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    for url in servers.iter().flat_map(|server| &server.urls) {
        assert_eq!(run(path, ["send", url, "x"]).stdout, "x\n", "{url}");
    }
}

#[test]
fn certificates_are_shown_and_renewed() {
    let folder = tempdir().unwrap();
    let first = run(folder.path(), ["certs"]);
    assert_eq!(first.code, Some(0));
    assert!(
        first
            .stdout
            .contains("certs/server.pem: CN=wirelab server for localhost, 127.0.0.1, ::1, expires 20")
    );
    assert_eq!(run(folder.path(), ["certs"]).stderr, "", "the second time there is nothing to make");
    let warned = run(folder.path(), ["certs", "--name", "lab.example"]);
    assert!(warned.stderr.contains("certs/server.pem is not for lab.example"), "{}", warned.stderr);
    let renewed = run(folder.path(), ["certs", "--renew", "--name", "lab.example"]);
    assert!(renewed.stdout.contains("localhost, 127.0.0.1, ::1, lab.example, expires"), "{}", renewed.stdout);
}

#[test]
fn secrets_go_where_sslkeylogfile_says() {
    let folder = tempdir().unwrap();
    let server = Server::start(folder.path(), &["tls://127.0.0.1:0", "quic://127.0.0.1:0"], &[]);
    for (n, url) in server.urls.iter().enumerate() {
        let file = folder.path().join(format!("keys-{n}"));
        let status =
            wirelab(folder.path(), ["send", url, "x"]).env("SSLKEYLOGFILE", &file).output().unwrap().status;
        assert!(status.success());
        assert!(std::fs::read_to_string(&file).unwrap().contains("CLIENT_HANDSHAKE_TRAFFIC_SECRET"), "{url}");
    }
}

#[test]
fn a_reply_that_comes_late_is_not_taken_for_the_next_one() {
    let folder = tempdir().unwrap();
    let server = UdpSocket::bind("127.0.0.1:0").unwrap();
    let url = format!("udp://{}", server.local_addr().unwrap());
    let late = std::thread::spawn(move || {
        let mut buffer = [0; 100];
        let (_, first) = server.recv_from(&mut buffer).unwrap();
        let (n, second) = server.recv_from(&mut buffer).unwrap();
        // The receiver may be gone already.
        let _ = server.send_to(b"late", first);
        server.send_to(&buffer[..n], second).unwrap();
    });
    let said = run(folder.path(), ["send", &url, "one", "two", "--timeout", "500ms"]);
    late.join().unwrap();
    assert_eq!((said.code, said.stdout.as_str()), (Some(1), "two\n"), "{}", said.stderr);
    assert!(said.stderr.starts_with("lost: no reply to \"one\""), "{}", said.stderr);
}

#[test]
fn a_reply_in_a_quic_datagram_that_comes_late_is_not_taken_for_the_next_one() {
    let folder = tempdir().unwrap();
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let host: Arc<dyn Host> = DirectHost::new().unwrap();
            let tls = ServerTls { identity: certs::ephemeral().unwrap().0, early_data: false, key_log: None };
            let (congestion, limits) = (Congestion::Cubic, QuicLimits::EXPERIMENT);
            let settings = QuicSettings {
                congestion,
                loss_detection: LossDetection::default(),
                seed: None,
                limits,
                tracers: Default::default(),
            };
            let server = quic::listen(&host, "127.0.0.1:0".parse().unwrap(), &tls, &settings, None).unwrap();
            tell.send(server.endpoint.local_addr().unwrap()).unwrap();
            let first = server.endpoint.accept().await.unwrap().await.unwrap();
            first.read_datagram().await.unwrap();
            let again = first.read_datagram().await.unwrap();
            // As if the first attempt had been answered late.
            first.send_datagram(again.clone()).unwrap();
            first.send_datagram(again).unwrap();
            let second = server.endpoint.accept().await.unwrap().await.unwrap();
            second.send_datagram(second.read_datagram().await.unwrap()).unwrap();
            second.closed().await;
        });
    });
    let url = format!("quic://{}?streams=datagram", told.recv().unwrap());
    let options = ["--insecure", "--timeout", "1s", "--retries", "1"];
    let said = run(folder.path(), ["send", &url, "one", "two"].iter().chain(&options));
    assert_eq!((said.code, said.stdout.as_str()), (Some(0), "one\ntwo\n"), "{}", said.stderr);
}

#[test]
fn help_completions_and_manual_pages_are_there() {
    let folder = tempdir().unwrap();
    for command in ["serve", "send", "certs", "completions", "man"] {
        let help = run(folder.path(), [command, "--help"]);
        assert!(help.code == Some(0) && help.stdout.contains("Example"), "{command}: {}", help.stdout);
        assert!(
            run(folder.path(), ["man", command]).stdout.contains(&format!("wirelab-{command}")),
            "{command}"
        );
    }
    for shell in ["bash", "zsh", "fish"] {
        assert!(run(folder.path(), ["completions", shell]).stdout.contains("wirelab"), "{shell}");
    }
    assert!(run(folder.path(), ["man"]).stdout.contains("wirelab"));
    let page = run(folder.path(), ["man", "bench"]).stdout;
    assert!(page.contains(".SH SYNOPSIS\n\\fBwirelab bench\\fR [OPTIONS] [URL]...\n"), "{page}");
    assert!(page.contains("\\fB\\-t\\fR, \\fB\\-\\-transport\\fR \\fI<LIST>\\fR"), "{page}");
    assert_eq!(run(folder.path(), ["man", "nothing"]).code, Some(2));
}

#[cfg(target_os = "linux")]
#[test]
fn help_and_version_fail_if_they_cannot_be_written() {
    let folder = tempdir().unwrap();
    for option in ["--version", "-h", "--help"] {
        let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
        let mut program = wirelab(folder.path(), [option]);
        let ended = program.stdout(full).stderr(Stdio::piped()).output().unwrap();
        let said = String::from_utf8(ended.stderr).unwrap();
        assert_eq!(ended.status.code(), Some(1), "{option}: {said}");
        assert!(
            said.starts_with("wirelab: cannot write to standard output: No space left"),
            "{option}: {said}"
        );
    }
}

#[test]
fn help_and_lists_fit_into_80_columns() {
    let folder = tempdir().unwrap();
    let commands = "tour lab bench hol handshake link transfer share report rerun scenarios properties verify serve send \
                    discover certs completions man";
    let help = commands.split_whitespace().map(|command| format!("{command} --help"));
    let others = ["scenarios", "hol --explain", "properties -t udp --explain"].map(str::to_owned);
    for line in help.chain(others) {
        let mut program = wirelab(folder.path(), line.split(' '));
        let ended = program.env("COLUMNS", "80").output().unwrap();
        let text = String::from_utf8(ended.stdout).unwrap();
        assert!(ended.status.success() && text.lines().count() > 5, "{line}: {text}");
        // Only what has no space, such as a URL, may be longer.
        let too_long = text.lines().find(|line| line.chars().count() > 80 && line.trim().contains(' '));
        assert_eq!(too_long, None, "{line}");
        if line.ends_with("--help") {
            let examples = text.split_once("\nExample").unwrap().1;
            let two_columns =
                examples.lines().find(|line| line.starts_with("  wirelab") && line.trim().contains("  "));
            assert_eq!(two_columns, None, "{line}");
        }
    }
    let help = |command: &str| run(folder.path(), [command, "--help"]).succeeded();
    assert!(!help("share").contains("relay"), "a path that it refuses");
    assert!(!help("link").contains("TIME,.."), "a list, which it refuses");
    assert!(
        help("bench").contains("\nLoad beside the messages:\n")
            && help("hol").contains("\nA client that moves:\n")
    );
}

#[cfg(target_os = "linux")]
#[test]
fn an_interrupted_verify_claims_nothing_of_the_cases_that_it_did_not_reach() {
    let folder = tempdir().unwrap();
    let verify = Program::start(wirelab(folder.path(), ["verify"]));
    while !catches_interrupts(verify.id()) {
        std::thread::yield_now();
    }
    verify.signal("INT");
    let finished = verify.finish();
    assert_eq!(finished.code, Some(130), "{finished:?}");
    assert!(!finished.stdout.contains("\nAll is as theory says."), "{finished:?}");
    assert!(["No case was completed.", "So far all is"].iter().any(|said| finished.stdout.contains(said)));
    assert!(finished.stderr.contains("interrupted: "), "{finished:?}");
}
