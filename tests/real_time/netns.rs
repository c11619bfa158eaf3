//! Runs over network namespaces: kernel TCP on the emulated wire, and the other transports compared with virtual time.
//! All load stays within namespaces that the program creates.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use crate::support::{alone, has_namespaces, is_root, say, skip, together, wirelab};
use serde_json::Value;
use tempfile::TempDir;
use wirelab::{
    link::LinkSpec,
    path::{
        Host, Observers, Side,
        netns::{Device, NetnsHost, World},
    },
    transport::Transport,
    unit::PerDirection,
};

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// The result of `wirelab` with these arguments. Skips where namespaces are not permitted.
fn result(folder: &Path, arguments: &str) -> Option<Value> {
    let mut command = ahead_of_others();
    command.args(arguments.split_whitespace()).args(["-J", "--no-progress", "-q"]).current_dir(folder);
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let result: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {said}"));
    permitted(&result).then_some(result)
}

/// Both at once, for runs that mostly wait.
fn both<T: Send>(one: impl FnOnce() -> T + Send, other: impl FnOnce() -> T) -> (T, T) {
    thread::scope(|scope| {
        let one = scope.spawn(one);
        let other = other();
        (one.join().unwrap(), other)
    })
}

/// A `wirelab` with real-time priority, where that is allowed.
fn ahead_of_others() -> Command {
    let chrt = |program: &str| {
        let mut command = Command::new("chrt");
        command.args(["-f", "1", program]);
        command
    };
    let allowed = chrt("true").output().is_ok_and(|output| output.status.success());
    if allowed { chrt(env!("CARGO_BIN_EXE_wirelab")) } else { Command::new(env!("CARGO_BIN_EXE_wirelab")) }
}

fn permitted(result: &Value) -> bool {
    let reasons =
        result["skipped"].as_array().unwrap().iter().filter_map(|skipped| skipped["reason"].as_str());
    let forbidden = reasons.filter(|reason| reason.starts_with("cannot make")).collect::<Vec<_>>();
    forbidden.iter().for_each(|reason| skip(reason));
    forbidden.is_empty()
}

/// Whether the machine was on time. Skips the timing checks where it was not.
fn in_time(result: &Value) -> bool {
    let late = result["system"]["lateness_ns"]["p99"].as_u64().unwrap();
    let sent_late = result["cells"][0]["send_delay_ns"]["p99"].as_u64().unwrap();
    let in_time = late.max(sent_late) < 1_000_000;
    if !in_time {
        skip(&format!(
            "times are not checked: this machine sent {sent_late} ns late and delivered {late} ns late"
        ));
    }
    in_time
}

/// The columns of a samples file, by name.
struct Samples {
    names: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Samples {
    fn read(file: &Path) -> Self {
        let text = fs::read_to_string(file).unwrap();
        let mut lines = text.lines().map(|line| line.split(',').map(str::to_owned).collect());
        Self { names: lines.next().unwrap(), rows: lines.collect() }
    }

    fn column(&self, name: &str) -> Vec<&str> {
        let index = self.names.iter().position(|known| known == name).unwrap();
        self.rows.iter().map(|row| row[index].as_str()).collect()
    }

    fn times(&self, name: &str) -> Vec<f64> {
        self.column(name).iter().map(|nanos| nanos.parse::<f64>().unwrap_or(f64::NAN) / 1e6).collect()
    }
}

/// A new connection, RTT 100 ms, a message every 10 ms, the fifth of them lost. Packets 1 and 2 belong to the
/// handshake, and only messages go to the server until the first reply is back. The third selective acknowledgement
/// (RFC 6675) is for the message sent 30 ms later, and the retransmission arrives a round trip after it.
#[test]
fn a_lost_segment_costs_kernel_tcp_a_round_trip_and_three_messages_and_delays_all_behind_it() {
    let _alone = alone();
    let folder = folder();
    let arguments = "bench --path netns -t tcp --rtt 100ms --loss drop:7 --to-client loss=0% --seeds 1 -d 1s -w 0s \
                     --samples samples.csv";
    let Some(result) = result(folder.path(), arguments) else { return };
    let cell = &result["cells"][0];
    let recovery = &cell["recovery"];
    assert_eq!(recovery["retransmitted_packets"], 1, "what was lost is what was sent again");
    assert_eq!((&recovery["timeouts"], &recovery["congestion_events"]), (&0.into(), &1.into()));
    let injected = [&cell["wire"]["to_server"]["lost"], &cell["wire"]["to_client"]["lost"]];
    assert_eq!(injected, [1, 0]);
    assert_eq!(
        (&result["system"]["dropped_packets"], &result["system"]["send_errors"]),
        (&0.into(), &0.into())
    );
    assert_eq!(cell["messages"]["delivered"], cell["messages"]["scheduled"]);
    assert_eq!(cell["congestion"], "cubic");

    let samples = Samples::read(&folder.path().join("samples.csv"));
    let blocked = samples.column("to_server_blocked_by_seq");
    let blocked: Vec<_> = (0..blocked.len()).filter(|&message| !blocked[message].is_empty()).collect();
    assert_eq!(blocked.first(), Some(&5), "the fifth message is number 4");
    assert_eq!(blocked.len() as u64, cell["hol"]["to_server"]["blocked"].as_u64().unwrap());
    assert_eq!(cell["hol"]["to_server"]["by_cause"]["loss"], blocked.len());
    if !in_time(&result) {
        return;
    }
    let (due, released) = (samples.times("due_ns"), samples.times("server_released_ns"));
    for (behind, message) in (4..17).enumerate() {
        let late = released[message] - due[message] - 50.0;
        let expected = 130.0 - 10.0 * behind as f64;
        assert!((late - expected).abs() < 5.0, "message {message}: {late} ms late and not {expected}");
    }
}

#[test]
fn a_lost_segment_blocks_the_messages_behind_it_under_tls_too() {
    let _alone = alone();
    let folder = folder();
    // After the handshake, and before anything of the server's first 3 KB reply is acknowledged.
    let arguments =
        "hol --path netns -t tls --rtt 40ms --loss drop:60 --to-client loss=0% --seeds 1 -d 1s -w 0s";
    let Some(result) = result(folder.path(), arguments) else { return };
    let cell = &result["cells"][0];
    assert_eq!(cell["wire"]["to_server"]["lost"], 1);
    let flags = cell["flags"].to_string();
    assert!(flags.contains("no-fixed-window") && !flags.contains("congested"), "{flags}");
    let to_server = &cell["hol"]["to_server"];
    let blocked = to_server["blocked"].as_u64().unwrap();
    assert!((3..20).contains(&blocked), "{to_server}");
    assert_eq!(to_server["by_cause"]["loss"], blocked);
    assert_eq!(cell["hol"]["to_client"]["by_cause"]["loss"], 0);
    assert!(cell["budget_ns"]["order_wait"].as_u64() > Some(0));
}

#[test]
fn udp_loses_the_messages_that_it_loses_in_virtual_time() {
    let _turn = together();
    let folder = folder();
    let lost = |path: &str| {
        let arguments = format!(
            "bench --path {path} -t udp --rtt 20ms --loss 5% -i 2ms -d 2s -w 0s --seeds 1 --seed 7 --samples {path}.csv"
        );
        let result = result(folder.path(), &arguments)?;
        let samples = Samples::read(&folder.path().join(format!("{path}.csv")));
        let status: Vec<String> = samples.column("status").into_iter().map(str::to_owned).collect();
        Some((status, result["cells"][0]["wire"].clone()))
    };
    let (Some(real), Some(model)) = (lost("netns"), lost("sim")) else { return };
    assert!(real.0.iter().filter(|status| *status == "lost").count() > 50);
    assert_eq!(real, model);
}

/// Twenty isolated losses, each blocking about 11 messages: the blocked messages and their waits match virtual time. A
/// delay of the machine may move one message per loss, which is 9%, so the tolerance is 15%. The RTT is not a multiple
/// of the interval, so that no two packets arrive at the same instant.
#[test]
fn quic_on_a_fixed_window_is_blocked_as_in_virtual_time() {
    let _alone = alone();
    let folder = folder();
    let drops: Vec<String> = (1..=20).map(|n| (20 + 40 * n).to_string()).collect();
    let arguments = |path: &str| {
        let drops = drops.join(":");
        format!(
            "hol --path {path} -t quic-one --rtt 105ms --loss drop:{drops} --to-client loss=0% --seeds 1 -d 10s -w 0s"
        )
    };
    let Some(real) = result(folder.path(), &arguments("netns")) else { return };
    let model = result(folder.path(), &arguments("sim")).unwrap();
    let figures = |result: &Value| {
        let cell = &result["cells"][0];
        let lost = cell["wire"]["to_server"]["lost"].as_u64().unwrap();
        (
            lost,
            cell["hol"]["blocked_ratio"].as_f64().unwrap(),
            cell["hol"]["wait_ns"]["mean"].as_f64().unwrap(),
        )
    };
    let (real_figures, model) = (figures(&real), figures(&model));
    assert_eq!(real_figures.0, model.0);
    if in_time(&real) {
        let apart = |real: f64, model: f64| (real / model - 1.0).abs();
        assert!(apart(real_figures.1, model.1) < 0.15, "blocked: {real_figures:?} {model:?}");
        assert!(apart(real_figures.2, model.2) < 0.15, "mean wait: {real_figures:?} {model:?}");
    }
}

#[test]
fn every_transport_runs_and_loses_nothing_on_a_wire_that_loses_nothing() {
    let _turn = together();
    let folder = folder();
    let arguments = "bench --path netns -t all --rtt 10ms --loss 0% --seeds 1 -d 300ms -w 100ms";
    let Some(result) = result(folder.path(), arguments) else { return };
    let cells = result["cells"].as_array().unwrap();
    let known = |name: &str| cells.iter().any(|cell| cell["transport"] == name);
    assert!(Transport::all().all(|transport| known(transport.name())), "{result}");
    for cell in cells {
        assert_eq!(cell["messages"]["delivered"], 30, "{cell}");
        assert!(cell["budget_ns"].is_object(), "every part of a message's time is known: {cell}");
    }
}

/// Runs as user 65534 if the test runs as root, else as the current user.
#[test]
fn an_ordinary_user_needs_no_root() {
    let _turn = together();
    let arguments = "bench --path netns -t tcp,udp --rtt 10ms --loss 0% --seeds 1 -d 300ms -w 100ms -J -q";
    let mut command = wirelab(Path::new("/"), arguments.split_whitespace());
    if is_root() {
        command.uid(65_534).gid(65_534);
    }
    let output = match command.output() {
        Ok(output) => output,
        Err(error) => return skip(&format!("an ordinary user cannot start the program here: {error}")),
    };
    let result: Value = serde_json::from_slice(&output.stdout).unwrap();
    if permitted(&result) {
        let delivered = |index: usize| result["cells"][index]["messages"]["delivered"].as_u64();
        assert_eq!([delivered(0), delivered(1)], [Some(30); 2], "{result}");
    }
}

#[test]
fn forbidden_namespaces_are_reported_in_one_line_and_other_paths_run() {
    let _turn = together();
    // A user namespace in which no network namespace may be created.
    let script = format!(
        "echo 0 > /proc/sys/user/max_net_namespaces && exec {} bench --path netns,sim -t udp,tcp -d 1s --seeds 1 -J -q",
        env!("CARGO_BIN_EXE_wirelab")
    );
    let output = Command::new("unshare").args(["--user", "--map-root-user", "sh", "-c", &script]).output();
    let Some(output) = output.ok().filter(|output| !output.stdout.is_empty()) else {
        return skip("no user namespace can be made with `unshare` here");
    };
    let result: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(output.status.success());
    let reason = |transport: &str| {
        let skipped = result["skipped"].as_array().unwrap();
        let row = skipped.iter().find(|row| row["transport"] == transport && row["path"] == "netns").unwrap();
        row["reason"].as_str().unwrap().to_owned()
    };
    assert!(reason("udp").contains("user.max_net_namespaces"), "{}", reason("udp"));
    assert_eq!(reason("udp"), reason("tcp"));
    assert_eq!(result["cells"][0]["path"], "sim");
}

/// The network namespaces of all threads of this machine.
fn namespaces() -> BTreeSet<PathBuf> {
    let entries =
        |folder: &Path| fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let processes = entries(Path::new("/proc")).filter(|path| path.join("task").exists());
    let tasks = processes.flat_map(|process| entries(&process.join("task")).collect::<Vec<_>>());
    tasks.filter_map(|task| fs::read_link(task.join("ns/net")).ok()).collect()
}

#[test]
fn a_killed_program_leaves_nothing_behind() {
    let _alone = alone();
    let folder = folder();
    let before = (namespaces(), interfaces());
    for signal in ["KILL", "INT"] {
        let arguments = "bench --path netns -t tcp --rtt 10ms --seeds 1 -d 2s -o result.json -q";
        let mut command = wirelab(folder.path(), arguments.split_whitespace());
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // Wait for the thread named `forwarder`, which starts once the namespaces exist.
        let forwards = || {
            let tasks = fs::read_dir(format!("/proc/{}/task", child.id())).into_iter().flatten().flatten();
            let mut names = tasks.filter_map(|task| fs::read_to_string(task.path().join("comm")).ok());
            names.any(|name| name.trim() == "forwarder")
        };
        while !forwards() {
            if fs::read_to_string(format!("/proc/{}/stat", child.id()))
                .is_ok_and(|stat| stat.contains(") Z "))
            {
                let _ = child.wait();
                return skip("namespaces are not permitted");
            }
            thread::yield_now();
        }
        let kill = Command::new("kill").arg(format!("-{signal}")).arg(child.id().to_string()).status();
        assert!(kill.unwrap().success());
        child.wait().unwrap();
        assert_eq!((namespaces(), interfaces()), before, "after SIG{signal}");
    }
}

fn interfaces() -> Vec<String> {
    let table = fs::read_to_string("/proc/net/dev").unwrap();
    table.lines().filter_map(|line| Some(line.split_once(':')?.0.trim().to_owned())).collect()
}

/// A wire without any effect. Skips where namespaces are not permitted.
fn plain_world(device: Device) -> Option<World> {
    let link: LinkSpec = "delay=0ms".parse().unwrap();
    World::with_device(&PerDirection::both(link), 1, device, Observers::default())
        .map_err(|error| skip(&error.to_string()))
        .ok()
}

#[test]
fn programs_run_in_the_namespaces_and_reach_each_other_over_either_device() {
    let _turn = together();
    for device in [Device::Tun, Device::Veth] {
        let Some(world) = plain_world(device) else { continue };
        let server = world.namespace(Side::Server);
        let socket = server.within(|| std::net::UdpSocket::bind("0.0.0.0:7").unwrap()).unwrap();
        let script = "cat /proc/net/dev; echo hello > /dev/udp/10.0.0.2/7";
        let client = || Command::new("bash").args(["-c", script]).output().unwrap();
        let output = world.namespace(Side::Client).within(client).unwrap();
        assert!(String::from_utf8_lossy(&output.stdout).contains("wire0"), "{output:?}");
        socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let mut buffer = [0; 100];
        let (length, from) = socket.recv_from(&mut buffer).unwrap();
        assert_eq!((&buffer[..length], from.ip()), (&b"hello\n"[..], World::ip(Side::Client)));
        assert_eq!(world.counters().to_server.delivered, 1);
    }
}

/// 40 runs of 20 s, 80,000 messages. The 99th percentile covers one retransmission and the order wait behind it, and is
/// known to lie between 170 and 230 ms. Its standard error over these runs is 12 ms, so its 95% interval must overlap
/// that range. The standard error of the median is 0.01 ms.
#[test]
#[ignore = "a quarter of an hour of real time: `cargo test --release --test real_time netns::cubic -- --ignored`"]
fn cubic_at_one_percent_each_way_has_the_latencies_that_it_is_known_for() {
    let _alone = alone();
    let folder = folder();
    let arguments = "bench --path netns -t tcp -C cubic --rtt 50ms --loss 1% --seeds 40 -d 20s";
    let Some(result) = result(folder.path(), arguments) else { return };
    let cell = &result["cells"][0];
    say(&format!("{}\n{}", cell["latency_ns"], result["system"]));
    let latency = |value: &Value| value.as_f64().unwrap() / 1e6;
    assert_eq!(cell["messages"]["delivered"], cell["messages"]["scheduled"]);
    let p50 = latency(&cell["latency_ns"]["p50"]);
    assert!((50.0..51.0).contains(&p50), "{p50}");
    let [low, high] = [0, 1].map(|end| latency(&cell["latency_ns"]["ci95"]["p99"][end]));
    assert!(low < 230.0 && high > 170.0, "{low} to {high}");
}

/// 4,000 connections with 2% loss each way: SYN or SYN-ACK is lost for 1 - 0.98^2 = 3.96% of them, with a standard
/// error of 0.31 points. Linux retransmits after 1 s.
#[test]
#[ignore = "four minutes of real time: `cargo test --release --test real_time connections -- --ignored`"]
fn connections_whose_first_packets_are_lost_take_a_second_or_more() {
    const CONNECTIONS: u32 = 4000;
    let _alone = alone();
    let link: LinkSpec = "delay=5ms,loss=2%".parse().unwrap();
    let world = match World::new(&PerDirection::both(link), 1) {
        Ok(world) => world,
        Err(error) => return skip(&error.to_string()),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
    let slow = runtime.block_on(async {
        let [client, server] =
            [Side::Client, Side::Server].map(|side| NetnsHost::new(&world, side, "cubic").unwrap());
        let mut listener = server.tcp_listen("0.0.0.0:0".parse().unwrap()).unwrap();
        let peer = (World::ip(Side::Server), listener.local_addr().port()).into();
        let accept = async move {
            while let Ok(connected) = listener.accept().await {
                drop(connected);
            }
        };
        server.spawn("the server", Box::pin(accept));
        let mut slow = 0;
        for _ in 0..CONNECTIONS {
            let begun = client.now();
            client.tcp_connect(peer).await.unwrap();
            slow += u32::from(client.now() - begun >= Duration::from_secs(1));
        }
        slow
    });
    let share = f64::from(slow) / f64::from(CONNECTIONS);
    say(&format!("{slow} of {CONNECTIONS} connections took a second or more: {:.2}%", share * 100.0));
    assert!((share - 0.0396).abs() < 3.0 * 0.0031, "{share}");
}

/// Packets of the kernel's own (ICMP) may be corrupted too, and are not counted.
#[test]
fn what_the_link_corrupts_is_what_the_hosts_throw_away_and_none_of_it_is_the_machines_doing() {
    let _turn = together();
    let arguments = "bench --path netns -t udp --loss 0% --corrupt 30% -w 0s -d 2s --seeds 1";
    let Some(result) = result(folder().path(), arguments) else { return };
    let cell = &result["cells"][0];
    let count = |pointer: &str| cell.pointer(pointer).and_then(Value::as_u64).unwrap();
    let corrupted = count("/wire/to_server/corrupted") + count("/wire/to_client/corrupted");
    assert_eq!(result["system"]["dropped_packets"].as_u64(), Some(0), "no queue was full: {}", cell["flags"]);
    assert_eq!(count("/messages/corrupted"), corrupted, "{cell}");
    assert_eq!(count("/messages/lost"), corrupted, "{cell}");
}

/// RFC 9293, and RFC 8446 over it: one round trip before data, a second one for TLS; a byte stream in order.
#[test]
fn the_properties_of_tcp_and_tls_are_those_of_their_standards() {
    let _alone = alone();
    if !has_namespaces() {
        return;
    }
    let table = wirelab::properties::measure(&[Transport::TCP, Transport::TLS]);
    let value = |row: usize, column: usize| {
        let cell = &table.rows[row].cells[column];
        cell.answer.as_ref().unwrap_or_else(|| panic!("{}: {:?}", cell.row, cell.problem)).value.as_str()
    };
    for (column, connection, first, secure) in [(0, "yes, 1 RTT", "2", "no"), (1, "yes, 2 RTT", "3", "yes")] {
        let expected = [connection, first, "a stream", "yes", "yes", "yes", "yes", secure, secure];
        let measured: Vec<&str> = (0..expected.len()).map(|row| value(row, column)).collect();
        assert_eq!(measured, expected);
        assert!(value(9, column).starts_with("yes"), "a loss holds later messages");
        assert_eq!([11, 12, 13].map(|row| value(row, column)), ["over 1 MB", "no", "yes"]);
    }
}

/// 20 messages of 200 KB. Each takes 13 records, and the instrument must know where each message ends.
#[test]
fn tls_records_of_messages_longer_than_its_buffer_are_told_apart() {
    let _turn = together();
    let folder = folder();
    let options = "bench --path netns -t tls -l 200KB -i 50ms -d 1s -w 0s --seeds 1 --loss 0% --rtt 10ms";
    let Some(result) = result(folder.path(), options) else { return };
    let cell = &result["cells"][0];
    assert_eq!(cell["messages"]["delivered"], 20, "{cell}");
    assert!(!cell["hol"].is_null(), "{cell}");
}

#[test]
fn tcp_asks_for_ecn_and_answers_marks_without_a_loss() {
    /// Twice CoDel's target.
    const MOST_NS: u64 = 10_000_000;
    let _alone = alone();
    let folder = folder();
    let bulk = |ecn: &str| {
        let link = "--path netns --rtt 40ms --loss 0% --rate 10mbit --queue 1MB --aqm codel";
        result(folder.path(), &format!("transfer -t tcp,quic-one --bytes 8MB --seeds 1 {link} {ecn}"))
    };
    let (Some(marked), Some(dropped)) = both(|| bulk("--ecn"), || bulk("")) else { return };
    let cells = |result: &Value| result["cells"].as_array().unwrap().clone();
    let way = |cell: &Value, what: &str| cell[what]["to_server"].clone();
    for cell in cells(&marked) {
        let (queue, ecn) = (way(&cell, "queue"), way(&cell, "ecn"));
        assert!(ecn["capable"].as_u64() > Some(1000), "{ecn}");
        assert!(ecn["marked"].as_u64() > Some(2) && ecn["ce_seen"] == ecn["marked"], "{ecn}");
        assert_eq!(ecn["validation_failed"], 0, "{ecn}");
        assert_eq!(queue["dropped"], 0, "{queue}");
        assert!(queue["delay_ns"]["p50"].as_u64() <= Some(MOST_NS), "{queue}");
        let reductions = ecn["window_reductions"].as_u64().unwrap();
        if cell["transport"] == "tcp" {
            assert!(cell["recovery"]["acknowledged_ce"].as_u64() > Some(0), "{}", cell["recovery"]);
            // TCP reduces its window at most once in each window of data (RFC 3168 section 6.1.2), which takes a round
            // trip, and for a mark.
            let rounds = cell["transfer"]["time_ns"]["max"].as_u64().unwrap().div_ceil(40_000_000);
            let most = rounds.min(ecn["marked"].as_u64().unwrap());
            assert!((1..=most).contains(&reductions), "{ecn}, {rounds} rounds");
        } else {
            assert_eq!(reductions, 0, "only TCP has the flag CWR: {ecn}");
        }
    }
    for cell in cells(&dropped) {
        let queue = way(&cell, "queue");
        assert!(queue["dropped"].as_u64() > Some(2) && queue["marked"] == 0, "{queue}");
        assert!(queue["delay_ns"]["p50"].as_u64() <= Some(MOST_NS), "{queue}");
        assert_eq!(cell["ecn"], Value::Null);
    }
}

#[test]
fn codel_drops_as_much_of_udp_as_in_virtual_time() {
    let _alone = alone();
    let folder = folder();
    let on = |path: &str| {
        let load = "-t udp --seeds 1 -i 800us -l 972 --reply-length 100 -w 0s -d 4s";
        let link = "--rtt 20ms --loss 0% --rate 8mbit --queue 1MB --aqm codel";
        result(folder.path(), &format!("bench --path {path} {load} {link}"))
    };
    let (Some(simulated), Some(relayed), Some(real)) = (on("sim"), on("relay"), on("netns")) else { return };
    let queue = |result: &Value| {
        let queue = &result["cells"][0]["queue"]["to_server"];
        (queue["dropped"].as_u64().unwrap() as f64, queue["delay_ns"]["p50"].as_u64().unwrap() as f64)
    };
    let (dropped, wait) = queue(&simulated);
    assert!(dropped > 20.0 && wait > 50e6, "{dropped} {wait}");
    for other in [&relayed, &real].into_iter().filter(|result| in_time(result)) {
        let (other_dropped, other_wait) = queue(other);
        // Packets are offered up to a millisecond late.
        assert!((other_dropped - dropped).abs() <= 3.0, "{other_dropped} in place of {dropped}");
        assert!((other_wait - wait).abs() < 3e6, "{other_wait} in place of {wait}");
    }
}
