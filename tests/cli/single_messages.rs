//! The options `--ladder` and `--samples`.

use std::fs;

use crate::support::{Finished, run, wirelab};
use tempfile::tempdir;

const BENCH: [&str; 9] = ["bench", "-t", "udp,quic-one", "--loss", "2%", "-d", "3s", "--seeds", "2"];

fn bench(options: &[&str]) -> Finished {
    let folder = tempdir().unwrap();
    run(folder.path(), BENCH.iter().chain(options))
}

#[test]
fn a_ladder_follows_the_table_and_is_ascii_where_the_locale_is() {
    let folder = tempdir().unwrap();
    let said = |options: &[&str], locale| {
        let mut command = wirelab(folder.path(), BENCH.iter().chain(options));
        let output = command.env("LC_ALL", locale).env_remove("COLUMNS").output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let plain = said(&[], "C.UTF-8");
    let unicode = said(&["--ladder"], "C.UTF-8");
    let ladder = unicode.strip_prefix(&plain).expect("the table is the same");
    assert!(
        ladder.contains("quic-one, seed ") && ladder.contains("▶│") && ladder.contains("released"),
        "{ladder}"
    );
    let ascii = said(&["--ladder"], "C");
    assert!(ascii.starts_with(&plain) && ascii[plain.len()..].is_ascii());
    assert_eq!(ascii, said(&["--ladder=longest", "--ascii"], "C.UTF-8"));
}

#[test]
fn what_cannot_be_drawn_or_written_is_a_wrong_command_line() {
    for (options, line) in [
        (&["--ladder", "--json"][..], "--json"),
        (&["--ladder=shortest"], "unknown episode `shortest`: expected longest"),
        (&["--ascii"], "--ladder"),
        (&["--samples", "all.txt"], "--samples: invalid name `all.txt`: expected one that ends in .csv"),
        (&["--samples", "a.csv", "-o", "a.csv"], "--samples: is the same file as --output"),
    ] {
        let said = bench(options);
        assert_eq!(said.code, Some(2), "{options:?}");
        assert!(said.stderr.contains(line), "{options:?}: {}", said.stderr);
        assert_eq!(said.stdout, "");
    }
}

#[test]
fn a_ladder_needs_a_link() {
    let folder = tempdir().unwrap();
    let said = run(folder.path(), ["bench", "--ladder", "--path", "direct"]);
    let line =
        "wirelab: --ladder: packets are followed on the emulated link only: use --path sim, relay or netns\n";
    assert_eq!((said.code, said.stderr.as_str()), (Some(2), line));
}

#[test]
fn a_missing_message_draws_no_ladder_and_is_no_error() {
    let said = bench(&["--ladder", "seq=1000000"]);
    assert_eq!(said.code, Some(0));
    assert!(said.stderr.contains("no ladder: in quic-one, seed 1, message 1000000"), "{}", said.stderr);
}

#[test]
fn samples_are_written_whole_and_again_the_same() {
    let folder = tempdir().unwrap();
    let once: Vec<&str> = BENCH.iter().copied().chain(["--samples", "a.csv"]).collect();
    let again: Vec<&str> = BENCH.iter().copied().chain(["--samples", "b.csv"]).collect();
    assert_eq!(run(folder.path(), once).code, Some(0));
    assert_eq!(run(folder.path(), again).code, Some(0));
    let read = |name| fs::read_to_string(folder.path().join(name)).unwrap();
    let samples = read("a.csv");
    assert!(samples == read("b.csv"));
    assert!(samples.starts_with("cell,seed,transport,flow,seq,due_ns,sent_ns,"), "{}", &samples[..100]);
    assert_eq!(samples.lines().count(), 1 + 2 * 2 * 300, "two transports, two seeds, 3 s of one every 10 ms");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "no draft is left");

    // Both paths in one file: cells are numbered across them.
    let options = ["bench", "-t", "udp,quic-one", "--path", "sim,direct", "-d", "200ms", "--seeds", "2"];
    let options: Vec<&str> = options.into_iter().chain(["--samples", "c.csv"]).collect();
    assert_eq!(run(folder.path(), options).code, Some(0));
    let cells: Vec<String> =
        read("c.csv").lines().skip(1).filter_map(|row| Some(row.split(',').next()?.to_owned())).collect();
    assert!(cells.is_sorted());
    assert_eq!((cells.first().unwrap().as_str(), cells.last().unwrap().as_str()), ("0", "3"));
}
