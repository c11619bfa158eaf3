//! Sweeps in parts: the merged result has the same bytes as one run of the whole.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    os::unix::process::ExitStatusExt as _,
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
    thread,
    time::Duration,
};

use crate::support::{Finished, has_command, run, say};

/// A command of each experiment, with cells of different lengths. The runs are short, because each part is a process.
const COMMANDS: [&str; 7] = [
    "bench -t udp,arq-selective,quic-one --loss 0%,2% -d 1s --seeds 3",
    "bench -t quic-one --background quic-one --rate 5mbit --queue 1bdp --loss 0% -d 1s --seeds 2",
    "bench --workload page:5:4KB -t quic-one,quic-message --mode cold,0rtt --loss 2% --loads 2 --seeds 3",
    "hol -t quic-one,quic-message --loss 3% -d 1s --seeds 3 -C fixed,cubic",
    "handshake -t udp,quic-one -n 3 --seeds 3 --path sim --loss 5%",
    "transfer -t udp,quic-one -n 100KB --seeds 3 --loss 1% --pace 2mbit",
    "share -t quic-one:cubic,udp@1mbit --rate 5mbit -d 3s -w 1s --seeds 3",
];

fn words(line: &str) -> Vec<&str> {
    line.split(' ').collect()
}

/// Runs a command, which must succeed.
fn succeeds(folder: &Path, arguments: &[&str]) {
    let finished = run(folder, arguments);
    assert_eq!(finished.code, Some(0), "{arguments:?}: {}", finished.stderr);
}

/// Runs all parts of a command into `folder`, several at a time.
fn run_parts(folder: &Path, line: &str, count: u32, more: &[&str]) {
    let parts: Vec<u32> = (1..=count).collect();
    thread::scope(|scope| {
        for some in parts.chunks(parts.len().div_ceil(4)) {
            scope.spawn(move || {
                for index in some {
                    let shard = format!("{index}/{count}");
                    let part = [&words(line)[..], &["--shard", &shard, "-q"], more].concat();
                    succeeds(folder, &part);
                }
            });
        }
    });
}

/// The parts in a folder, in no particular order.
fn parts_in(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.ends_with(".part")).collect()
}

/// `wirelab report` of all parts in a folder.
fn report(folder: &Path, more: &[&str]) -> Finished {
    let parts = parts_in(folder);
    run(folder, ["report"].into_iter().chain(parts.iter().map(String::as_str)).chain(more.iter().copied()))
}

fn file(folder: &Path, name: &str) -> Vec<u8> {
    fs::read(folder.join(name)).unwrap()
}

/// Checks that what is printed and what is written are the same bytes in both folders.
fn expect_same(whole: &Path, merged: &Path, line: &str) {
    for output in [
        &["-o", "all.json"][..],
        &["-o", "all.html"],
        &["-J", "--pictures", "-o", "all.csv"],
        &["--details", "-o", "all.md"],
    ] {
        let one = run(whole, [&words(line)[..], output, &["--no-progress"]].concat());
        let parts = report(merged, output);
        assert_eq!(parts.stdout, one.stdout, "{line}: {output:?}");
        assert_eq!(parts.code, one.code, "{line}: {}", parts.stderr);
        let name = output[output.len() - 1];
        assert!(file(merged, name) == file(whole, name), "{line}: {name}");
    }
}

#[test]
fn parts_of_every_command_make_the_bytes_of_the_whole() {
    for line in COMMANDS {
        for count in [2, 7, 100] {
            let (whole, merged) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
            run_parts(merged.path(), line, count, &[]);
            assert_eq!(parts_in(merged.path()).len(), count as usize);
            expect_same(whole.path(), merged.path(), line);
        }
    }
}

#[test]
fn samples_and_ladders_of_parts_are_those_of_the_whole() {
    let line = "bench -t udp,quic-one --loss 2% -d 2s --seeds 3";
    let (whole, merged) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    run_parts(merged.path(), line, 4, &["--samples", "kept.csv"]);
    assert!(!merged.path().join("kept.csv").exists(), "the rows are in the parts");
    for more in [
        &["--samples", "all.csv", "-o", "all.json"][..],
        &["--samples", "all.jsonl"],
        &["--ladder", "--ascii"],
    ] {
        let one = run(whole.path(), [&words(line)[..], more, &["--no-progress"]].concat());
        assert_eq!(one.code, Some(0), "{}", one.stderr);
        assert_eq!(report(merged.path(), more).stdout, one.stdout);
    }
    for name in ["all.csv", "all.jsonl", "all.json"] {
        assert!(file(merged.path(), name) == file(whole.path(), name), "{name}");
    }
    let without = tempfile::tempdir().unwrap();
    run_parts(without.path(), line, 2, &[]);
    let refused = report(without.path(), &["--samples", "all.csv"]);
    assert_eq!(refused.code, Some(2));
    assert!(refused.stderr.contains("--samples"), "{}", refused.stderr);
}

#[test]
fn a_killed_part_leaves_no_file_and_a_resumed_sweep_has_the_same_bytes() {
    let line = "bench -t udp,quic-one --loss 2% -d 2s --seeds 4";
    let (whole, merged) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let folder = merged.path();
    // This one would take minutes.
    let long = "bench -t quic-one -i 1ms -d 2h --seeds 4 --shard 1/3 -q";
    let mut killed = Command::new("timeout");
    killed.args(["-s", "KILL", "0.7", env!("CARGO_BIN_EXE_wirelab")]).args(words(long)).current_dir(folder);
    assert!(!killed.status().unwrap().success());
    let left: Vec<_> = fs::read_dir(folder).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");

    for shard in ["1/3", "3/3"] {
        succeeds(folder, &[&words(line)[..], &["--shard", shard, "-q"]].concat());
    }
    let kept = file(folder, "bench-1-of-3.part");
    let missing = report(folder, &[]);
    assert_eq!(missing.code, Some(1));
    assert!(missing.stderr.contains("1 of 3 parts are missing: 2"), "{}", missing.stderr);
    let modified = |name: &str| fs::metadata(folder.join(name)).unwrap().modified().unwrap();
    let before = modified("bench-1-of-3.part");
    run_parts(folder, line, 3, &["--resume"]);
    assert_eq!((file(folder, "bench-1-of-3.part"), modified("bench-1-of-3.part")), (kept, before));
    expect_same(whole.path(), folder, line);
}

#[test]
fn parts_that_do_not_belong_together_are_refused_with_what_differs() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let line = "bench -t udp -d 1s --seeds 2";
    run_parts(folder, line, 2, &[]);
    let refused = |files: &[&str]| {
        let refused = run(folder, ["report"].iter().chain(files));
        assert_ne!(refused.code, Some(0), "{files:?}");
        assert_eq!(refused.stderr.lines().count(), 1, "{}", refused.stderr);
        refused.stderr.clone()
    };
    let [one, two] = ["bench-1-of-2.part", "bench-2-of-2.part"];
    let change = |name: &str, from: &str, to: &str| {
        let text = fs::read_to_string(folder.join(one)).unwrap();
        assert!(text.contains(from), "{from}");
        fs::write(folder.join(name), text.replacen(from, to, 1)).unwrap();
    };
    let part = |name: &str, line: &str, shard: &str| {
        succeeds(folder, &[&words(line)[..], &["--shard", shard, "-q", "-o", name]].concat());
    };
    let expect = |name: &str, difference: &str| {
        let said = refused(&[one, name]);
        assert_eq!(said, format!("wirelab: the parts do not belong together: {difference}\n"));
    };
    part("seeds.part", "bench -t udp -d 1s --seeds 3", "2/2");
    expect("seeds.part", "--seeds is \"2\" in bench-1-of-2.part and \"3\" in seeds.part");
    part("loss.part", "bench -t udp -d 1s --seeds 2 --loss 3%", "2/2");
    expect("loss.part", "--loss is not given in bench-1-of-2.part and \"3%\" in loss.part");
    part("hol.part", "hol -t udp -d 1s --seeds 2", "2/2");
    expect("hol.part", "the command is \"bench\" in bench-1-of-2.part and \"hol\" in hol.part");
    part("third.part", line, "2/3");
    expect("third.part", "the number of parts is 2 in bench-1-of-2.part and 3 in third.part");
    assert!(refused(&[one, one, two]).contains("part 1/2 is given twice"));
    assert!(refused(&[two]).contains("1 of 2 parts are missing: 1"));
    change("version.part", "\"version\":\"", "\"version\":\"9");
    assert!(refused(&["version.part", two]).contains("made by version 9"));
    change("target.part", "\"target\":\"", "\"target\":\"other-");
    assert!(refused(&["target.part", two]).contains("made by a program for other-"));
    let text =
        fs::read_to_string(folder.join(two)).unwrap().replacen("\"target\":\"", "\"target\":\"other-", 1);
    fs::write(folder.join("musl.part"), text).unwrap();
    assert!(refused(&[one, "musl.part"]).contains("the parts do not belong together: the target is "));
    change("schema.part", "wirelab-part/2", "wirelab-part/1");
    assert!(refused(&["schema.part", two]).contains("unsupported schema \"wirelab-part/1\""));
    change("changed.part", "\"delivered\":", "\"delivered\":1");
    assert!(refused(&["changed.part", two]).contains("checksum"));
    let bytes = file(folder, one);
    fs::write(folder.join("cut.part"), &bytes[..bytes.len() / 2]).unwrap();
    assert!(refused(&["cut.part", two]).contains("cut.part: the part is cut off: line "));
    let resumed = |name: &str| {
        let line = [&words(line)[..], &["--shard", "1/2", "--resume", "-o", name]].concat();
        run(folder, line).stderr.clone()
    };
    for damaged in ["cut.part", "changed.part", "schema.part", "target.part", "version.part"] {
        assert!(resumed(damaged).trim_end().ends_with("; remove it first"), "{}", resumed(damaged));
    }
    succeeds(folder, &words("bench -t udp -d 1s --seeds 1 -q -o result.json"));
    assert!(refused(&[one, two, "result.json"]).contains("result.json is not a part of a result"));
    let other = run(folder, words("bench -t udp -d 1s --seeds 3 --shard 1/2 --resume"));
    let reason = "is another part: --seeds is \"2\" in the file and \"3\" in this command; remove it first";
    assert!(other.stderr.contains(reason), "{}", other.stderr);
}

#[test]
fn parts_from_other_contents_of_a_file_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for (file, contents, other, line) in [
        (
            "call.csv",
            "0,8000,1\n0.04,1000,0\n",
            "0,8000,1\n0.04,2000,0\n",
            "bench --workload video:call.csv -t udp -d 1s",
        ),
        (
            "page.csv",
            "3000,\n4000,1\n",
            "3000,\n9000,1\n",
            "bench --workload page:page.csv -t tls,quic-one --loads 1",
        ),
        ("file.bin", "as long", "another", "transfer file.bin -t quic-one"),
        ("rate.txt", "3\n7\n", "3\n9\n", "bench -t udp --rate trace:rate.txt -d 1s"),
    ] {
        let write = |contents: &str| fs::write(folder.join(file), contents).unwrap();
        let part = |shard: &str, name: &str, more: &[&str]| {
            let options = ["--seeds", "2", "--shard", shard, "-q", "-o", name];
            run(folder, [&words(line)[..], &options, more].concat())
        };
        write(contents);
        for (shard, name) in [("1/2", "1.part"), ("2/2", "2.part")] {
            assert_eq!(part(shard, name, &[]).code, Some(0), "{line}");
        }
        assert_eq!(run(folder, words("report 1.part 2.part -q")).code, Some(0), "{line}");
        write(other);
        assert_eq!(part("2/2", "other.part", &[]).code, Some(0), "{line}");
        let difference = match file {
            "rate.txt" => "the configuration's links".to_owned(),
            file => format!("the contents of {file}"),
        };
        for (what, refused, reason) in [
            (
                "merged",
                run(folder, words("report 1.part other.part")),
                format!("{difference}: not the same in 1.part and other.part"),
            ),
            (
                "resumed",
                part("2/2", "2.part", &["--resume"]),
                format!("{difference}: not the same in the file and this command"),
            ),
            (
                "changed",
                run(folder, words("report 1.part 2.part")),
                "the parts do not fit their options".to_owned(),
            ),
        ] {
            assert_eq!(refused.code, Some(1), "{what}: {line}: {}", refused.stderr);
            assert!(
                refused.stderr.contains(&reason) && refused.stderr.len() < 200,
                "{what}: {line}: {}",
                refused.stderr
            );
        }
    }
}

#[test]
fn samples_of_several_lines_are_those_of_the_whole() {
    let line = "bench -t udp -i 2ms -d 40s --seeds 1";
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    run_parts(folder, line, 1, &["--samples", "kept.csv"]);
    succeeds(folder, &[&words(line)[..], &["-q", "--samples", "whole.csv"]].concat());
    let merged = report(folder, &["--samples", "merged.csv"]);
    assert_eq!(merged.code, Some(0), "{}", merged.stderr);
    assert!(
        file(folder, "whole.csv").len() > 1 << 20 && file(folder, "merged.csv") == file(folder, "whole.csv")
    );
    // The header, the record, two or more lines of its samples, and the checksum.
    assert!(fs::read_to_string(folder.join("bench-1-of-1.part")).unwrap().lines().count() >= 5);
}

/// With as many parts as seeds, round-robin would give all runs that are recorded for pictures to the first part.
#[test]
fn parts_are_about_equally_large_and_many_cells_have_no_timelines() {
    let folder = tempfile::tempdir().unwrap();
    run_parts(folder.path(), "bench -t udp --loss 1%,2% --rtt 20ms,50ms -d 5s --seeds 4", 4, &[]);
    let size = |name: &String| fs::metadata(folder.path().join(name)).unwrap().len();
    let sizes: Vec<u64> = parts_in(folder.path()).iter().map(size).collect();
    let (least, most) = (sizes.iter().min().unwrap(), sizes.iter().max().unwrap());
    assert!(*most < 2 * least && *least > 20_000, "{sizes:?}");

    let losses: Vec<String> = (0..65).map(|loss| format!("{loss}%")).collect();
    let line = format!("bench -t udp --loss {} -d 1s --seeds 2", losses.join(","));
    let (whole, merged) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    run_parts(merged.path(), &line, 2, &[]);
    let traced =
        |name: &String| !fs::read_to_string(merged.path().join(name)).unwrap().contains("\"trace\":null");
    assert!(!parts_in(merged.path()).iter().any(traced));
    expect_same(whole.path(), merged.path(), &line);
}

#[test]
fn a_part_of_a_sweep_that_measures_nothing_fails_as_the_sweep_does() {
    let folder = tempfile::tempdir().unwrap();
    let whole = run(folder.path(), words("bench -t tcp,tls --path sim"));
    let part = run(folder.path(), words("bench -t tcp,tls --path sim --shard 1/2"));
    assert_eq!((part.code, &part.stderr), (Some(1), &whole.stderr));
    assert!(part.stderr.contains("nothing was measured: tcp on sim"), "{}", part.stderr);
    assert_eq!((whole.code, fs::read_dir(folder.path()).unwrap().count()), (Some(1), 0));
}

#[test]
fn a_part_in_real_time_says_that_machines_must_be_alike() {
    let folder = tempfile::tempdir().unwrap();
    for (path, is_said) in [("relay", true), ("sim", false)] {
        let line = format!("handshake -t udp -n 1 --seeds 1 --path {path} --shard 1/1 -o {path}.part");
        let part = run(folder.path(), words(&line));
        assert_eq!(part.code, Some(0), "{}", part.stderr);
        assert_eq!(part.stderr.contains("machines that are alike"), is_said, "{}", part.stderr);
    }
}

#[test]
fn an_interrupted_part_says_that_it_leaves_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_wirelab"));
    command.args(words("bench -t quic-one -i 1ms -d 2h --seeds 2 --shard 1/2 --no-progress"));
    let mut part = command.current_dir(folder.path()).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(part.stderr.take().unwrap()).lines().map(Result::unwrap);
    // From this line on, it handles interrupts.
    let first = said.by_ref().find(|line| line.starts_with("part 1/2: ")).unwrap();
    assert!(first.ends_with("to bench-1-of-2.part"), "{first}");
    assert!(Command::new("kill").args(["-INT", &part.id().to_string()]).status().unwrap().success());
    let rest: Vec<String> = said.filter(|line| !line.starts_with("simulating this takes ")).collect();
    assert_eq!(part.wait().unwrap().code(), Some(130));
    assert_eq!(
        rest,
        [
            "interrupted: ending the part; once more to quit at once",
            "wirelab: part 1/2 was interrupted: it leaves no file"
        ]
    );
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_part_from_a_stranger_writes_no_file_and_makes_no_enormous_matrix() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    succeeds(folder, &words("bench -t udp -d 1s --seeds 1 --shard 1/1 -q"));
    let text = fs::read_to_string(folder.join("bench-1-of-1.part")).unwrap();
    let many = format!("{:?}", vec!["1%"; 1200]);
    for (options, reason) in [
        (r#"{"output":"stolen.json"}"#.to_owned(), "unexpected option `output`"),
        (r#"{"keylog":"stolen.txt"}"#.to_owned(), "unexpected option `keylog`"),
        (r#"{"samples":"stolen.csv"}"#.to_owned(), "unexpected option `samples`"),
        (r#"{"urls":"udp://127.0.0.1:9"}"#.to_owned(), "it names a server by URL"),
        (r#"{"config":"/etc/passwd"}"#.to_owned(), "unexpected option `config`"),
        (format!(r#"{{"loss":{many},"duplicate":{many}}}"#), "combinations"),
        (r#"{"seeds":7}"#.to_owned(), "invalid value"),
    ] {
        let start = text.find("\"options\":").unwrap() + "\"options\":".len();
        let end = start + text[start..].find('}').unwrap() + 1;
        let hostile = format!("{}{options}{}", &text[..start], &text[end..]);
        fs::write(folder.join("hostile.part"), hostile).unwrap();
        let refused = run(folder, ["report", "hostile.part"]);
        assert_eq!(refused.code, Some(1), "{options:.60}");
        assert!(refused.stderr.contains(reason), "{}", refused.stderr);
    }
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(
        names.into_iter().all(|name| PathBuf::from(name).extension().is_some_and(|ending| ending == "part"))
    );
}

#[test]
fn options_that_a_part_cannot_have_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    for (line, reason) in [
        ("bench --shard 1/2 -J", "--json"),
        ("bench --shard 1/2 --ladder", "--ladder"),
        ("bench --shard 1/2 --qlog traces", "--qlog"),
        ("bench --shard 1/2 -o part.json", ".part"),
        ("bench --shard 3/2", "numbered from 1 to 2"),
        ("bench --shard 1/0", "invalid number of parts `0`"),
        ("bench --shard slurm", "SLURM_ARRAY_TASK_ID is not set: Slurm sets it in the tasks of a job array"),
        ("bench --shard k8s", "JOB_COMPLETION_INDEX is not set: Kubernetes sets it"),
        ("bench udp://127.0.0.1:9 --shard 1/2", "--shard"),
        ("transfer -t quic-one --save copy --shard 1/2", "--shard"),
        ("bench --resume", "--shard"),
    ] {
        let refused = run(folder.path(), words(line));
        assert_eq!(refused.code, Some(2), "{line}: {}", refused.stderr);
        assert!(refused.stderr.contains(reason), "{line}: {}", refused.stderr);
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

/// Runs all parts of a command over GNU parallel, two at a time.
fn gnu_parallel(folder: &Path, line: &str, count: u32, options: &[&str]) -> ExitStatus {
    let part = format!("{} {line} --shard {{}}/{count} -q", env!("CARGO_BIN_EXE_wirelab"));
    let mut command = Command::new("parallel");
    command.current_dir(folder).env("PARALLEL_HOME", folder).args(["--will-cite", "-j", "2"]);
    command.args(options).args([&part, ":::"]).args((1..=count).map(|index| index.to_string()));
    command.status().unwrap()
}

#[test]
fn gnu_parallel_runs_a_sweep() {
    if !has_command("parallel") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let line = "bench -t udp,quic-one --loss 0%,1%,2% -d 1s --seeds 2";
    assert!(gnu_parallel(folder, line, 7, &[]).success());
    let whole = tempfile::tempdir().unwrap();
    expect_same(whole.path(), folder, line);
}

/// Kills a part in the middle of its run: the wait before that is halved until it is shorter than the run.
#[expect(clippy::disallowed_methods, reason = "another program runs in real time")]
fn kill_a_part(folder: &Path, line: &str, shard: &str) {
    let mut wait = Duration::from_secs(1);
    loop {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wirelab"));
        command.args(words(line)).args(["--shard", shard, "-q", "-o", "killed.part"]).current_dir(folder);
        let mut part = command.spawn().unwrap();
        thread::sleep(wait);
        part.kill().unwrap();
        if part.wait().unwrap().signal().is_some() {
            break;
        }
        fs::remove_file(folder.join("killed.part")).unwrap();
        wait /= 2;
    }
    assert!(parts_in(folder).is_empty());
}

/// 10 losses x 10 round trips x 10 intervals, in 100 parts. Parts that are killed are run again.
#[test]
#[ignore = "takes minutes"]
fn a_sweep_of_a_thousand_cells_over_gnu_parallel_is_that_of_one_process() {
    if !has_command("parallel") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let losses: Vec<String> = (0..10).map(|loss| format!("{loss}%")).collect();
    let trips: Vec<String> = (1..=10).map(|trip| format!("{}ms", trip * 10)).collect();
    let line = format!(
        "bench -t quic-one --loss {} --rtt {} -i 5ms,6ms,7ms,8ms,9ms,10ms,11ms,12ms,13ms,14ms -d 2s --seeds 2",
        losses.join(","),
        trips.join(",")
    );
    let sweep = |joblog: &str, seconds: Option<&str>| {
        let mut options = vec!["--joblog", joblog];
        if let Some(seconds) = seconds {
            options.extend(["--timeout", seconds, "--termseq", "KILL,1000"]);
        }
        gnu_parallel(folder, &format!("{line} --resume"), 100, &options)
    };
    kill_a_part(folder, &line, "1/100");
    // On a slow machine, some are not done in this time.
    sweep("killed.log", Some("1"));
    let killed = 100 - parts_in(folder).len();
    assert!(sweep("again.log", None).success());
    assert_eq!(parts_in(folder).len(), 100);
    let whole = tempfile::tempdir().unwrap();
    succeeds(whole.path(), &[&words(&line)[..], &["-q", "-o", "all.json"]].concat());
    let merged = report(folder, &["-o", "all.json"]);
    assert_eq!(merged.code, Some(0), "{}", merged.stderr);
    assert!(file(folder, "all.json") == file(whole.path(), "all.json"));
    say(&format!("{} parts were killed, and those missing were run again", killed + 1));
}
