//! `wirelab bench` as scripts and users meet it.

use std::{
    fs,
    io::Read,
    path::Path,
    process::{Command, Stdio},
};

use crate::support::{Finished, Program, run, skip, wirelab};
use serde_json::Value;
use tempfile::tempdir;

/// Short runs.
const SHORT: &str = "bench -t udp,quic-one -d 200ms -w 0s --seeds 1";
/// A run far longer than the test.
const LONG: &str = "bench -t quic-one -d 10m --seeds 1000";

fn bench(folder: &Path, arguments: &str) -> Finished {
    run(folder, arguments.split_whitespace())
}

fn result(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// An invalid option and what its error must name: the option and valid values.
fn refused(options: &str, parts: &[&str]) {
    refused_by("bench", options, parts);
}

fn refused_by(command: &str, options: &str, parts: &[&str]) {
    let folder = tempdir().unwrap();
    let arguments = format!("{command} {options}");
    let said = bench(folder.path(), &arguments);
    assert_eq!((said.code, said.stdout.as_str()), (Some(2), ""), "{arguments}: {said:?}");
    let line = said.stderr.lines().next().unwrap();
    for part in parts {
        assert!(line.contains(part), "{arguments}: {part:?} is not in {line:?}");
    }
    assert!(!said.stderr.contains("panicked"), "{said:?}");
}

/// The columns of the link in the only row of a CSV file.
fn link_columns(csv: &str) -> Vec<(&str, &str)> {
    let mut lines = csv.lines().map(|line| line.split(','));
    let (names, values) = (lines.next().unwrap(), lines.next().unwrap());
    names.zip(values).filter(|(name, _)| name.starts_with("link_")).collect()
}

#[test]
fn each_property_of_the_link_has_its_column_in_csv() {
    let folder = tempdir().unwrap();
    let csv = |options: &str| {
        let said = bench(folder.path(), &format!("bench -t udp -d 100ms -w 0s --seeds 1 -o r.csv {options}"));
        assert_eq!(said.code, Some(0), "{said:?}");
        fs::read_to_string(folder.path().join("r.csv")).unwrap()
    };
    let plain = csv("");
    for (options, column) in [
        ("--mtu 1400", "mtu_bytes"),
        ("--reorder 1%", "reorder_ratio"),
        ("--duplicate 1%", "duplicate_ratio"),
        ("--corrupt 1%", "corrupt_ratio"),
        ("--jitter 1ms", "jitter_ns"),
        ("--loss 1% --loss-by time:1ms", "loss_by"),
    ] {
        let other = csv(options);
        let pairs = link_columns(&plain).into_iter().zip(link_columns(&other));
        let different = pairs.filter(|(a, b)| a != b).map(|((name, _), _)| name);
        let different: Vec<&str> = different.collect();
        assert!(different.contains(&&*format!("link_to_server_{column}")), "{options}: {different:?}");
    }
}

#[test]
fn an_invalid_share_is_refused() {
    refused("--loss 150%", &["--loss", "100%"]);
    refused("--loss=-1%", &["--loss"]);
    refused("--loss 1", &["--loss", "%"]);
    refused("--duplicate 101%", &["--duplicate", "100%"]);
    refused("--to-server loss=150%", &["--to-server", "loss", "100%"]);
    refused("--loss gilbert:1%:200%", &["--loss", "100%"]);
    refused("--loss sometimes", &["--loss", "gilbert"]);
}

#[test]
fn a_time_without_a_unit_is_refused() {
    for option in ["--rtt", "--delay", "--jitter", "--interval", "--duration", "--warmup", "--deadline"] {
        refused(&format!("{option} 50"), &[option, "50ms"]);
    }
    refused("--to-client delay=10", &["--to-client", "delay", "10ms"]);
}

#[test]
fn zero_and_malformed_quantities_are_refused() {
    refused("--rate 0mbit", &["--rate", "leave the option out"]);
    refused("--rate 0", &["--rate", "leave the option out"]);
    refused("--interval 0ms", &["--interval", "1ms"]);
    refused("--duration 0s", &["--duration"]);
    refused("--flows 0", &["--flows", "1"]);
    refused("--seeds 0", &["--seeds", "1"]);
    refused("--wait 3", &["--wait", "3s"]);
    refused("--wait 3x", &["--wait"]);
    refused("--wait threex4s", &["--wait", "3x4s"]);
    refused("--rate 1mbit --queue 128Kb", &["--queue", "KB", "b means bits"]);
}

#[test]
fn a_queue_that_holds_no_packet_or_has_no_rate_is_refused() {
    refused("--rate 10mbit --queue 1000B", &["--queue", "1500"]);
    refused("--rate 10mbit --queue 0p", &["--queue", "whole number from 1"]);
    refused("--queue 100p", &["--queue", "--rate"]);
}

#[test]
fn a_message_that_does_not_fit_is_refused() {
    refused("-t udp --length 2000", &["--length 2000", "udp", "1472", "--mtu"]);
    refused("arq://127.0.0.1:1 -C bbr", &["--congestion bbr", "newreno"]);
    refused("-t quic-datagram --length 1300", &["--length 1300", "quic-datagram", "stream"]);
    refused("-t udp --length 1000 --reply-length 1473", &["--reply-length 1473", "1472"]);
    refused("-t udp --length 10", &["--length 10", "32"]);
    refused("-t udp --length 1300 --mtu 1300", &["--length 1300", "1272"]);
    refused("--mtu 100", &["--mtu", "576"]);
}

#[test]
fn a_list_is_refused_where_one_value_is_needed() {
    for (option, list) in [
        ("--duration", "1s,2s"),
        ("--warmup", "1s,2s"),
        ("--deadline", "10ms,20ms"),
        ("--wait", "3x4s,2s"),
        ("--arrivals", "isochronous,poisson"),
        ("--reply-length", "100,200"),
        ("--loss-by", "packet,time"),
        ("--mtu", "1400,1500"),
        ("--seeds", "1,2"),
        ("--seed", "1,2"),
    ] {
        refused(&format!("{option} {list}"), &[option]);
    }
}

#[test]
fn unknown_names_are_answered_with_the_valid_ones() {
    refused("-t sctp", &["--transport", "`sctp`", "arq-unordered, tcp, tls, quic-one"]);
    refused("-t udp,", &["--transport", "udp, udp-hmac, dtls, arq-stop-and-wait"]);
    refused("--path moon", &["--path", "sim", "direct"]);
    refused("-C vegas", &["--congestion", "cubic, newreno, bbr, fixed"]);
    refused("--preset moon", &["--preset", "satellite"]);
    refused("--arrivals never", &["--arrivals", "isochronous, poisson"]);
    refused("--to-server speed=2", &["--to-server", "speed", "rate"]);
}

#[test]
fn what_the_path_cannot_carry_is_skipped_and_says_why() {
    let folder = tempdir().unwrap();
    let said = bench(folder.path(), &format!("{SHORT} -J").replace("quic-one", "tcp"));
    let result = result(&said.stdout);
    assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""));
    let skipped = &result["skipped"][0];
    assert_eq!((&skipped["transport"], &skipped["path"]), (&"tcp".into(), &"sim".into()));
    let reason =
        "the kernel's TCP cannot run in virtual time; on the same link: wirelab bench -t tcp --path netns";
    assert_eq!(skipped["reason"], format!("{reason} --duration 200ms --seeds 1 --warmup 0s"));
    assert_eq!(result["cells"].as_array().unwrap().len(), 1);
    let said = bench(folder.path(), &SHORT.replace("quic-one", "tcp"));
    let line = said.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(line.contains(&format!("skipped tcp on sim: {reason}")), "{}", said.stdout);
    // If no cell can run, that is a failure with the reason.
    let said = bench(folder.path(), "bench -t tcp");
    let line = format!("wirelab: nothing was measured: tcp on sim: {reason}\n");
    assert_eq!((said.code, said.stderr), (Some(1), line));
    // The command has the options of the link.
    let link = "--rtt 20ms,40ms --jitter 1ms:normal --keep-order --loss drop:3 --to-client loss=2%,rate=1mbit --preset dsl";
    let said = bench(folder.path(), &format!("transfer --path relay -t tcp {link}"));
    let sorted = "--jitter 1ms:normal --keep-order --loss drop:3 --preset dsl --rtt 20ms,40ms --to-client loss=2%,rate=1mbit";
    assert!(said.stderr.ends_with(&format!(": wirelab transfer -t tcp --path netns {sorted}\n")), "{said:?}");
    // Also those of the workload, and it is a command that runs.
    for (line, options) in [
        ("bench -t tcp --workload video --rtt 100ms", "--rtt 100ms --workload video"),
        ("hol -t tcp --background quic-one:bbr -d 2s -q", "--background quic-one:bbr --duration 2s"),
        ("bench -t tcp --rebind 1s:ip", "--rebind 1s:ip"),
    ] {
        let command = line.split(' ').next().unwrap();
        let said = bench(folder.path(), line);
        let expected = format!(": wirelab {command} -t tcp --path netns {options}\n");
        assert!(said.stderr.ends_with(&expected), "{line}: {said:?}");
        let again = expected[2..].trim_end().trim_start_matches("wirelab ");
        let parsed = bench(folder.path(), &format!("{again} --print-config"));
        assert_eq!(parsed.code, Some(0), "{again}: {parsed:?}");
    }
    // The kernel's TCP cannot change its port, so no command does.
    let said = bench(folder.path(), "bench -t tcp --rebind 1s");
    assert!(said.stderr.ends_with("cannot run in virtual time\n"), "{said:?}");
}

#[test]
fn what_the_path_can_carry_of_udp_arq_tcp_and_quic_is_the_default() {
    let folder = tempdir().unwrap();
    let transports = |command: &str| {
        let said = bench(folder.path(), &format!("{command} -J --seeds 1 -q"));
        let file = result(&said.stdout);
        let names = |list: &str| {
            let rows = file[list].as_array().unwrap().iter();
            rows.map(|row| row["transport"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        (names("cells"), names("skipped"))
    };
    let short = "-d 50ms -w 0s";
    let all = [(format!("bench {short}"), 6), (format!("hol {short}"), 6)];
    // The default leaves out transports over which a transfer on a lossy link does not complete.
    for (command, count) in all.into_iter().chain([("transfer --bytes 10KB".to_owned(), 4)]) {
        let (measured, skipped) = transports(&command);
        assert_eq!((measured.len(), &skipped[..]), (count, &["tcp".to_owned()][..]), "{command}");
        let (measured, skipped) = transports(&format!("{command} --path direct"));
        assert!(
            measured.contains(&"tcp".to_owned()) && measured.len() == count + 1,
            "{command}: {measured:?}"
        );
        assert_eq!(skipped, Vec::<String>::new(), "{command}");
    }
    // It stands right above the table.
    let text = bench(folder.path(), &format!("bench {short} --seeds 1")).stdout;
    let at = |what: &str| text.find(what).unwrap_or_else(|| panic!("{what}: {text}"));
    assert!(at("skipped tcp") < at("transport ") && at("transport ") < at("quic-datagram"), "{text}");
}

#[test]
fn an_option_of_the_link_is_refused_where_no_path_has_one() {
    for (option, named) in [("--loss 1%", "--loss"), ("--preset dsl", "--preset"), ("--rtt 1ms", "--rtt")] {
        for command in ["bench", "hol", "handshake", "transfer"] {
            refused_by(command, &format!("--path direct {option}"), &[named, "--path sim, relay or netns"]);
        }
    }
    let folder = tempdir().unwrap();
    let both = "bench --path sim,direct --loss 2% -t udp -d 50ms -w 0s --seeds 1 -q";
    assert_eq!(bench(folder.path(), both).code, Some(0));
}

#[test]
fn memory_that_cannot_be_had_is_refused_before_the_run() {
    refused("-t udp,quic-one -i 1us -d 11m", &["--interval: ", "GB of memory", "longer --interval"]);
    refused("-t udp,quic-one -i 1us -w 11m", &["--warmup: ", "GB of memory", "shorter --warmup"]);
    refused("-w 8000h", &["--warmup: ", "messages a run are too many", "shorter --warmup"]);
    let folder = tempdir().unwrap();
    let limited = |limit: &str, options: &str| {
        let program = env!("CARGO_BIN_EXE_wirelab");
        let script = format!("ulimit -v {limit} && exec {program} bench {options}");
        let output = Command::new("sh").args(["-c", &script]).current_dir(folder.path()).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, said) = limited("1000000", "-t udp,quic-one -i 1us -d 10s");
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("of memory, and 1.0 GB are available"), "{said}");
    let page =
        |size: &str| format!("--workload page:400:{size} -t quic-message --loss 0% --seeds 1 --loads 1");
    let (code, said) = limited("4000000", &page("10MB"));
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("--workload: this takes up to 14.0 GB of memory"), "{said}");
    // Within the minute that a load may take, the rate lets so much through.
    let (code, said) = limited("4000000", &(page("10MB") + " --rate 1gbit"));
    assert!(said.contains("up to 11.2 GB of memory"), "{code:?}: {said}");
    let (code, said) = limited("4000000", "-t udp,quic-one -d 1s --seeds 1");
    assert_eq!((code, said.as_str()), (Some(0), ""));
}

#[test]
fn every_option_of_the_link_is_taken_and_shown() {
    let folder = tempdir().unwrap();
    let options = "--rtt 40ms --jitter 5ms:normal --keep-order --loss 2% --loss-by time:2ms --rate 20mbit \
                   --queue 100p --reorder 1% --duplicate 1% --corrupt 1% --mtu 1400 \
                   --to-server delay=30ms,keep-order=false --to-client loss=0%";
    let said = bench(folder.path(), &format!("{SHORT} -J {options}"));
    assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""));
    let link = &result(&said.stdout)["cells"][0]["link"];
    let (there, back) = (&link["to_server"], &link["to_client"]);
    assert_eq!((&there["delay_ns"], &back["delay_ns"]), (&30_000_000.into(), &20_000_000.into()));
    assert_eq!((&there["keep_order"], &back["keep_order"]), (&false.into(), &true.into()));
    assert_eq!((&there["loss_ratio"], &back["loss_ratio"]), (&0.02.into(), &Value::Null));
    for direction in [there, back] {
        for (key, value) in [("jitter_ns", 5_000_000), ("loss_slot_ns", 2_000_000), ("rate_bps", 20_000_000)]
        {
            assert_eq!(direction[key], value, "{key}");
        }
        for (key, value) in [("queue_packets", 100), ("mtu_bytes", 1400)] {
            assert_eq!(direction[key], value, "{key}");
        }
        for key in ["reorder_ratio", "duplicate_ratio", "corrupt_ratio"] {
            assert_eq!(direction[key], 0.01, "{key}");
        }
    }
}

#[test]
fn the_result_and_nothing_else_is_on_standard_output() {
    let folder = tempdir().unwrap();
    let text = bench(folder.path(), SHORT);
    assert_eq!((text.code, text.stderr.as_str()), (Some(0), ""));
    assert!(text.stdout.contains("quic-one") && text.stdout.lines().all(|line| line.chars().count() <= 100));
    assert!(!text.stdout.contains('\u{1b}'), "colour is for terminals");
    assert_eq!(bench(folder.path(), &format!("{SHORT} -q")).stdout, text.stdout);
    let json = bench(folder.path(), &format!("{SHORT} -J"));
    assert_eq!(result(&json.stdout)["schema"], "wirelab/1");
    // Runs in real time announce their duration on standard error.
    let direct = bench(folder.path(), "bench --path direct -t udp -d 50ms -w 0s --seeds 1 -J");
    assert!(direct.stderr.contains("of real time"), "{direct:?}");
    assert_eq!(result(&direct.stdout)["cells"][0]["path"], "direct");
    let text = bench(folder.path(), "bench --path direct -t udp -d 50ms -w 0s --seeds 1").stdout;
    assert!(text.starts_with("direct: this machine's loopback, nothing emulated\n"), "{text}");
}

#[test]
fn a_long_simulation_announces_about_how_long_it_takes() {
    let folder = tempdir().unwrap();
    let hours = "hol --background quic-one:bbr -t udp --seeds 2 -d 2h -J";
    Program::start(wirelab(folder.path(), hours.split(' '))).wait_for("simulating this takes roughly ");
}

#[test]
fn the_kernels_tcp_is_not_advised_to_use_a_window_that_it_does_not_have() {
    let folder = tempdir().unwrap();
    let said = bench(folder.path(), "bench --path netns -t tcp --loss 5% -i 5ms -d 2s --seeds 1");
    if said.stdout.contains("skipped tcp on netns") {
        return skip("network namespaces are not permitted here");
    }
    assert!(
        said.stdout.contains("(kernel-congested)") && !said.stdout.contains("-C fixed"),
        "{}",
        said.stdout
    );
}

#[test]
fn a_file_is_written_by_its_ending() {
    let folder = tempdir().unwrap();
    for (name, begins) in [("r.json", "{"), ("r.csv", "transport"), ("r.md", "|"), ("r.txt", "")] {
        let said = bench(folder.path(), &format!("{SHORT} -o {name}"));
        assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""));
        assert!(said.stdout.contains("quic-one"), "the text is printed all the same");
        let written = fs::read_to_string(folder.path().join(name)).unwrap();
        assert!(written.contains("quic-one") && written.contains(begins), "{name}: {written}");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 4, "no drafts are left");
    assert_eq!(result(&fs::read_to_string(folder.path().join("r.json")).unwrap())["command"], "bench");
    for name in ["r.xlsx", "r"] {
        refused(&format!("-o {name}"), &["--output", ".json, .csv, .md, .html or .txt"]);
    }
}

#[test]
fn a_file_that_cannot_be_written_is_known_before_a_long_run() {
    let folder = tempdir().unwrap();
    fs::create_dir(folder.path().join("folder.json")).unwrap();
    for name in ["nowhere/r.json", "folder.json"] {
        let said = bench(folder.path(), &format!("{LONG} -o {name}"));
        assert_eq!((said.code, said.stdout.as_str()), (Some(1), ""), "{said:?}");
        assert!(said.stderr.contains(name) && said.stderr.lines().count() == 1, "{said:?}");
    }
}

#[test]
fn a_closed_pipe_is_no_error() {
    let folder = tempdir().unwrap();
    let mut child = wirelab(folder.path(), SHORT.split(' '))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr), (Some(0), Vec::new()));
}

pub(crate) fn catches_interrupts(pid: u32) -> bool {
    const SIGINT: u64 = 1 << 1;
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap();
    u64::from_str_radix(caught.trim(), 16).unwrap() & SIGINT != 0
}

#[cfg(target_os = "linux")]
#[test]
fn an_interrupt_writes_what_there_is_and_says_that_it_is_not_all() {
    let folder = tempdir().unwrap();
    let arguments = "bench -t udp -d 10s --seeds 100000 -o r.json";
    let mut child = wirelab(folder.path(), arguments.split(' '))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    while !catches_interrupts(child.id()) {
        std::thread::yield_now();
    }
    let kill = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(kill.success());
    let (mut out, mut err) = (String::new(), String::new());
    child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
    child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let said: Vec<&str> = err.lines().filter(|line| !line.starts_with("simulating this takes ")).collect();
    assert!(said.len() == 1 && said[0].starts_with("interrupted: "), "{err}");
    let written = result(&fs::read_to_string(folder.path().join("r.json")).unwrap());
    assert_eq!(written["complete"], false);
    let seeds =
        written["cells"].as_array().unwrap().first().map_or(0, |cell| cell["seeds"].as_u64().unwrap());
    assert!(seeds < 100_000, "{seeds}");
    assert!(out.contains("runs are missing or were cut short"), "{out}");
}

#[test]
fn a_call_from_a_file_is_judged_by_its_frames_and_options_of_a_call_need_one() {
    let folder = tempdir().unwrap();
    fs::write(folder.path().join("call.csv"), "time,bytes,key\n0,2500,1\n0.04,900,0\n0.08,900,0\n").unwrap();
    let options = "-t udp --loss 0% -d 1200ms -w 0s --seeds 1 -J";
    let said = bench(folder.path(), &format!("bench --workload video:call.csv --playout 100ms {options}"));
    assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""));
    let cell = &result(&said.stdout)["cells"][0];
    assert_eq!((&cell["video"]["frames"], &cell["video"]["shown"]), (&30.into(), &30.into()));
    // Three messages of 1,000 bytes for each of ten key frames, and one for each other frame.
    assert_eq!(cell["messages"]["scheduled"], 50);
    assert_eq!(
        (&cell["workload"]["application"], &cell["workload"]["playout_ns"]),
        (&"video:call.csv".into(), &100_000_000.into())
    );
    refused("--workload video:none.csv", &["--workload", "none.csv", "No such file"]);
    refused("--workload film", &["film", "expected messages, video"]);
    refused("--playout 100ms", &["--playout", "--workload video"]);
    refused("--workload video --ladder", &["--ladder", "no replies"]);
    refused("--workload video udp://127.0.0.1:9", &["--workload", "judged at the receiver"]);
}

#[test]
fn a_page_from_a_file_is_loaded_and_options_of_a_page_need_one() {
    let folder = tempdir().unwrap();
    fs::write(folder.path().join("page.csv"), "bytes,after\n3000,\n1000,1\n2500,2\n").unwrap();
    let options = "-t udp,quic-one,tls --rtt 40ms --loss 0% --seeds 1 --loads 2 -J";
    let said = bench(folder.path(), &format!("bench --workload page:page.csv {options}"));
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    let result = result(&said.stdout);
    // The handshake, the document, and two objects, of which one names the other.
    let page = &result["cells"][0]["page"];
    assert_eq!((&page["complete"], &page["complete_ns"]["max"]), (&2.into(), &160_000_000.into()));
    assert_eq!((&page["objects"], &page["mean_bytes"]), (&3.into(), &7000.into()));
    assert_eq!(result["cells"].as_array().unwrap().len(), 1);
    let skipped: Vec<&str> = result["skipped"]
        .as_array()
        .unwrap()
        .iter()
        .map(|skipped| skipped["transport"].as_str().unwrap())
        .collect();
    assert_eq!(skipped.len(), 2, "{skipped:?}");
    assert!(skipped.contains(&"udp") && skipped.contains(&"tls"), "{skipped:?}");
    let again = bench(folder.path(), &format!("bench --workload page:page.csv {options} -d 5s --flows 3"));
    assert!(again.stderr.contains("--duration") && again.stderr.contains("--flows"), "{}", again.stderr);

    refused("--workload page:none.csv", &["--workload", "none.csv", "No such file"]);
    refused("--workload page:0", &["number of objects", "1 to 1000"]);
    refused("--workload page:5:1KB:6", &["depth", "1 to the number of objects"]);
    refused("--loads 3", &["--loads", "--workload page"]);
    refused("--mode 0rtt", &["--mode", "--workload page"]);
    refused("--workload page --ladder", &["--ladder", "a page has none"]);
    refused("--workload page --rebind 1s", &["--rebind", "a page has none"]);
    refused("--rebind 1s --after delay=4ms", &["--after", "--rebind"]);
    refused("--after delay=4ms", &["--handover"]);
    refused(
        "-d 5s --handover 1s:10s",
        &["--handover: the outage ends after the measured time", "--duration"],
    );
    refused("-d 5s --handover 4900ms:100ms", &["--handover: the outage ends after the measured time"]);
    refused("-d 5s --rebind 5s", &["--rebind: is after the end of the measured time"]);
    refused("--rtt 20ms,50ms --rebind 50ms", &["--rebind: 50ms is within the first round trip of 50ms"]);
    refused("--workload page --background tcp", &["--background", "not beside a page"]);
    refused("--workload page udp://127.0.0.1:9", &["--workload", "not one by URL"]);
}

#[test]
fn a_page_marks_a_change_of_address_and_explains_latency_where_it_has_one() {
    let folder = tempdir().unwrap();
    let page = |options: &str| {
        bench(folder.path(), &format!("bench -t udp -C fixed -d 2s --seeds 1 -q -o page.html {options}"))
            .succeeded();
        fs::read_to_string(folder.path().join("page.html")).unwrap()
    };
    // The style sheet is in every page, so the drawing is looked for.
    let marks = |page: &str| {
        let (_, marked) = page.split_once("<g class=\"moved\">")?;
        let (_, text) = marked.split_once("<text")?;
        let (_, words) = text.split_once('>')?;
        Some(words.split('<').next().unwrap().to_owned())
    };
    let explained = "Latency is a round trip";
    let usual = page("");
    assert_eq!((marks(&usual), usual.contains(explained)), (None, true));
    assert_eq!(marks(&page("--rebind 1s")).as_deref(), Some("new address"));
    assert_eq!(marks(&page("--handover 1s:300ms --after delay=40ms")).as_deref(), Some("no network"));
    let call = page("--workload video:30:2mbit:500ms --rtt 100ms --loss 0.5%");
    assert!(!call.contains(explained));
    // An instant as a time of three digits, not to the nanosecond.
    let (_, froze) = call.split_once(" froze for ").unwrap();
    let (_, at) = froze.split_once(" from ").unwrap();
    assert!(at.find(',').unwrap() <= "33.3 ms".len(), "{at:.40}");
}

/// What `line` prints for a terminal of `columns`.
fn text_of(line: &str, columns: &str) -> String {
    let folder = tempdir().unwrap();
    let ended = wirelab(folder.path(), line.split(' ')).env("COLUMNS", columns).output().unwrap();
    assert!(ended.status.success(), "{line}: {}", String::from_utf8_lossy(&ended.stderr));
    String::from_utf8(ended.stdout).unwrap()
}

#[test]
fn flags_of_a_matrix_count_their_rows_and_say_where_they_are() {
    let line =
        "bench --loss 0%,1%,2% --rtt 20ms,100ms -d 2s --seeds 1 -t udp,arq-selective,quic-one,quic-message";
    let result = result(&text_of(&format!("{line} -J"), "80"));
    let cells = result["cells"].as_array().unwrap();
    assert_eq!(cells.len(), 24);
    let text = text_of(line, "120");
    let flagged = |flag: &str| {
        cells.iter().filter(|cell| cell["flags"].as_array().unwrap().iter().any(|own| own == flag)).count()
    };
    let mut described = 0;
    for flag in ["window-limited", "congested", "unfinished"] {
        let count = flagged(flag);
        let notes: Vec<&str> =
            text.split("\n! ").filter(|note| note.contains(&format!("({flag})"))).collect();
        assert_eq!(notes.len(), usize::from(count > 0), "{flag}: {text}");
        if count > 3 {
            assert!(notes[0].starts_with(&format!("{count} of 24 rows (")), "{flag}: {text}");
            described += 1;
        }
    }
    assert!(described > 0, "{text}");
    assert!(!text.contains("round trip 20 ms, loss 1%, quic"), "{text}");
}

#[test]
fn a_list_of_backgrounds_shows_what_it_cost_and_a_list_of_shares_who_got_what() {
    let line =
        "bench --background quic-one:cubic,udp@2mbit -t udp,quic-one --queue 1bdp,8bdp -d 4s --seeds 1";
    let text = text_of(line, "160");
    for part in ["idle p50", "background up", "background down", "bufferbloat of udp by DSLReports' scale: "]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(text.contains(" at queue "), "{text}");
    let text = text_of("share -t quic-one,quic-one --queue 0.5bdp,4bdp -d 6s -w 1s --seeds 1", "160");
    let senders = text.split_once("\nSenders\n").unwrap_or_else(|| panic!("{text}")).1;
    let rows = senders.lines().skip(1).take_while(|line| !line.is_empty());
    assert_eq!(rows.filter(|row| row.contains("queue ") && row.contains("Mbit/s")).count(), 4, "{text}");
}

#[test]
fn columns_of_a_wide_table_wrap_and_keep_their_distance() {
    let line = "bench --background quic-one:cubic -t udp,quic-one -d 4s --seeds 1";
    let text = text_of(line, "80");
    let heads: Vec<&str> = text.lines().filter(|line| line.starts_with("transport ")).collect();
    assert!(heads.iter().any(|head| head.contains("idle p50  idle p99")), "{text}");
    let main: Vec<&&str> = heads.iter().filter(|head| !head.contains("goodput")).collect();
    assert_eq!(
        main.iter().filter(|head| head.split_whitespace().any(|word| word == "lost")).count(),
        1,
        "{text}"
    );
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
}
