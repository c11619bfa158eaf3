//! `wirelab link --netns` with third-party programs on both sides of the link. All load stays within namespaces that
//! the program creates.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::support::{Turn, alone, has_command, has_namespaces, is_root, skip, together, wirelab};
use serde_json::Value;

/// How long to wait for a condition before the test fails.
const PATIENCE: Duration = Duration::from_secs(20);

/// Keeps `turn` for this test. Skips where namespaces are not permitted or one of these programs is missing.
fn with(turn: Turn, programs: &[&str]) -> Option<Turn> {
    let is_possible = programs.iter().all(|program| has_command(program)) && has_namespaces();
    is_possible.then_some(turn)
}

fn link(options: &str, server: &str, client: &[&str]) -> Command {
    let mut command = wirelab(Path::new("/"), ["link", "--netns", "--server", server]);
    command.args(options.split_whitespace()).arg("--").args(client);
    command
}

fn succeeded(mut command: Command) -> Output {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    output
}

/// A number that the client printed.
fn number(output: &Output) -> f64 {
    let text = String::from_utf8_lossy(&output.stdout);
    text.trim().parse().unwrap_or_else(|e| panic!("{e}: {output:?}"))
}

#[test]
fn tcp_meets_the_delay_of_the_link() {
    let Some(_alone) = with(alone(), &["python3"]) else { return };
    let server = "python3 -c 'import os, socket\n\
                  s = socket.create_server((os.environ[\"WIRELAB_SERVER\"], 7))\n\
                  c, peer = s.accept()\n\
                  assert peer[0] == os.environ[\"WIRELAB_CLIENT\"]\n\
                  c.sendall(c.recv(100))'";
    let client = "import os, socket, time\n\
                  c = socket.create_connection((os.environ['WIRELAB_SERVER'], 7))\n\
                  began = time.monotonic()\n\
                  c.sendall(b'hello')\n\
                  assert c.recv(100) == b'hello'\n\
                  print(time.monotonic() - began)";
    let output = succeeded(link("--wait 20s --rtt 80ms --loss 0%", server, &["python3", "-c", client]));
    assert!((0.080..0.180).contains(&number(&output)), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("to server: "), "{output:?}");
}

/// Sends twenty datagrams, each after the echo of the one before or its timeout. The list decides which are lost.
#[test]
fn udp_loses_the_datagrams_on_the_list_and_no_others() {
    let Some(_turn) = with(together(), &["python3"]) else { return };
    let server = "python3 -c 'import socket\n\
                  s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n\
                  s.bind((\"10.0.0.2\", 7))\n\
                  while True: s.sendto(*s.recvfrom(100))'";
    let client = "import socket, sys\n\
                  s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n\
                  s.connect(('10.0.0.2', 7))\n\
                  s.settimeout(0.5)\n\
                  for n in range(1, 21):\n\
                  \x20   s.send(bytes([n]))\n\
                  \x20   try: assert s.recv(100) == bytes([n])\n\
                  \x20   except TimeoutError: print(n, end=' ', file=sys.stderr)";
    let options = "--wait 20s -J --rtt 10ms --loss drop:3:17 --to-client loss=drop:5";
    let output = succeeded(link(options, server, &["python3", "-c", client]));
    // The fifth echo belongs to number 6, because number 3 had none.
    assert!(String::from_utf8_lossy(&output.stderr).starts_with("3 6 17 "), "{output:?}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let counted = |way: &str, what: &str| report[way][what].as_u64().unwrap();
    assert_eq!((counted("to_server", "packets"), counted("to_server", "lost")), (20, 2));
    assert_eq!((counted("to_client", "packets"), counted("to_client", "lost")), (18, 1));
    assert_eq!((&report["dropped_packets"], &report["exit_status"]), (&0.into(), &0.into()));
}

/// 95.7 Mbit/s of payload make 100 Mbit/s of packets: 1448 bytes in 1500. The link counts no Ethernet headers.
#[test]
fn iperf3_measures_the_rate_of_the_link() {
    let Some(_alone) = with(alone(), &["iperf3"]) else { return };
    let client = "iperf3 -c \"$WIRELAB_SERVER\" -t 3 -O 1 -J";
    let options = "--wait 20s --rate 100mbit --delay 0ms --loss 0%";
    let output = succeeded(link(options, "iperf3 -s -1", &["sh", "-c", client]));
    let result: Value = serde_json::from_slice(&output.stdout).unwrap();
    let rate = result["end"]["sum_received"]["bits_per_second"].as_f64().unwrap() / 1e6;
    assert!((90.0..=100.0).contains(&rate), "{rate} Mbit/s");
}

/// Bursts and pauses of 20 Mbit/s in the mean, and a queue that never runs dry.
#[test]
fn iperf3_takes_all_opportunities_of_a_trace() {
    let Some(_alone) = with(alone(), &["iperf3"]) else { return };
    // In each 60 ms: two opportunities a millisecond for 40 ms, one a millisecond for 20 ms.
    let lines = (1..=60).flat_map(|ms| vec![ms; if ms <= 40 { 2 } else { 1 }]);
    let trace = tempfile::NamedTempFile::new().unwrap();
    fs::write(trace.path(), lines.map(|ms| format!("{ms}\n")).collect::<String>()).unwrap();
    let client = "iperf3 -c \"$WIRELAB_SERVER\" -t 6 -O 2 -J";
    let options =
        format!("--wait 20s --rate trace:{} --queue 300p --delay 5ms --loss 0%", trace.path().display());
    let output = succeeded(link(&options, "iperf3 -s -1", &["sh", "-c", client]));
    let result: Value = serde_json::from_slice(&output.stdout).unwrap();
    let payload = result["end"]["sum_received"]["bits_per_second"].as_f64().unwrap() / 1e6;
    let rate = payload * 1500.0 / 1448.0;
    assert!((19.4..=20.6).contains(&rate), "{rate} Mbit/s");
}

#[test]
fn curl_fetches_a_page_as_an_ordinary_user() {
    let Some(_alone) = with(alone(), &["curl", "python3"]) else { return };
    let client = ["curl", "-s", "-o", "/dev/null", "-w", "%{time_connect}", "http://10.0.0.2/"];
    let server = "python3 -m http.server 80";
    let mut command = link("--wait 20s --rtt 60ms --loss 0%", server, &client);
    if is_root() {
        command.uid(65_534).gid(65_534);
    }
    let output = match command.output() {
        Ok(output) => output,
        Err(error) => return skip(&format!("an ordinary user cannot start the program: {error}")),
    };
    let said = String::from_utf8_lossy(&output.stderr);
    if said.contains("cannot make") || said.contains("ermission denied") {
        return skip(&said);
    }
    assert!(output.status.success(), "{output:?}");
    assert!((0.060..0.200).contains(&number(&output)), "{output:?}");
}

/// The kernel takes the client's address away. A UDP socket that is bound to no address goes on from the new one, and a
/// TCP connection breaks.
#[test]
fn a_new_address_breaks_tcp_and_not_udp() {
    let Some(_alone) = with(alone(), &["python3"]) else { return };
    let server = "python3 -c 'import socket, threading\n\
                  def serve():\n\
                  \x20   l = socket.create_server((\"10.0.0.2\", 7))\n\
                  \x20   while True:\n\
                  \x20       c, peer = l.accept()\n\
                  \x20       threading.Thread(target=echo, args=(c, peer)).start()\n\
                  def echo(c, peer):\n\
                  \x20   while c.recv(9): c.sendall(peer[0].encode())\n\
                  threading.Thread(target=serve).start()\n\
                  s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n\
                  s.bind((\"10.0.0.2\", 7))\n\
                  while True:\n\
                  \x20   _, peer = s.recvfrom(9)\n\
                  \x20   s.sendto(peer[0].encode(), peer)'";
    let client = "import socket, time\n\
                  def ask(s):\n\
                  \x20   s.settimeout(1.5)\n\
                  \x20   try:\n\
                  \x20       if s.type == socket.SOCK_DGRAM: s.sendto(b'?', ('10.0.0.2', 7))\n\
                  \x20       else: s.send(b'?')\n\
                  \x20       return s.recv(99).decode()\n\
                  \x20   except OSError: return 'broken'\n\
                  def connect(): return socket.create_connection(('10.0.0.2', 7), 5)\n\
                  u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n\
                  t = connect()\n\
                  print(ask(u), ask(t), end=' ')\n\
                  time.sleep(2)\n\
                  print(ask(u), ask(t), ask(connect()))";
    let options = "--wait 20s --rtt 10ms --loss 0% --rebind 1s:ip";
    let output = succeeded(link(options, server, &["python3", "-c", client]));
    let seen = String::from_utf8_lossy(&output.stdout);
    assert_eq!(seen.trim(), "10.0.0.1 10.0.0.1 10.0.0.101 broken 10.0.0.101", "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("addresses that clients no longer had"));

    let output = link("--rebind 1s", "true", &["true"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("use --rebind AT:ip"), "{output:?}");
}

/// The kernel chose the address of a client's connected socket, and takes it away.
#[test]
fn a_quic_client_by_url_goes_on_from_a_new_address() {
    let Some(_alone) = with(alone(), &[]) else { return };
    let program = env!("CARGO_BIN_EXE_wirelab");
    let folder = tempfile::tempdir().unwrap();
    let certificates = folder.path().display();
    let server = format!("{program} serve quic://10.0.0.2:4433 --certs {certificates}");
    let client = format!(
        "{program} bench quic://10.0.0.2:4433 -t quic-message --insecure -d 3s -w 500ms --seeds 1 -J -q --no-progress"
    );
    let options = "--wait 20s --rtt 10ms --loss 0% --rebind 3s:ip";
    let output = succeeded(link(options, &server, &client.split(' ').collect::<Vec<_>>()));
    let result: Value = serde_json::from_slice(&output.stdout).unwrap();
    let messages = &result["cells"][0]["messages"];
    assert_eq!(messages["delivered"], messages["scheduled"], "{messages}");
    assert_eq!(messages["scheduled"], 300, "{messages}");
    // What the server sent before the client's next packet told it the new address.
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("addresses that clients no longer had"), "{said}");
}

#[test]
fn the_exit_status_is_the_clients() {
    let Some(_turn) = with(together(), &[]) else { return };
    for (script, status) in [("exit 7", 7), ("kill -9 $$", 137), ("true", 0)] {
        let output = link("--wait 0s", "true", &["sh", "-c", script]).output().unwrap();
        assert_eq!(output.status.code(), Some(status), "{script}: {output:?}");
    }
}

#[test]
fn conflicting_options_are_refused_in_one_line() {
    for (options, option) in [
        ("--listen 9000", "--listen"),
        ("--to 9000", "--to"),
        ("--max-clients 3", "--max-clients"),
        ("--idle 3s", "--idle"),
        ("--loss 1%,2%", "one link"),
    ] {
        let output = link(options, "true", &["true"]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(option) && said.lines().count() == 1, "{said}");
    }
}

#[test]
fn a_failure_to_start_is_reported_in_one_line() {
    let Some(_turn) = with(together(), &[]) else { return };
    for (options, server, client, reason) in [
        ("--wait 200ms", "sleep 60", "true", "does not listen on a port after 200ms"),
        ("--wait 20s", "exit 3", "true", "exited before it listened on a port (exit status: 3)"),
        ("--wait 0s", "sleep 60", "/nowhere", "cannot start `/nowhere`"),
    ] {
        let output = link(options, server, &[client]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains(reason) && said.lines().count() == 1, "{said}");
    }
}

#[test]
fn forbidden_namespaces_are_reported_in_one_line() {
    // A user namespace in which no network namespace may be created.
    let script =
        "echo 0 > /proc/sys/user/max_net_namespaces && exec \"$0\" link --netns --server true -- true";
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "sh", "-c", script, env!("CARGO_BIN_EXE_wirelab")]);
    let Some(output) = command.output().ok().filter(|output| output.stderr.starts_with(b"wirelab: ")) else {
        return skip("no user namespace can be made with `unshare` here");
    };
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("user.max_net_namespaces") && said.lines().count() == 1, "{said}");
}

#[test]
fn a_device_that_is_gone_ends_it_with_an_error_that_names_it() {
    let Some(_turn) = with(together(), &["ip"]) else { return };
    if !is_root() {
        return skip("only root may take the device away");
    }
    let output = link("--wait 0s", "ip link del wire0; sleep 60", &["sleep", "60"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("the wire has ended: cannot read from the server's device"), "{said}");
}

/// An environment variable that marks the processes of one test and is inherited by their descendants.
const MARK: &str = "WIRELAB_TEST_MARK";

/// The `/proc` folders of processes with this mark.
fn all_marked(mark: &str) -> Vec<PathBuf> {
    let entry = format!("{MARK}={mark}\0");
    let has_mark = |process: &PathBuf| {
        let environ = fs::read(process.join("environ")).unwrap_or_default();
        environ.windows(entry.len()).any(|at| at == entry.as_bytes())
    };
    processes().filter(has_mark).collect()
}

fn marked(mark: &str) -> usize {
    all_marked(mark).len()
}

fn processes() -> impl Iterator<Item = PathBuf> {
    fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path())
}

/// The network namespaces of these processes, without the one of this test.
fn namespaces(processes: impl IntoIterator<Item = PathBuf>) -> BTreeSet<PathBuf> {
    let ours = fs::read_link("/proc/self/ns/net").unwrap();
    let all = processes.into_iter().filter_map(|process| fs::read_link(process.join("ns/net")).ok());
    all.filter(|namespace| *namespace != ours).collect()
}

/// A server that detaches from its parent and session and ignores SIGTERM, and an idle client.
fn stubborn(mark: &str, options: &str) -> Child {
    let server = "trap '' TERM; setsid sh -c \"trap '' TERM; sleep 61 & sleep 62\" & sleep 63";
    let mut command = link(&format!("--wait 0s {options}"), server, &["sleep", "64"]);
    command.env(MARK, mark).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().unwrap()
}

#[expect(clippy::disallowed_methods, reason = "patience with other programs passes in real time")]
fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let ends = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < ends, "not in time: {what}");
        thread::yield_now();
    }
}

/// wirelab, its first process, the server's two shells and three sleeps, and the client.
const ALL: usize = 8;

#[test]
fn nothing_is_left_behind_however_it_ends() {
    let Some(_alone) = with(alone(), &["setsid"]) else { return };
    for (signal, status) in [("KILL", None), ("TERM", Some(143)), ("INT", Some(130))] {
        let mark = format!("{}-{signal}", std::process::id());
        let mut child = stubborn(&mark, "");
        wait_until("all are there", || marked(&mark) == ALL);
        let made = namespaces(all_marked(&mark));
        assert_eq!(made.len(), 2, "{made:?}");
        let kill = Command::new("kill").arg(format!("-{signal}")).arg(child.id().to_string()).status();
        assert!(kill.unwrap().success());
        assert_eq!(child.wait().unwrap().code(), status, "SIG{signal}");
        if signal == "KILL" {
            // The kernel kills them once wirelab is gone, asynchronously.
            wait_until("none is left", || marked(&mark) == 0 && namespaces(processes()).is_disjoint(&made));
        }
        assert_eq!(marked(&mark), 0, "after SIG{signal}");
        assert!(namespaces(processes()).is_disjoint(&made), "after SIG{signal}");
    }
}

#[test]
fn it_ends_after_its_time() {
    let Some(_alone) = with(alone(), &["setsid"]) else { return };
    let mark = format!("{}-time", std::process::id());
    let mut child = stubborn(&mark, "-d 300ms");
    assert_eq!(child.wait().unwrap().code(), Some(143));
    assert_eq!(marked(&mark), 0);
}
