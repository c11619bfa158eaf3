//! `--pcap`, `--qlog` and `--keylog`: which files they write, and what happens if a file cannot be written.

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;
use tempfile::tempdir;

use wirelab::path::direct::may_observe_tcp;

use crate::support::{Program, has_command, has_namespaces, is_root, run, skip, wirelab};

fn contains(file: &Path, text: &str) -> bool {
    let bytes = fs::read(file).unwrap();
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[test]
fn a_file_has_the_first_run_and_a_folder_has_all() {
    let folder = tempdir().unwrap();
    let bench = "bench -t udp,quic-one -d 1s -w 0s --seeds 4 --loss 1% -q --pcap";
    // Several times, because runs on several threads must not change which run is the first.
    for _ in 0..5 {
        run(folder.path(), format!("{bench} first.pcapng").split(' ')).succeeded();
        assert!(contains(&folder.path().join("first.pcapng"), "bench, udp on sim, seed 1; complete: "));
    }
    run(folder.path(), format!("{bench} all/").split(' ')).succeeded();
    for seed in 1..=4 {
        for run in [format!("000-udp-sim-seed{seed}"), format!("001-quic-one-sim-seed{seed}")] {
            assert!(contains(
                &folder.path().join(format!("all/{run}.pcapng")),
                &format!("seed {seed}; complete: ")
            ));
        }
    }
    let [first, all] = ["first.pcapng", "all/000-udp-sim-seed1.pcapng"]
        .map(|name| fs::read(folder.path().join(name)).unwrap());
    assert!(first == all, "virtual time gives the same bytes");
}

/// The files of a folder, by name.
fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    files.map(|file| (file.file_name().into_string().unwrap(), fs::read(file.path()).unwrap())).collect()
}

#[test]
fn in_virtual_time_captures_and_key_logs_have_the_same_bytes_each_time() {
    let all = "udp,udp-hmac,dtls,arq,quic";
    let link = "--loss 2% --duplicate 1% --reorder 1% --jitter 2ms --corrupt 0.5% --path sim --seeds 2";
    let runs = [
        (format!("bench -t {all} -d 300ms -w 0s {link}"), 11),
        (format!("hol -t {all} -d 300ms -w 0s {link} -C bbr"), 7),
        (format!("handshake -t {all} -n 5 {link}"), 19),
        ("transfer -t udp,udp-hmac,arq,quic -n 50KB --seeds 2 --path sim --loss 1%".to_owned(), 10),
    ];
    for (command, plans) in runs {
        let folders = [(); 2].map(|()| {
            let folder = tempdir().unwrap();
            let recording = format!("{command} -q --pcap all/ --keylog keys.txt");
            // Raw UDP that lost something is a failure of transfers.
            let done = run(folder.path(), recording.split(' '));
            assert!(matches!(done.code, Some(0 | 1)), "{}", done.stderr);
            folder
        });
        let [first, second] = folders.each_ref().map(|folder| contents(&folder.path().join("all")));
        assert_eq!(first.len(), 2 * plans, "{command}");
        for (name, bytes) in &first {
            assert!(Some(bytes) == second.get(name), "{command}: {name}");
        }
        let [first, second] =
            folders.each_ref().map(|folder| fs::read_to_string(folder.path().join("keys.txt")).unwrap());
        assert!(first == second, "{command}: the key log");
        assert!(first.contains("SERVER_TRAFFIC_SECRET_0"), "{first}");
    }
}

#[test]
fn in_real_time_secrets_are_new_each_time() {
    let folder = tempdir().unwrap();
    let keys = ["1", "2"].map(|run_number| {
        let bench = "bench -t quic-one,dtls --path relay -d 100ms -w 0s --seeds 1 --loss 0% -q --keylog";
        run(folder.path(), format!("{bench} {run_number}").split(' ')).succeeded();
        fs::read_to_string(folder.path().join(run_number)).unwrap()
    });
    let secrets = |keys: &str| -> BTreeSet<String> {
        keys.lines().map(|line| line.rsplit(' ').next().unwrap().to_owned()).collect()
    };
    // QUIC has an exporter secret, too.
    assert_eq!(secrets(&keys[0]).len(), 4 + 5);
    assert!(secrets(&keys[0]).is_disjoint(&secrets(&keys[1])));
}

// Types of pcapng blocks.
const STATISTICS: u32 = 5;
const PACKET: u32 = 6;
const SECRETS: u32 = 10;

/// The type and the content of each block.
fn blocks(file: &Path) -> Vec<(u32, Vec<u8>)> {
    let bytes = fs::read(file).unwrap();
    let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
    let (mut at, mut blocks) = (0, Vec::new());
    while at < bytes.len() {
        let end = at + word(at + 4) as usize;
        blocks.push((word(at), bytes[at + 8..end - 4].to_vec()));
        at = end;
    }
    blocks
}

/// In DTLS 1.3, the server sends encrypted records before the client has derived the keys.
#[test]
fn the_secrets_of_dtls_come_before_the_first_encrypted_record_and_both_ends_agree_on_them() {
    const HEADERS: usize = 20 + 20 + 8;
    for path in ["sim", "relay"] {
        let folder = tempdir().unwrap();
        let bench = "bench -t dtls -d 100ms -w 0s --seeds 1 --loss 0% -q --pcap run.pcapng --path";
        run(folder.path(), format!("{bench} {path}").split(' ')).succeeded();
        let blocks = blocks(&folder.path().join("run.pcapng"));
        let is_encrypted = |block: &[u8]| block[HEADERS] >> 5 == 1;
        let first = blocks.iter().position(|(kind, block)| *kind == PACKET && is_encrypted(block)).unwrap();
        let secrets = |blocks: &[(u32, Vec<u8>)]| -> Vec<String> {
            let secrets = blocks.iter().filter(|(kind, _)| *kind == SECRETS);
            let text: String =
                secrets.map(|(_, block)| String::from_utf8_lossy(&block[8..]).into_owned()).collect();
            text.lines().map(|line| line.split(' ').next().unwrap().trim_matches('\0').to_owned()).collect()
        };
        let all = [
            "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
            "SERVER_HANDSHAKE_TRAFFIC_SECRET",
            "CLIENT_TRAFFIC_SECRET_0",
            "SERVER_TRAFFIC_SECRET_0",
        ];
        let before = secrets(&blocks[..first]);
        assert_eq!(before.iter().collect::<BTreeSet<_>>().len(), 4, "{before:?}");
        // Ends that disagree would log different lines with the same label.
        let mut logged = secrets(&blocks);
        logged.sort();
        let mut expected = all.map(str::to_owned);
        expected.sort();
        assert_eq!(logged, expected);
    }
}

#[test]
fn a_capture_changes_no_figure() {
    let folder = tempdir().unwrap();
    let hol = "hol -t udp,quic-one,arq-selective -d 2s --seeds 2 --loss 2% -J -q";
    let without = run(folder.path(), hol.split(' ')).succeeded();
    let with = run(folder.path(), format!("{hol} --pcap all/ --qlog traces --keylog keys.txt").split(' '))
        .succeeded();
    assert_eq!(without, with);
}

#[test]
fn without_the_permission_to_capture_tcp_a_capture_says_so() {
    let folder = tempdir().unwrap();
    // Root has all capabilities that are in the bounding set.
    let dropped: &[&str] = if is_root() { &["--bounding-set=-net_raw"] } else { &[] };
    if !has_command("setpriv") {
        return;
    }
    let run = |arguments: &str| {
        let program = wirelab(folder.path(), arguments.split(' '));
        let mut command = Command::new("setpriv");
        command.args(dropped).arg(program.get_program()).args(program.get_args()).current_dir(folder.path());
        Program::start(command).finish()
    };
    let ended = run("bench -t tcp,udp --path direct -d 100ms -w 0s --seeds 1 --pcap all/");
    let said = "no packets of tcp: without a link, TCP segments are the kernel's, and capturing them takes CAP_NET_RAW; \
                run as root, or use --path netns";
    assert!(ended.stderr.contains(said), "{}", ended.stderr);
    ended.succeeded();
    let refused = run("bench -d 1s --pcap run.pcapng tls://127.0.0.1:9");
    assert_eq!(refused.code, Some(2));
    let said =
        "--pcap: the packets of tcp:// and tls:// are the kernel's, and capturing them takes CAP_NET_RAW";
    assert!(refused.stderr.contains(said), "{}", refused.stderr);
}

#[test]
fn without_a_link_a_capture_and_a_trace_have_the_segments_of_the_kernels_tcp() {
    if !may_observe_tcp() {
        return skip("no CAP_NET_RAW");
    }
    let folder = tempdir().unwrap();
    let bench = "bench -t tcp,tls,udp --path direct -d 300ms -w 0s --seeds 1 --pcap all/ --qlog traces";
    let ended = run(folder.path(), bench.split(' '));
    assert!(!ended.stderr.contains("no packets") && !ended.stderr.contains("missing"), "{}", ended.stderr);
    ended.succeeded();
    for transport in ["000-tcp", "001-tls"] {
        let name = format!("{transport}-direct-seed1");
        let capture = folder.path().join(format!("all/{name}.pcapng"));
        assert!(contains(&capture, "complete: the run was captured to its end"), "{name}");
        // Both copies of a packet have the same bytes: one where it was sent, one where it arrived.
        let mut copies: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
        for (_, block) in blocks(&capture).into_iter().filter(|(kind, _)| *kind == PACKET) {
            let length = u32::from_le_bytes(block[12..16].try_into().unwrap()) as usize;
            copies.entry(block[20..20 + length].to_vec()).or_default().push(block[0]);
        }
        for (packet, interfaces) in &copies {
            let mut sorted = interfaces.clone();
            sorted.sort_unstable();
            assert_eq!(sorted, [0, 1], "{name}: {interfaces:?} {packet:02x?}");
        }
        const SYN: u8 = 2;
        let syns: Vec<_> = copies.iter().filter(|(packet, _)| packet[33] & SYN != 0).collect();
        let [(_, request), (_, answer)] = syns.iter().rev().collect::<Vec<_>>()[..] else { panic!("{name}") };
        assert_ne!(request[0], answer[0], "{name}: each end sends one");

        let ends = ["client", "server"]
            .map(|end| events(&folder.path().join(format!("traces/{name}-1-{end}.qlog"))));
        let [sent, received] = ["packet_sent", "packet_received"].map(|kind| {
            let name = format!("transport:{kind}");
            ends.each_ref().map(|events| events.iter().filter(|event| event["name"] == *name).count())
        });
        assert_eq!(sent, [received[1], received[0]], "{name}");
        assert_eq!(sent[0] + sent[1], copies.len(), "{name}");
    }
}

#[test]
fn a_key_log_has_the_secrets_of_all_runs_once() {
    let folder = tempdir().unwrap();
    run(folder.path(), "bench -t quic-one -d 1s --seeds 2 --loss 0% -q --keylog keys.txt".split(' '))
        .succeeded();
    let keys = fs::read_to_string(folder.path().join("keys.txt")).unwrap();
    for label in ["CLIENT_HANDSHAKE_TRAFFIC_SECRET ", "SERVER_TRAFFIC_SECRET_0 "] {
        assert_eq!(keys.lines().filter(|line| line.starts_with(label)).count(), 2, "{keys}");
    }
}

/// The number of packets that the ends of all connections sent, by the names of the files.
fn packets_sent(folder: &Path) -> Vec<(String, usize)> {
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let sent = |path: &Path| fs::read_to_string(path).unwrap().matches(":packet_sent\"").count();
    files.iter().map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), sent(path))).collect()
}

#[test]
fn every_connection_of_every_run_has_a_trace_of_each_end() {
    let folder = tempdir().unwrap();
    let traces = folder.path().join("traces");
    for (command, runs, connections) in [
        (
            "bench -t udp,quic-one -d 1s --seeds 2",
            vec!["001-quic-one-sim-seed1", "001-quic-one-sim-seed2"],
            1,
        ),
        ("bench -t udp,arq-selective -d 300ms -w 0s --seeds 1", vec!["001-arq-selective-sim-seed1"], 1),
        ("handshake -t quic-one --mode cold -n 3 --seeds 1", vec!["000-quic-one-sim-seed1"], 3),
        ("transfer -t quic-one --bytes 50KB --seeds 1", vec!["000-quic-one-sim-seed1"], 1),
        ("bench -t quic-one -d 300ms -w 0s --seeds 1 --path direct", vec!["000-quic-one-direct-seed1"], 1),
        ("bench -t quic-one -d 300ms -w 0s --seeds 1 --path relay", vec!["000-quic-one-relay-seed1"], 1),
    ] {
        let _ = fs::remove_dir_all(&traces);
        run(folder.path(), format!("{command} -q --qlog traces").split(' ')).succeeded();
        let found = packets_sent(&traces);
        let mut expected = Vec::new();
        for run in runs {
            for connection in 1..=connections {
                for side in ["client", "server"] {
                    expected
                        .extend(["qlog", "sqlog"].map(|form| format!("{run}-{connection}-{side}.{form}")));
                }
            }
        }
        assert_eq!(found.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>(), expected, "{command}");
        for pair in found.chunks(2) {
            assert!(pair[0].1 > 2 && pair[0].1 == pair[1].1, "{pair:?}");
            assert!(contains(&traces.join(&pair[0].0), "complete: the connection was traced to its end"));
        }
    }
}

/// The events of a trace in version 0.3.
fn events(file: &Path) -> Vec<Value> {
    let mut trace: Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    let Value::Array(events) = trace["traces"][0]["events"].take() else { panic!("no events") };
    events
}

#[test]
fn traces_of_the_kernels_tcp_have_its_segments_and_retransmissions() {
    if !has_namespaces() {
        return;
    }
    let folder = tempdir().unwrap();
    let bench = "bench -t tcp,tls --path netns -d 2s --seeds 1 --loss 3% -J -q --qlog traces";
    let result = run(folder.path(), bench.split(' ')).succeeded();
    let result: Value = serde_json::from_str(&result).unwrap();
    for (cell, name) in ["000-tcp", "001-tls"].into_iter().enumerate() {
        let ends = ["client", "server"]
            .map(|end| events(&folder.path().join(format!("traces/{name}-netns-seed1-1-{end}.qlog"))));
        let count = |name: &str, is: &dyn Fn(&Value) -> bool| {
            ends.each_ref().map(|events| {
                events.iter().filter(|event| event["name"] == name && is(&event["data"])).count() as u64
            })
        };
        let any = &|_: &Value| true;
        let resent = count("transport:packet_sent", &|data| data["is_retransmission"] == true);
        let counted = ends.each_ref().map(|events| {
            let last = events.iter().rfind(|event| event["name"] == "wirelab:tcp_info").unwrap();
            last["data"]["retransmitted_segments"].as_u64().unwrap()
        });
        // A segment may be lost after the kernel was asked for the last time.
        for (resent, counted) in resent.into_iter().zip(counted) {
            assert!(
                resent > 0 && resent - counted <= 1,
                "{name}: {resent} resent, the kernel counts {counted}"
            );
        }
        let expected = result["cells"][cell]["recovery"]["retransmitted_packets"].as_u64();
        assert_eq!(Some(counted[0] + counted[1]), expected, "{name}");
        let (sent, received) = (count("transport:packet_sent", any), count("transport:packet_received", any));
        let (dropped, delivered) =
            (count("wirelab:packet_dropped", any), count("wirelab:packet_delivered", any));
        for (end, peer) in [(0, 1), (1, 0)] {
            assert!(sent[end] > 50 && dropped[end] > 0, "{name}: {sent:?} {dropped:?}");
            assert_eq!(delivered[end], received[peer], "{name}");
            assert!(sent[end] - dropped[end] - delivered[end] < 5, "{name}: few are on the link at the end");
        }
        for of_connection in ["connection_started", "connection_state_updated"] {
            assert_eq!(count(&format!("connectivity:{of_connection}"), any), [1, 1], "{name}");
        }
        assert!(count("wirelab:tcp_info", any)[0] > 5, "{name}");
        assert!(count("recovery:metrics_updated", any)[0] > 0, "{name}");
    }
}

/// The program that loads traces with the code of qvis. Needs Node.js, and a checkout of qvis with the packages
/// `esbuild`, `oboe` and `vue` beside it; see CONTRIBUTING.md. Skips without them.
fn qvis(folder: &Path) -> Option<PathBuf> {
    if !has_command("node") {
        return None;
    }
    let Some(checkout) = env::var_os("WIRELAB_TEST_QVIS").map(PathBuf::from) else {
        skip("WIRELAB_TEST_QVIS names no checkout of qvis");
        return None;
    };
    let (here, program) = (Path::new(env!("CARGO_MANIFEST_DIR")), folder.join("load.js"));
    let modules = checkout.join("node_modules");
    let mut esbuild = Command::new(modules.join(".bin/esbuild"));
    esbuild
        .arg(here.join("tests/qvis/load.ts"))
        .args(["--bundle", "--platform=node", "--format=cjs", "--log-level=error"])
        .arg(format!("--alias:@={}", checkout.join("visualizations/src").display()))
        .arg(format!("--alias:@quictools/qlog-schema={}", here.join("tests/qvis/schema").display()))
        .arg(format!("--outfile={}", program.display()))
        .env("NODE_PATH", modules);
    let built = Program::start(esbuild).finish();
    assert_eq!(built.code, Some(0), "{}", built.stderr);
    Some(program)
}

#[test]
fn qvis_loads_the_traces_of_every_protocol() {
    let folder = tempdir().unwrap();
    let Some(program) = qvis(folder.path()) else { return };
    let transports = "quic-one,quic-datagram,arq-selective,arq-stop-and-wait";
    let bench = format!("bench -t {transports} -d 2s --seeds 1 --loss 5% -q --qlog traces");
    run(folder.path(), bench.split(' ')).succeeded();
    if has_namespaces() {
        run(folder.path(), "bench -t tcp,tls --path netns -d 1s --seeds 1 -q --qlog traces".split(' '))
            .succeeded();
    }
    for entry in fs::read_dir(folder.path().join("traces")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|ending| ending != "qlog") {
            continue;
        }
        let mut node = Command::new("node");
        node.arg(&program).arg(&path);
        let loaded = Program::start(node).finish();
        assert_eq!(loaded.code, Some(0), "{}: {}", path.display(), loaded.stderr);
        let line = loaded.stdout.lines().find(|line| line.starts_with("{\"from\"")).unwrap();
        let line: Value = serde_json::from_str(line).unwrap();
        let mut counts: BTreeMap<String, u64> = BTreeMap::new();
        for event in events(&path) {
            *counts.entry(event["name"].as_str().unwrap().to_owned()).or_default() += 1;
        }
        assert!(counts["transport:packet_sent"] > 10, "{}", path.display());
        assert_eq!(line["events"], serde_json::json!(counts), "{}", path.display());
    }
}

#[test]
fn the_snap_length_keeps_a_capture_small() {
    let folder = tempdir().unwrap();
    let size = |options: &str| {
        let bench = format!("bench -t udp -d 1s --seeds 1 --loss 0% -q --pcap run.pcapng{options}");
        run(folder.path(), bench.split(' ')).succeeded();
        fs::metadata(folder.path().join("run.pcapng")).unwrap().len()
    };
    assert!(size(" --snaplen 60") < size("") / 5);
}

#[test]
fn a_capture_that_cannot_be_written_ends_the_run_in_one_line() {
    let folder = tempdir().unwrap();
    symlink("/dev/full", folder.path().join("full.pcapng")).unwrap();
    let full = run(folder.path(), "bench -t udp -d 60s --seeds 1 --pcap full.pcapng -q".split(' '));
    assert_eq!(full.code, Some(1));
    let expected =
        "wirelab: cannot write full.pcapng: No space left on device (os error 28); the file is incomplete\n";
    assert_eq!(full.stderr, expected);

    // The key log is another file.
    symlink("/dev/full", folder.path().join("full.txt")).unwrap();
    let full = run(folder.path(), "bench -t quic-one -d 60s --seeds 30 --keylog full.txt -q".split(' '));
    assert_eq!(full.code, Some(1));
    let expected =
        "wirelab: cannot write full.txt: No space left on device (os error 28); the file is incomplete\n";
    assert_eq!(full.stderr, expected);

    // In a folder, the error names the file.
    fs::create_dir(folder.path().join("all")).unwrap();
    symlink("/dev/full", folder.path().join("all/000-udp-sim-seed1.pcapng")).unwrap();
    let full = run(folder.path(), "bench -t udp -d 60s --seeds 1 --pcap all/ -q".split(' '));
    assert!(
        full.stderr.starts_with("wirelab: cannot write all/000-udp-sim-seed1.pcapng: "),
        "{}",
        full.stderr
    );

    for (option, said) in [
        (
            "--pcap run.txt",
            "--pcap: invalid name `run.txt`: expected FILE.pcapng, or a folder that ends in /",
        ),
        ("--qlog traces quic://127.0.0.1:9", "--qlog: a server by URL is not traced"),
        (
            "--qlog traces -t udp,dtls",
            "--qlog: raw datagrams have no connections, and none of these transports has any",
        ),
    ] {
        let refused = run(folder.path(), format!("bench -d 1s {option}").split(' '));
        assert_eq!(refused.code, Some(2), "{option}");
        assert!(refused.stderr.contains(said), "{option}: {}", refused.stderr);
    }
}

/// The capture goes to a file system of 300 kB.
#[test]
fn on_a_full_disk_the_capture_says_how_many_packets_are_missing() {
    let folder = tempdir().unwrap();
    // `cd` enters the folder again, which is the new file system by then.
    let mounted = "mount -t tmpfs -o size=300k none . && cd \"$PWD\" && \"$@\"; code=$?; \
                   cp full.pcapng \"$OUT\"; exit $code";
    for path in ["sim", "relay"] {
        let bench = format!("bench -t udp -d 2s -w 0s -i 1ms --seeds 1 -q --pcap full.pcapng --path {path}");
        let program = wirelab(folder.path(), bench.split(' '));
        let mut command = Command::new("unshare");
        command.args(["-rm", "sh", "-c", mounted, "sh"]);
        command.arg(program.get_program()).args(program.get_args());
        let kept = tempdir().unwrap();
        let kept = kept.path().join("kept.pcapng");
        command.current_dir(folder.path()).env("OUT", &kept);
        let done = Program::start(command).finish();
        if !kept.exists() {
            return skip("no file system can be mounted here");
        }
        assert_eq!(done.code, Some(1), "{}", done.stderr);
        let said = "wirelab: cannot write full.pcapng: No space left on device (os error 28); the file is incomplete\n";
        assert_eq!(done.stderr, said);
        let blocks = blocks(&kept);
        let packets = blocks.iter().filter(|(kind, _)| *kind == PACKET).count() as u64;
        assert!(packets > 200, "{packets}");
        let number = |block: &[u8], at: usize| u64::from_le_bytes(block[at..at + 8].try_into().unwrap());
        let statistics: Vec<&Vec<u8>> =
            blocks.iter().filter(|(kind, _)| *kind == STATISTICS).map(|(_, block)| block).collect();
        let seen: u64 = statistics.iter().map(|block| number(block, 16)).sum();
        let missing: u64 = statistics.iter().map(|block| number(block, 28)).sum();
        assert_eq!((statistics.len(), seen), (2, packets + missing));
        assert!(contains(&kept, &format!("cut: {missing} packets are missing: No space left on device")));
    }
}

#[test]
fn a_run_that_is_refused_leaves_older_files_as_they_were() {
    let folder = tempdir().unwrap();
    let files = ["run.pcapng", "keys.txt"].map(|name| folder.path().join(name));
    let refuse = || {
        let options = "--pcap run.pcapng --keylog keys.txt -o /nonexistent/x.json";
        let refused = run(folder.path(), format!("bench -t udp --seeds 1 {options}").split(' '));
        assert_eq!(refused.code, Some(1));
    };
    refuse();
    assert!(files.iter().all(|file| !file.exists()));
    for content in ["older", ""] {
        files.iter().for_each(|file| fs::write(file, content).unwrap());
        refuse();
        files.iter().for_each(|file| assert_eq!(fs::read_to_string(file).unwrap(), content));
    }
}
