//! How commands end: signals at random instants, and files that cannot be written.

use std::{
    fs,
    io::Read,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::Path,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use rand::RngExt;
use socket2::{Domain, Socket, Type};
use wirelab::unit::random;

use crate::support::{Program, Server, accounted, alone, at_once, has_namespaces, run, together, wirelab};

/// How long a command may take to end after the signal: a second by itself, and more on a busy machine.
const MOST: Duration = Duration::from_secs(10);
/// How long a client may take to notice that its server is gone: the default of `--timeout`, and the idle timeout of a
/// QUIC transfer.
const NOTICES: Duration = Duration::from_secs(10);
/// Marks the processes of a test, and whatever they start.
const MARK: &str = "WIRELAB_TEST_MARK";

/// A command that would run for much longer than its test.
struct Case {
    arguments: Vec<String>,
    /// The exit status after an interrupt: servers and relays are ended by one in the usual way.
    status: i32,
    /// The exit status after SIGTERM.
    terminated: i32,
    /// Whether it writes a result to a file.
    has_result: bool,
}

fn case(arguments: &str) -> Case {
    let arguments = arguments.split_whitespace().map(str::to_owned).collect();
    Case { arguments, status: 130, terminated: 130, has_result: false }
}

/// A command that normally runs until a signal ends it, and then succeeds.
fn service(arguments: &str) -> Case {
    Case { status: 0, terminated: 0, ..case(arguments) }
}

fn measured(arguments: &str) -> Case {
    Case { has_result: true, ..case(&format!("{arguments} -o result.json")) }
}

/// Every command, on every path that this machine has. `server` answers those that need one.
fn cases(server: &Server) -> Vec<Case> {
    let [tcp, quic, hmac, dtls] = &server.urls[..] else { panic!("{:?}", server.urls) };
    let (ca, key) = (server.certificates.ca(), server.certificates.shared_key());
    let (ca, key) = (ca.display(), key.display());
    let mut cases = vec![
        measured("bench --path sim -t udp,quic-one -d 10h"),
        measured("bench --path relay -t quic-one -d 1h --seeds 1 --samples samples.csv"),
        measured("bench --path direct -t tcp -d 1h --seeds 1"),
        measured(&format!("bench {tcp} {quic} -d 1h --seeds 1 --ca {ca}")),
        measured("bench --path sim -t udp-hmac,dtls -d 10h"),
        measured("bench --path relay -t dtls -d 1h --seeds 1"),
        measured(&format!("bench {hmac} {dtls} -d 1h --seeds 1 --ca {ca} --key-file {key}")),
        measured("hol --path sim -t quic-one,quic-flow -d 10h"),
        measured("hol --path relay -t arq-selective -d 1h --seeds 1"),
        measured("hol --path direct -t udp-hmac -d 1h --seeds 1"),
        measured(&format!("hol {dtls} -d 1h --seeds 1 --ca {ca}")),
        measured("handshake --path sim -t quic-one --connections 1000000"),
        measured("handshake --path direct -t tls --connections 1000000 --parallel 4"),
        measured("handshake --path direct -t dtls,udp-hmac --connections 1000000"),
        measured("handshake --path relay -t udp --connections 100000"),
        measured("transfer --path sim -t quic-one --bytes 100GB --seeds 1"),
        measured("transfer --path sim -t dtls --bytes 100GB --seeds 1"),
        measured("transfer --path relay -t quic-one --bytes 100GB --rate 1mbit --save saved.bin"),
        measured("transfer --path relay -t dtls --bytes 100GB --pace 1mbit"),
        measured("transfer --path direct -t udp-hmac --bytes 100GB --pace 1mbit"),
        measured(&format!("transfer {tcp} --bytes 1000GB")),
        service("serve udp://127.0.0.1:0 tcp://127.0.0.1:0 udp-hmac://127.0.0.1:0 dtls://127.0.0.1:0"),
        service("link --listen 0 --to 9"),
        case(&format!("send {tcp}")),
        case(&format!("send {dtls} --ca {ca}")),
        case("report /dev/stdin"),
        case("report -"),
        case("verify"),
        case("properties -o table.json"),
    ];
    if has_namespaces() {
        cases.extend([
            measured("bench --path netns -t tcp -d 1h --seeds 1"),
            measured("bench --path netns -t udp-hmac,dtls -d 1h --seeds 1"),
            measured("hol --path netns -t tls -d 1h --seeds 1"),
            measured("handshake --path netns -t tcp --connections 100000"),
            measured("transfer --path netns -t tcp --bytes 100GB --rate 1mbit"),
            // `link` passes the signal to the client and ends with the client's status.
            Case { terminated: 143, ..case("link --netns --wait 0s --server cat -- sleep 1000") },
        ]);
    }
    cases
}

#[expect(clippy::disallowed_methods, reason = "programs end in real time")]
fn now() -> Instant {
    Instant::now()
}

pub(crate) fn pause(time: Duration) {
    let until = now() + time;
    while let Some(left) = until.checked_duration_since(now()).filter(|left| !left.is_zero()) {
        thread::park_timeout(left);
    }
}

/// A command in a folder of its own.
struct Running {
    folder: tempfile::TempDir,
    program: Program,
    mark: String,
    name: String,
}

impl Running {
    fn start(case: &Case, number: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mark = format!("{}-{number}", std::process::id());
        let mut command = wirelab(folder.path(), &case.arguments);
        command.env(MARK, &mark);
        let name = format!("wirelab {}", case.arguments.join(" "));
        Self { folder, program: Program::start(command), mark, name }
    }

    /// Waits until it has ended, for at most `limit`, without closing its standard input.
    fn await_end(&self, limit: Duration) {
        await_end(&self.program, &self.name, limit);
    }

    /// No process that it started is left, and no file but `expected`.
    fn assert_nothing_left(&self, expected: &[&str]) {
        let until = now() + MOST;
        while is_marked(&self.mark) {
            assert!(now() < until, "{} has left processes", self.name);
            pause(Duration::from_millis(5));
        }
        for entry in fs::read_dir(self.folder.path()).unwrap() {
            let file = entry.unwrap().file_name().into_string().unwrap();
            assert!(expected.contains(&file.as_str()), "{} has left {file}", self.name);
        }
    }
}

/// Waits until `program` has ended, for at most `limit`, without closing its standard input.
fn await_end(program: &Program, name: &str, limit: Duration) {
    let until = now() + limit;
    let stat = format!("/proc/{}/stat", program.id());
    while !fs::read_to_string(&stat).is_ok_and(|stat| stat.contains(") Z ")) {
        assert!(now() < until, "{name} goes on after {limit:?}");
        pause(Duration::from_millis(5));
    }
}

/// Whether a process with this mark is alive.
fn is_marked(mark: &str) -> bool {
    let mark = format!("{MARK}={mark}\0");
    let processes = fs::read_dir("/proc").unwrap().flatten();
    processes
        .filter_map(|process| fs::read(process.path().join("environ")).ok())
        .any(|environment| environment.windows(mark.len()).any(|window| window == mark.as_bytes()))
}

/// How a command is ended.
#[derive(Clone, Copy)]
struct Ending<'a> {
    /// Different for each ending of a test.
    number: u64,
    /// How long the command has run by then.
    instant: Duration,
    signal: &'a str,
}

/// Interrupts `case`, and checks what it leaves.
fn interrupt(case: &Case, Ending { number, instant, signal }: Ending<'_>) {
    let running = Running::start(case, number);
    pause(instant);
    if signal == "STOP" {
        running.program.signal("STOP");
        pause(Duration::from_millis(100));
        running.program.signal("INT");
        running.program.signal("CONT");
    } else {
        running.program.signal(signal);
    }
    running.await_end(MOST);
    running.assert_nothing_left(if signal == "KILL" {
        &["certs"]
    } else {
        &["result.json", "samples.csv", "certs"]
    });
    let Running { folder, program, name, .. } = running;
    let finished = program.finish();
    let name = format!("{name}, SIG{signal} after {instant:?}");
    match finished.code {
        // Before it listens for signals, it has done nothing.
        None => assert!(signal == "KILL" || finished.stdout.is_empty(), "{name}\n{}", finished.stderr),
        Some(code) => {
            let expected = if signal == "TERM" { case.terminated } else { case.status };
            assert_eq!(code, expected, "{name}\n{}\n{}", finished.stdout, finished.stderr);
            let says_so = finished.stderr.contains("interrupted");
            assert!(code == 0 || says_so || name.contains("--netns"), "{name}\n{}", finished.stderr);
            if case.has_result {
                check_result(folder.path(), &name);
            }
        }
    }
}

/// The result is there, valid, and marked incomplete.
fn check_result(folder: &Path, name: &str) {
    let text = fs::read(folder.join("result.json")).unwrap_or_else(|e| panic!("{name}: no result: {e}"));
    let result = wirelab::report::from_json(&text).unwrap_or_else(|e| panic!("{name}: {e}"));
    assert!(!result.complete, "{name}");
    accounted(&result).unwrap_or_else(|e| panic!("{name}: {e}"));
}

/// Interrupts every command `times` times by each of `signals`, at instants drawn from `seed`.
fn interrupt_all(seed: u64, times: u64, signals: &[&[&str]]) {
    let server = Server::start(
        tempfile::tempdir().unwrap().keep().as_path(),
        &[
            "tcp://127.0.0.1:0",
            "quic://127.0.0.1:0?streams=one",
            "udp-hmac://127.0.0.1:0",
            "dtls://127.0.0.1:0",
        ],
        &[],
    );
    at_instants(seed, times, signals, &cases(&server), interrupt);
}

/// Ends the server of every command that has one, in the same way.
fn end_servers(seed: u64, times: u64, signals: &[&[&str]]) {
    at_instants(seed, times, signals, &with_server(), |(scheme, command), ending| {
        end_server(scheme, command, ending);
    });
}

/// Calls `end` `times` times for each pair of `cases` and `signals`, at instants drawn from `seed`. Several commands
/// run at once.
fn at_instants<C: Sync>(
    seed: u64,
    times: u64,
    signals: &[&[&str]],
    cases: &[C],
    end: impl Fn(&C, Ending<'_>) + Sync,
) {
    const INSTANTS: u64 = 0x454e_4453;
    /// The latest instant, in milliseconds: longer than the second that real-time runs of messages wait before they
    /// start.
    const LAST: u64 = 1800;
    const AT_ONCE: usize = 12;
    let mut draws = random::generator(seed, INSTANTS);
    let mut number = seed << 32;
    let together = AT_ONCE / signals.len();
    for cases in (0..times).flat_map(|_| cases.chunks(together)) {
        thread::scope(|scope| {
            for (case, alternatives) in cases.iter().flat_map(|case| signals.iter().map(move |s| (case, s))) {
                let signal = alternatives[draws.random_range(0..alternatives.len())];
                let instant = Duration::from_millis(draws.random_range(0..LAST));
                let (end, ending) = (&end, Ending { number, instant, signal });
                scope.spawn(move || end(case, ending));
                number += 1;
            }
        });
    }
}

/// The URL scheme and the command of runs with a server of their own, which is ended while they run.
fn with_server() -> Vec<(&'static str, &'static str)> {
    vec![
        ("udp", "bench"),
        ("udp-hmac", "bench"),
        ("dtls", "bench"),
        ("dtls", "hol"),
        ("arq", "bench"),
        ("tcp", "hol"),
        ("tls", "bench"),
        ("quic", "bench"),
        ("tcp", "transfer"),
        ("tls", "transfer --down"),
        ("quic", "transfer"),
        ("quic", "transfer --down"),
    ]
}

/// Ends the server of `command`, and checks what both ends leave.
fn end_server(scheme: &str, command: &str, Ending { number, instant, signal }: Ending<'_>) {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[&format!("{scheme}://127.0.0.1:0")], &[]);
    let streams = if scheme == "quic" { "?streams=one" } else { "" };
    let size = if command.starts_with("transfer") { "--bytes 1000GB" } else { "-d 2s -w 0s --wait 3x1s" };
    let credentials = match scheme {
        "udp-hmac" => format!("--key-file {}", server.certificates.shared_key().display()),
        _ => format!("--ca {}", server.certificates.ca().display()),
    };
    let url = &server.urls[0];
    let arguments = format!("{command} {url}{streams} {size} --seeds 1 {credentials} -o result.json");
    let arguments = arguments.split_whitespace().map(str::to_owned).collect();
    let running = Running::start(&Case { arguments, status: 1, terminated: 1, has_result: false }, number);
    let name = format!("{}, whose server got SIG{signal} after {instant:?}", running.name);
    pause(instant);
    server.program.signal(signal);
    if signal == "STOP" {
        pause(Duration::from_millis(200));
        server.program.signal("CONT");
        if command.starts_with("transfer") {
            running.program.signal("INT");
        }
    }
    running.await_end(NOTICES + MOST);
    running.assert_nothing_left(&["result.json"]);
    let Running { folder, program, .. } = running;
    let finished = program.finish();
    let said = format!("{name}\n{}\n{}", finished.stdout, finished.stderr);
    match signal {
        // A signal that came before the program listens for it ends it.
        "STOP" if command.starts_with("transfer") => {
            assert!(matches!(finished.code, Some(130) | None), "{said}")
        }
        "STOP" => assert_eq!(finished.code, Some(0), "{said}"),
        _ => assert_eq!(finished.code, Some(1), "{said}"),
    }
    assert!(finished.code != Some(1) || finished.stderr.contains("wirelab: "), "{said}");
    if let Ok(text) = fs::read(folder.path().join("result.json")) {
        let result = wirelab::report::from_json(&text).unwrap_or_else(|e| panic!("{said}\n{e}"));
        accounted(&result).unwrap_or_else(|e| panic!("{said}\n{e}"));
    }
    if signal == "KILL" {
        return;
    }
    if signal == "STOP" {
        server.program.signal("TERM");
    }
    await_end(&server.program, &name, MOST);
    assert_eq!(server.wait().code, Some(0), "{name}");
}

#[test]
fn endings_leave_a_result_and_nothing_else() {
    let _alone = alone();
    interrupt_all(1, 1, &[&["INT", "TERM", "STOP", "KILL"]]);
}

#[test]
fn endings_of_servers_are_seen_by_their_clients() {
    let _alone = alone();
    end_servers(1, 1, &[&["INT", "TERM"], &["STOP", "KILL"]]);
}

const EACH: [&[&str]; 4] = [&["INT"], &["TERM"], &["STOP"], &["KILL"]];

#[test]
#[ignore = "ten instants for each signal and command take minutes"]
fn endings_at_ten_instants_by_each_signal() {
    let _alone = alone();
    interrupt_all(2, 10, &EACH);
}

#[test]
#[ignore = "ten instants for each signal and server take minutes"]
fn endings_of_servers_at_ten_instants_by_each_signal() {
    let _alone = alone();
    end_servers(2, 10, &EACH);
}

/// What was measured until the interrupt is counted, and a second interrupt does not wait for it.
#[test]
fn endings_keep_what_was_measured() {
    let _turn = together();
    let mut running = Running::start(&measured("bench --path relay -t udp -d 1h -w 0s --seeds 3"), 1);
    running.program.wait_for("of real time");
    pause(Duration::from_millis(2500));
    running.program.signal("INT");
    running.program.wait_for("interrupted: ");
    running.await_end(MOST);
    let text = fs::read(running.folder.path().join("result.json")).unwrap();
    let result = wirelab::report::from_json(&text).unwrap();
    let messages = result.cells[0].messages.as_ref().unwrap();
    assert!(!result.complete && messages.delivered > 10, "{messages:?}");
    assert!(messages.scheduled < 1000, "what was not due is not counted: {messages:?}");
    let finished = running.program.finish();
    assert_eq!(finished.code, Some(130));
    assert!(finished.stdout.contains("runs are missing or were cut short"), "{}", finished.stdout);
}

/// A file that cannot be written costs only itself: the table is printed, and then what went wrong.
#[test]
fn endings_on_a_full_disk_print_the_table() {
    let _turn = together();
    let folder = tempfile::tempdir().unwrap();
    for (options, file) in [
        ("-o result.json", "result.json"),
        ("--samples samples.csv", "samples.csv"),
        ("-o a.csv --samples b.csv", "a.csv"),
    ] {
        // A limit on the size of files stands for a full disk.
        let script = format!("trap '' XFSZ; ulimit -f 1; exec \"$0\" bench -t udp -d 5s --seeds 1 {options}");
        let mut command = Command::new("sh");
        command.args(["-c", &script, env!("CARGO_BIN_EXE_wirelab")]).current_dir(folder.path());
        let finished = Program::start(command).finish();
        assert_eq!(finished.code, Some(1), "{}", finished.stderr);
        assert!(finished.stdout.contains("p99"), "{}\n{}", finished.stdout, finished.stderr);
        assert!(finished.stderr.contains(&format!("cannot write {file}: ")), "{}", finished.stderr);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "{options}");
    }
}

/// Most connections fail where nothing passes the link but the first packets.
#[test]
fn endings_with_most_connections_failed_are_failures() {
    let _turn = together();
    let folder = tempfile::tempdir().unwrap();
    let handshake = |loss: &str| {
        let arguments = format!("handshake -t udp --connections 100 --seeds 1 --loss {loss}");
        let command = wirelab(folder.path(), arguments.split_whitespace());
        Program::start(command).finish()
    };
    let failed = handshake("80%");
    assert_eq!(failed.code, Some(1), "{}", failed.stderr);
    assert!(failed.stdout.contains("udp"), "{}", failed.stdout);
    assert_eq!(handshake("1%").code, Some(0));
}

/// A receiver that cannot write ends its transfer at once, and names the file.
#[test]
fn endings_of_a_transfer_onto_a_full_disk() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink("/dev/full", folder.path().join("copy.bin")).unwrap();
    let mut paths = vec!["sim", "relay", "direct"];
    if has_namespaces() {
        paths.push("netns");
    }
    at_once(paths, |path| {
        let link = if path == "direct" { "" } else { " --loss 0%" };
        let mut transports = vec!["udp", "arq-selective", "quic-one", "quic-message", "quic-datagram"];
        transports.extend(["direct", "netns"].contains(&path).then_some("tcp"));
        for (transport, way) in
            transports.iter().flat_map(|transport| [(transport, ""), (transport, " --down")])
        {
            let arguments = format!(
                "transfer --path {path} -t {transport}{way} --save copy.bin --bytes 40MB --pace 1gbit{link}"
            );
            let running = Program::start(wirelab(folder.path(), arguments.split_whitespace()));
            await_end(&running, &arguments, MOST);
            let finished = running.finish();
            assert_eq!(finished.code, Some(1), "{arguments}: {}", finished.stderr);
            let reason = "cannot write copy.bin: No space left on device";
            assert!(finished.stderr.contains(reason), "{arguments}: {}", finished.stderr);
            assert!(finished.stdout.contains(reason), "{arguments}: {}", finished.stdout);
        }
    });
}

/// If a remote server goes away, the result shows how much it acknowledged.
#[test]
fn endings_of_an_upload_to_a_server_that_goes_away() {
    /// The server's receive buffer, which Linux makes twice as large as asked for (socket(7)). No more than this is ever
    /// sent and not yet acknowledged.
    const RECEIVE_BUFFER: usize = 1 << 17;
    const ACKNOWLEDGED: usize = 1 << 20;
    let _turn = together();
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    listener.set_recv_buffer_size(RECEIVE_BUFFER / 2).unwrap();
    listener.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
    listener.listen(1).unwrap();
    let listener = TcpListener::from(listener);
    let url = format!("tcp://{}", listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        let (mut client, _) = listener.accept().unwrap();
        // The last segments may be read before they are acknowledged, and a reset acknowledges nothing. So the server
        // reads a buffer more, and another for the headers of messages.
        client.read_exact(&mut vec![0; ACKNOWLEDGED + 2 * RECEIVE_BUFFER]).unwrap();
    });
    let folder = tempfile::tempdir().unwrap();
    let finished = run(folder.path(), ["transfer", &url, "--bytes", "1GB", "-o", "result.json"]);
    server.join().unwrap();
    assert_eq!(finished.code, Some(1), "{}", finished.stderr);
    assert!(finished.stdout.contains("  arrived  "), "{}", finished.stdout);
    let text = fs::read(folder.path().join("result.json")).unwrap();
    let transfer = wirelab::report::from_json(&text).unwrap().cells.remove(0).transfer.unwrap();
    let arrived = transfer.arrived_bytes.unwrap();
    assert!((ACKNOWLEDGED as u64..1_000_000_000).contains(&arrived), "{arrived}");
    assert_eq!((transfer.unknown, transfer.completed), (0, 0));
}
