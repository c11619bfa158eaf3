//! `--print-config`: what it prints gives the same result, and what a run refuses, it refuses.

use std::{fs, path::Path, thread};

use crate::support::{Finished, run};

/// Options that make the runs of each command short.
const SHORT: [(&str, &str); 5] = [
    ("bench", "--transport=udp,quic-one --duration=200ms --warmup=100ms --seeds=1"),
    ("hol", "--transport=udp,quic-one --duration=200ms --warmup=100ms --seeds=1"),
    ("handshake", "--transport=udp,quic-one --connections=2 --seeds=1"),
    ("transfer", "--transport=quic-one --bytes=20KB --seeds=1"),
    ("share", "--duration=1s --warmup=100ms --seeds=1"),
];

/// The option of a word such as `--rtt=50ms`.
fn name(word: &str) -> &str {
    word.split('=').next().unwrap_or(word)
}

/// A command line of short runs with these options, which take precedence.
fn line<'a>(command: &'a str, short: &'a str, options: &[&'a str]) -> Vec<&'a str> {
    let is_given = |word: &&str| options.iter().any(|option| name(option) == name(word));
    let short = short.split(' ').filter(|word| !is_given(word));
    [command].into_iter().chain(short).chain(options.iter().copied()).collect()
}

fn outcome(finished: Finished) -> (Option<i32>, String, String) {
    (finished.code, finished.stdout, finished.stderr)
}

/// Checks that a line with `--print-config` is refused as the line is, or else prints what gives the same result.
/// Whether it was accepted.
fn check(line: &[&str]) -> bool {
    let at = || tempfile::tempdir().unwrap();
    let (printing, direct, by_file) = (at(), at(), at());
    let ran = outcome(run(direct.path(), line));
    let printed = run(printing.path(), [line, &["--print-config"]].concat());
    if printed.code != Some(0) {
        assert_eq!(outcome(printed), ran, "{line:?}");
        return false;
    }
    let left: Vec<_> = fs::read_dir(printing.path()).unwrap().collect();
    assert!(left.is_empty(), "{line:?}: {left:?}");
    assert_ne!(ran.0, Some(2), "{line:?}: {}", ran.2);
    let file = by_file.path().join("printed.toml");
    fs::write(&file, &printed.stdout).unwrap();
    let again = run(by_file.path(), [line[0], "--config", "printed.toml"]);
    assert_eq!(outcome(again), ran, "{line:?}: {}", printed.stdout);
    let printed_again = run(by_file.path(), [line[0], "--config", "printed.toml", "--print-config"]);
    assert_eq!(printed_again.stdout, printed.stdout, "{line:?}");
    true
}

/// Checks several lines at a time. How many were accepted.
fn check_all(lines: &[Vec<&str>]) -> usize {
    thread::scope(|scope| {
        let check_some =
            |some| move || -> usize { <[Vec<&str>]>::iter(some).map(|line| usize::from(check(line))).sum() };
        let checks = lines.chunks(lines.len().div_ceil(4)).map(|some| scope.spawn(check_some(some)));
        let checks: Vec<_> = checks.collect();
        checks.into_iter().map(|check| check.join().unwrap()).sum()
    })
}

/// The options of a command that a file may have, as its help lists them, and whether each takes a value.
fn options(command: &str) -> Vec<(String, bool)> {
    let help = run(Path::new("/"), [command, "--help"]).stdout;
    let option = |line: &str| {
        let names = line.trim_start();
        let start = names.find("--").filter(|_| names.starts_with('-'))?;
        let mut words = names[start..].split_whitespace();
        let name = words.next()?.to_owned();
        let value = words.next();
        // Other lines are text that begins with an option.
        value.is_none_or(|value| value.starts_with(['<', '['])).then(|| (name, value.is_some()))
    };
    let not_in_files = ["--help", "--config", "--scenario", "--print-config", "--shard", "--resume"];
    let options = help.lines().filter_map(option);
    options.filter(|(name, _)| !not_in_files.contains(&name.as_str())).collect()
}

#[test]
fn what_is_printed_of_every_command_and_scenario_gives_the_same_result() {
    let list = run(Path::new("/"), ["scenarios"]).stdout;
    let names = list.lines().filter(|line| !line.starts_with(' '));
    let scenarios: Vec<String> =
        names.map(|line| format!("--scenario={}", line.split(' ').next().unwrap())).collect();
    assert_eq!(scenarios.len(), 10, "{list}");
    let of_command = |(command, short): &(&'static str, &'static str)| {
        let (command, short) = (*command, *short);
        scenarios.iter().map(move |scenario| line(command, short, &["--json", scenario])).collect::<Vec<_>>()
    };
    let lines: Vec<Vec<&str>> = SHORT.iter().flat_map(of_command).collect();
    assert_eq!(check_all(&lines), 50);
}

#[test]
fn what_is_printed_of_a_changed_scenario_gives_the_same_result() {
    let changed = [
        "--scenario=geostationary --to-server=queue=10p",
        "--scenario=geostationary --rate=5mbit",
        "--scenario=korea-china --loss=5%",
        "--scenario=lte --rate=unlimited",
    ];
    let (command, short) = SHORT[0];
    let of = |options: &'static str| {
        let options: Vec<&str> = ["--json"].into_iter().chain(options.split(' ')).collect();
        line(command, short, &options)
    };
    let lines: Vec<Vec<&str>> = changed.into_iter().map(of).collect();
    assert_eq!(check_all(&lines), lines.len());
}

#[test]
fn every_option_is_refused_or_gives_the_same_result() {
    let mut words = Vec::new();
    for (command, short) in SHORT {
        let options = options(command);
        assert!(options.len() >= 40, "{options:?}");
        for (option, takes_value) in options {
            match takes_value {
                false => words.push((command, short, option)),
                true => {
                    let values = ["x", "0", "200%", "10s"];
                    words.extend(values.map(|value| (command, short, format!("{option}={value}"))));
                }
            }
        }
    }
    let lines: Vec<Vec<&str>> =
        words.iter().map(|(command, short, word)| line(command, short, &[word])).collect();
    let accepted = check_all(&lines);
    assert!((100..lines.len() - 300).contains(&accepted), "{accepted} of {}", lines.len());
}

#[test]
fn options_that_do_not_fit_together_are_refused_as_in_a_run() {
    let lines = [
        "bench --loss=200% --seeds=1",
        "bench --rate=1mbit --queue=1p --aqm=nonsense",
        "bench --aqm=codel",
        "bench --to-server=bogus=1",
        "bench --duration=1ms",
        "bench --interval=1us --duration=2000h",
        "bench --workload=page --ladder",
        "bench --workload=page --background=udp@1mbit",
        "bench --workload=video --ladder",
        "bench --background=tcp",
        "bench --background=udp@1mbit --rate=unlimited",
        "bench --rebind=2h",
        "bench --handover=1s:100ms --after=bogus=1",
        "bench --path=direct --loss=1%",
        "bench --path=direct --ladder",
        "bench --transport=tcp",
        "bench --output=result.foo",
        "bench --samples=rows.foo",
        "bench --samples=rows.csv --output=rows.csv",
        "bench --pcap=capture",
        "bench --shard=1/2 --json",
        "bench --shard=1/2 --pcap=x.pcapng",
        "bench --shard=1/2 --output=part.foo",
        "hol --workload=page",
        "handshake --mode=resumed --transport=udp",
        "handshake --parallel=2 --path=sim --transport=udp",
        "handshake --hold=10 --path=sim",
        "transfer --save=copy --transport=udp,quic-one",
        "transfer --save=copy --shard=1/2",
        "transfer udp://127.0.0.1:1 --path=sim",
        "share --path=relay",
        "share --rate=unlimited --queue=unlimited",
        "share --duration=1s --transport=quic-one@start=2s",
    ];
    let lines: Vec<Vec<&str>> = lines.iter().map(|line| line.split(' ').collect()).collect();
    assert_eq!(check_all(&lines), 0);
}

#[test]
fn every_flag_of_a_file_can_be_turned_off() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for (command, _) in SHORT {
        let flags: Vec<String> = options(command)
            .into_iter()
            .filter_map(|(option, takes_value)| (!takes_value).then(|| option[2..].to_owned()))
            .chain(
                ["ipv4".to_owned(), "ipv6".to_owned()]
                    .into_iter()
                    .filter(|_| ["bench", "hol", "transfer"].contains(&command)),
            )
            .collect();
        assert!(flags.len() >= 8, "{flags:?}");
        let plain = run(folder, [command, "--print-config"]).stdout;
        for flag in flags {
            fs::write(folder.join("on.toml"), format!("{flag} = true\n")).unwrap();
            let without =
                run(folder, [command, "--config", "on.toml", "--print-config", &format!("--no-{flag}")]);
            assert_eq!(
                (without.code, without.stdout),
                (Some(0), plain.clone()),
                "{flag}: {}",
                without.stderr
            );
        }
    }
    let help = run(folder, ["bench", "--help"]).stdout;
    assert!(!help.lines().any(|line| line.trim_start().starts_with("--no-keep-order")), "{help}");
}

#[test]
fn of_scenario_file_and_command_line_the_last_decides_on_a_flag_and_the_result_does_not_tell() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let measured = |more: &[&str]| {
        let bench = ["bench", "-t", "udp", "-d", "1s", "--seeds", "1", "-J", "--no-details"];
        let finished = run(folder, [&bench[..], more].concat());
        assert_eq!(finished.code, Some(0), "{more:?}: {}", finished.stderr);
        finished.stdout
    };
    let link =
        ["--rtt=6ms", "--jitter=8ms:pareto", "--rate=15mbit", "--queue=100p", "--loss=gilbert:0.2%:25%"];
    let unordered = measured(&link);
    let ordered = measured(&[&link[..], &["--keep-order"]].concat());
    assert_ne!(unordered, ordered);
    let scenario = "--scenario=congested-wifi";
    assert_eq!(measured(&[scenario]), ordered);
    assert_eq!(measured(&[scenario, "--no-keep-order"]), unordered);
    assert_eq!(measured(&[scenario, "--no-keep-order", "--keep-order"]), ordered);
    fs::write(folder.join("off.toml"), "keep-order = false\n").unwrap();
    assert_eq!(measured(&[scenario, "--config=off.toml"]), unordered);
    assert_eq!(measured(&[scenario, "--config=off.toml", "--keep-order"]), ordered);
    let unknown = run(folder, ["bench", "--no-loss"]);
    assert_eq!(unknown.stderr, "wirelab: unknown option --no-loss: see wirelab bench --help\n");
}

#[test]
fn what_a_file_cannot_hold_is_not_printed() {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt as _};
    let folder = tempfile::tempdir().unwrap();
    let line = |output: &'static [u8]| {
        [OsStr::new("bench"), OsStr::new("--print-config"), OsStr::from_bytes(output)]
    };
    let printed = run(folder.path(), line(b"--output=\"a\x7f\\\n\xc3\xa9.json"));
    assert_eq!(printed.code, Some(0), "{}", printed.stderr);
    fs::write(folder.path().join("printed.toml"), &printed.stdout).unwrap();
    let again = run(folder.path(), ["bench", "--config", "printed.toml", "--print-config"]);
    assert_eq!(again.stdout, printed.stdout, "{}", again.stderr);
    let refused = run(folder.path(), line(b"--output=\xff.json"));
    assert_eq!(
        (refused.code, refused.stderr.as_str()),
        (Some(2), "wirelab: --print-config: the value of `output` is not valid UTF-8\n")
    );
}
