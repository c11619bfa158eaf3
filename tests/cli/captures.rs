//! `--pcap`, `--qlog` and `--keylog`: which files they write, and what happens if a file cannot be written.

use std::{fs, os::unix::fs::symlink, path::Path};

use tempfile::tempdir;

use crate::support::run;

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

    for (option, said) in [
        (
            "--pcap run.txt",
            "--pcap: invalid name `run.txt`: expected FILE.pcapng, or a folder that ends in /",
        ),
        ("--pcap run.pcapng udp://127.0.0.1:9", "--pcap: a server by URL is reached over the real network"),
        ("--keylog keys.txt quic://127.0.0.1:9", "--keylog: for a server by URL, set SSLKEYLOGFILE"),
        ("--qlog traces quic://127.0.0.1:9", "--qlog: a server by URL is not traced"),
        (
            "--qlog traces -t udp,arq-selective",
            "--qlog: only QUIC is traced, and none of these transports is QUIC",
        ),
    ] {
        let refused = run(folder.path(), format!("bench -d 1s {option}").split(' '));
        assert_eq!(refused.code, Some(2), "{option}");
        assert!(refused.stderr.contains(said), "{option}: {}", refused.stderr);
    }
}

#[test]
fn a_run_that_is_refused_leaves_an_older_capture_as_it_was() {
    let folder = tempdir().unwrap();
    let capture = folder.path().join("run.pcapng");
    fs::write(&capture, "older").unwrap();
    let refused =
        run(folder.path(), "bench -t udp --seeds 1 --pcap run.pcapng -o /nonexistent/x.json".split(' '));
    assert_eq!(refused.code, Some(1));
    assert_eq!(fs::read_to_string(&capture).unwrap(), "older");
    fs::remove_file(&capture).unwrap();
    run(folder.path(), "bench -t udp --seeds 1 --pcap run.pcapng -o /nonexistent/x.json".split(' '));
    assert!(!capture.exists());
}
