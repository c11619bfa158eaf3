//! Options from files and named scenarios, and results run again.

use std::{fs, path::Path, thread, time::Duration};

use serde_json::Value;

use crate::support::{Program, run, wirelab};

const SHORT: &[&str] = &["bench", "-t", "udp,quic-one", "-d", "1s", "--seeds", "2", "-J"];

fn with<'a>(more: &[&'a str]) -> Vec<&'a str> {
    SHORT.iter().copied().chain(more.iter().copied()).collect()
}

/// What a command prints. It must succeed.
fn printed(folder: &Path, arguments: &[&str]) -> String {
    let finished = run(folder, arguments);
    assert_eq!(finished.code, Some(0), "{arguments:?}: {}", finished.stderr);
    finished.stdout
}

#[test]
fn a_file_of_options_gives_the_result_of_the_same_command_line_and_the_command_line_wins() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let file = "transport = 'udp,quic-one'\nduration = '1s'\nseeds = 2\nloss = ['0%', '3%']\ndelay = '10ms'\nkeep-order = true\n\
                [hol]\nloss = '9%'\n";
    fs::write(folder.join("sweep.toml"), file).unwrap();
    let by_file = printed(folder, &["bench", "--config", "sweep.toml", "-J"]);
    assert_eq!(by_file, printed(folder, &with(&["--loss", "0%,3%", "--delay", "10ms", "--keep-order"])));
    let by_both =
        printed(folder, &["bench", "--config", "sweep.toml", "-J", "--loss", "1%", "--rtt", "30ms"]);
    // --rtt excludes the file's delay.
    assert_eq!(by_both, printed(folder, &with(&["--loss", "1%", "--rtt", "30ms", "--keep-order"])));
    let printed_file =
        printed(folder, &["bench", "--config", "sweep.toml", "--loss", "1%", "--print-config"]);
    fs::write(folder.join("printed.toml"), printed_file).unwrap();
    assert_eq!(
        printed(folder, &["bench", "--config", "printed.toml", "-J"]),
        printed(folder, &["bench", "--config", "sweep.toml", "--loss", "1%", "-J"])
    );
    fs::write(folder.join("wrong.toml"), "los = '1%'\n").unwrap();
    let refused = run(folder, ["bench", "--config", "wrong.toml"]);
    assert_eq!(refused.code, Some(2));
    assert_eq!(
        refused.stderr,
        "wirelab: --config wrong.toml: unknown key `los`: expected an option of wirelab bench, such as loss\n"
    );
    let refused = run(folder, ["bench", "--config", "missing.toml"]);
    assert_eq!((refused.code, refused.stderr.lines().count()), (Some(2), 1), "{}", refused.stderr);
}

#[test]
fn every_scenario_runs_with_every_command_and_is_a_file_of_options() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let list = printed(folder, &["scenarios"]);
    let names: Vec<&str> = list
        .lines()
        .filter(|line| !line.starts_with(' '))
        .map(|line| line.split(' ').next().unwrap())
        .collect();
    assert_eq!(names.len(), 10, "{list}");
    for name in names {
        fs::write(folder.join("scenario.toml"), printed(folder, &["scenarios", name])).unwrap();
        let by_name =
            printed(folder, &["bench", "-t", "udp", "-d", "1s", "--seeds", "1", "-J", "--scenario", name]);
        let by_file = printed(
            folder,
            &["bench", "-t", "udp", "-d", "1s", "--seeds", "1", "-J", "--config", "scenario.toml"],
        );
        assert_eq!(by_name, by_file, "{name}");
        for command in ["hol", "handshake", "transfer", "share"] {
            let shown = printed(folder, &[command, "--scenario", name, "--print-config"]);
            assert!(shown.contains("\nrtt = \""), "{command}: {shown}");
        }
    }
    // It builds on a scenario, which the file and the command line change.
    fs::write(folder.join("mine.toml"), "scenario = 'lte'\nloss = '2%'\n").unwrap();
    let shown = printed(folder, &["bench", "--config", "mine.toml", "--queue", "10p", "--print-config"]);
    for line in ["rtt = \"70ms\"", "rate = \"12mbit\"", "loss = \"2%\"", "queue = \"10p\""] {
        assert!(shown.lines().any(|other| other == line), "{line}: {shown}");
    }
}

/// Each line has the links of the other: the same cells and the same settings of the link.
#[test]
fn the_command_line_wins_over_every_property_of_a_scenarios_link() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs::write(folder.join("mine.toml"), "to-server = 'loss=3%,mtu=1400'\nscenario = 'lte'\n").unwrap();
    fs::write(folder.join("lan.toml"), "preset = 'lan'\nloss = '2%'\n").unwrap();
    let satellite = "--rtt 600ms --loss 0%";
    let [up, down] = ["rate=2mbit,queue=1bdp", "rate=20mbit,queue=1bdp"];
    for (line, same) in [
        ("--scenario geostationary --rate 5mbit", format!("{satellite} --rate 5mbit --queue 1bdp")),
        (
            "--scenario geostationary --to-server queue=10p",
            format!("{satellite} --to-server rate=2mbit,queue=10p --to-client {down}"),
        ),
        (
            "--scenario geostationary --to-client rate=unlimited",
            format!("{satellite} --to-server {up} --to-client rate=none"),
        ),
        (
            "--scenario lossy-satellite --rate 10mbit --queue 100p",
            "--rtt 600ms --loss 1% --rate 10mbit --queue 100p".to_owned(),
        ),
        (
            "--scenario korea-china --loss 5%",
            "--rtt 102ms --loss 5% --rate 77.72mbit --to-server queue=94p".to_owned(),
        ),
        ("--scenario lte --rate unlimited", "--rtt 70ms --loss 0%".to_owned()),
        ("--scenario lte --preset satellite -q", "--preset satellite".to_owned()),
        ("--scenario transatlantic --preset lan -q", "--preset lan".to_owned()),
        ("--config lan.toml --scenario lte -q", "--preset lan --loss 2%".to_owned()),
        ("--config lan.toml --rate unlimited --loss 0%", "--preset lan --rate none --loss 0%".to_owned()),
        (
            "--config mine.toml --loss 0%",
            "--rtt 70ms --loss 0% --rate 12mbit --queue 1bdp --to-server mtu=1400".to_owned(),
        ),
    ] {
        let of = |options: &str| {
            let options: Vec<&str> = options.split(' ').collect();
            let printed = printed(
                folder,
                &[&["bench", "-t", "udp", "-d", "200ms", "--seeds", "1", "-J"], &options[..]].concat(),
            );
            let mut result: Value = serde_json::from_str(&printed).unwrap();
            assert!(!result["cells"][0]["link"].is_null(), "{result}");
            (result["cells"].take(), result["config"]["links"].take())
        };
        assert_eq!(of(line), of(&same), "{line}");
    }
    // Both pairs are among the options of the result, so it can be run again without the scenario.
    let options = ["--scenario", "geostationary", "--to-server", "queue=10p", "-o", "pairs.json"];
    printed(folder, &with(&options));
    assert!(printed(folder, &["rerun", "pairs.json"]).starts_with("the same: every figure of 2 rows"));
}

#[test]
fn a_refusal_names_the_file_that_an_option_is_of() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("mine.toml"), "loss = '3%'\n").unwrap();
    for (line, refused) in [
        ("--scenario lte --path direct", "--rtt of --scenario lte: --path direct has no emulated link; use"),
        ("--config mine.toml --path direct", "--loss of --config mine.toml: --path direct has no emulated"),
        ("--config mine.toml --path direct --loss 1%", "--loss: --path direct has no emulated link; use"),
        ("--scenario lte udp://127.0.0.1:9", "--rtt of --scenario lte: servers by URL are reached over"),
    ] {
        let finished = run(folder.path(), ["bench"].into_iter().chain(line.split(' ')));
        assert_eq!(finished.code, Some(2), "{line}: {finished:?}");
        assert!(finished.stderr.starts_with(&format!("wirelab: {refused}")), "{line}: {}", finished.stderr);
    }
}

#[test]
fn a_result_that_is_run_again_has_the_same_figures_and_a_changed_one_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs::write(folder.join("sweep.toml"), "loss = ['0%', '3%']\n").unwrap();
    for (name, more) in
        [("plain.json", &[][..]), ("pictures.json", &["--pictures", "--config", "sweep.toml"])]
    {
        printed(folder, &[&with(more)[..], &["-o", name]].concat());
        // The options are in the result, so the file is not needed.
        let _ = fs::rename(folder.join("sweep.toml"), folder.join("elsewhere.toml"));
        let again = printed(folder, &["rerun", name]);
        assert!(again.starts_with("the same: every figure of "), "{again}");
        let _ = fs::rename(folder.join("elsewhere.toml"), folder.join("sweep.toml"));
    }
    let mut result: Value = serde_json::from_slice(&fs::read(folder.join("plain.json")).unwrap()).unwrap();
    let p50 = result["cells"][1]["latency_ns"]["p50"].as_u64().unwrap();
    result["cells"][1]["latency_ns"]["p50"] = Value::from(p50 + 1);
    fs::write(folder.join("changed.json"), result.to_string()).unwrap();
    let changed = run(folder, ["rerun", "changed.json"]);
    assert_eq!(changed.code, Some(1));
    assert!(
        changed.stdout.starts_with(&format!(
            "cells[1].latency_ns.p50: {} was saved, {p50} now\nnot the same: 1 of",
            p50 + 1
        )),
        "{}",
        changed.stdout
    );
    let mut other = result.clone();
    other["cells"][1]["latency_ns"]["p50"] = Value::from(p50);
    other["config"]["seeds"] = Value::from(99);
    other["version"] = Value::from("0.0.1\u{1b}[31m");
    fs::write(folder.join("other.json"), other.to_string()).unwrap();
    let other = run(folder, ["rerun", "other.json"]);
    assert_eq!(other.code, Some(1));
    assert!(other.stdout.starts_with("config.seeds: 99 was saved, "), "{}", other.stdout);
    assert!(!other.stdout.contains('\u{1b}'), "{}", other.stdout);
    printed(folder, &["report", "plain.json", "pictures.json", "-o", "both.json"]);
    let both = run(folder, ["rerun", "both.json"]);
    let reason = "it has 6 rows, and its options make 2; did report put results together?\n";
    assert!(both.stderr.ends_with(reason), "{}", both.stderr);
    let mut without = result.clone();
    without["cells"] = serde_json::json!([]);
    fs::write(folder.join("empty.json"), without.to_string()).unwrap();
    let empty = run(folder, ["rerun", "empty.json"]);
    assert_eq!((empty.code, empty.stdout.as_str()), (Some(1), ""), "{}", empty.stderr);
    assert!(empty.stderr.ends_with("it has no figures, because nothing was measured\n"), "{}", empty.stderr);
    result["config"]["options"] = serde_json::json!({"output": "stolen.json"});
    fs::write(folder.join("hostile.json"), result.to_string()).unwrap();
    let hostile = run(folder, ["rerun", "hostile.json"]);
    assert_eq!((hostile.code, folder.join("stolen.json").exists()), (Some(1), false), "{}", hostile.stderr);
}

#[test]
fn the_ladder_of_a_chosen_message_is_not_compared_with_that_of_the_longest() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let run_of_two = ["bench", "-t", "udp,quic-one", "-d", "1s", "--seeds", "2"];
    printed(folder, &[&run_of_two[..], &["--pictures", "--ladder", "seq=5", "-o", "chosen.json"]].concat());
    let again = run(folder, ["rerun", "chosen.json"]);
    assert!(again.stdout.starts_with("the same: every figure of "), "{again:?}");
    assert!(
        again.stderr.ends_with("not compared: the ladder, which is of a message that --ladder chose\n"),
        "{again:?}"
    );
}

#[test]
fn a_terminated_rerun_takes_its_run_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    printed(folder, &["bench", "-t", "udp", "-d", "1s", "--seeds", "1", "-o", "long.json"]);
    let saved = fs::read_to_string(folder.join("long.json")).unwrap();
    let mut saved: Value = serde_json::from_str(&saved).unwrap();
    saved["config"]["options"]["duration"] = Value::from("24h");
    fs::write(folder.join("long.json"), saved.to_string()).unwrap();
    let program = Program::start(wirelab(folder, ["rerun", "long.json"]));
    let children = format!("/proc/{0}/task/{0}/children", program.id());
    while fs::read_to_string(&children).unwrap().is_empty() {
        thread::park_timeout(Duration::from_millis(1));
    }
    program.signal("TERM");
    // The run has the same standard error, which stays open as long as one of them lives.
    assert_eq!(program.finish().code, Some(130));
}

#[test]
fn printed_options_have_every_default_and_numbers_as_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let shown = printed(folder.path(), &["bench", "--seeds", "3", "--print-config"]);
    for line in [
        "seeds = 3",
        "# transport = \"udp,arq-selective,tcp,quic\"",
        "# congestion = \"cubic\"",
        "# rtt = \"50ms\"",
        "# loss = \"1%\"",
        "# path = \"sim\"",
        "# duration: 60s in sim, 10s in real time",
        "# length: 1000, of a game 100",
        "# seed = 1",
        "# connections = [6, 1]",
    ] {
        assert!(shown.lines().any(|shown| shown == line), "{line}: {shown}");
    }
    assert!(shown.contains("\n# deadline: 2 x RTT"), "{shown}");
    // What stands as a value is the default: with the comments taken away, the result is the same.
    let options =
        shown.lines().map(|line| line.strip_prefix("# ").filter(|line| line.contains(" = ")).unwrap_or(line));
    let names = [
        "transport",
        "congestion",
        "rtt",
        "loss",
        "path",
        "packet-threshold",
        "time-threshold",
        "seed",
        "seeds",
        "interval",
        "flows",
        "arrivals",
        "warmup",
        "wait",
    ];
    let is_wanted = |line: &&str| names.iter().any(|name| line.starts_with(&format!("{name} = ")));
    let options: Vec<&str> = options.filter(is_wanted).collect();
    assert_eq!(options.len(), names.len(), "{options:?}");
    let file = options.join("\n") + "\nduration = '1s'\n";
    fs::write(folder.path().join("all.toml"), file).unwrap();
    let by_file = printed(folder.path(), &["bench", "--config", "all.toml", "-q", "--format", "csv"]);
    assert_eq!(
        by_file,
        printed(folder.path(), &["bench", "--seeds", "3", "-d", "1s", "-q", "--format", "csv"])
    );
}
