//! What is typed wrongly, or as another program has it: one line that names what to write instead.

use std::path::Path;

use crate::support::{Finished, run};
use tempfile::tempdir;

fn wirelab(folder: &Path, line: &str) -> Finished {
    run(folder, line.split_whitespace())
}

/// The only line on standard error of a command line that is refused.
fn refusal(line: &str) -> String {
    let folder = tempdir().unwrap();
    let said = wirelab(folder.path(), line);
    assert_eq!((said.code, said.stdout.as_str()), (Some(2), ""), "{line}: {said:?}");
    assert!(
        said.stderr.starts_with("wirelab: ") && said.stderr.lines().count() == 1,
        "{line}: {}",
        said.stderr
    );
    said.stderr.trim_end().trim_start_matches("wirelab: ").to_owned()
}

#[test]
fn options_of_other_programs_are_answered_with_ours() {
    for (line, instead) in [
        ("bench --bitrate 10M", "unknown option --bitrate: the rate of the link is --rate"),
        ("bench -b 10M", "unknown option -b: the rate of the link is --rate"),
        ("bench --count 5", "unknown option --count: messages follow from time"),
        ("hol -n 5", "unknown option -n: messages follow from time"),
        ("bench -c host", "unknown option -c: name the server as a URL"),
        ("-c host", "unknown option -c: name the server as a URL"),
        ("-s", "unknown option -s: wirelab serve"),
        ("serve -p 9999", "unknown option -p: the address and the port are in the URL"),
        ("transfer -P 8", "unknown option -P: use --flows"),
        ("bench -u", "unknown option -u: use -t udp"),
        (
            "bench -t 10",
            "--transport: invalid value `10`: these are transports, such as udp,tcp,quic; a time is --duration",
        ),
        ("bench --warmup 3", "--warmup: `3` has no unit: write 3ms or 3s"),
        (
            "bench --export-json x.json",
            "unknown option --export-json: the ending chooses the format: use --output",
        ),
        ("serve --no-color", "unknown option --no-color: its output has no colour; leave it out"),
        ("bench delay 50ms", "`delay` is not a URL: as an option it is --delay 50ms"),
        ("bench host:99", "`host:99` is not a URL: write one of udp://host:99, udp-hmac://host:99"),
        (
            "handshake udp://host",
            "unexpected argument `udp://host`: handshake measures servers of its own, on this machine with --path direct",
        ),
        (
            "serve udp://127.0.0.1:7000 udp://127.0.0.1:7000",
            "udp://127.0.0.1:7000 is given twice: leave one out",
        ),
        ("discover --hops 3", "--hops: queries to this link are never forwarded; add --scope site"),
        ("send host:99 x", "`host:99` is not a URL: write one of udp://host:99"),
        ("transfer host:99", "`host:99` is not a file; a server is a URL, such as tcp://HOST:PORT"),
        ("server", "unknown command `server`: use wirelab serve"),
        ("flent rrul", "unknown command `flent`: use wirelab bench --path netns --background tcp"),
        ("irtt client", "unknown command `irtt`: use wirelab bench"),
        ("benc", "unknown command `benc`: did you mean bench?"),
        ("transfer --time 3", "unknown option --time: it ends with its content: use --bytes"),
        (
            "transfer -t 10",
            "--transport: invalid value `10`: these are transports, such as udp,tcp,quic; it ends with",
        ),
        ("share -P 3", "unknown option -P: name each connection, as in -t tcp,tcp,quic-one"),
        (
            "handshake -c host",
            "unknown option -c: it measures servers of its own; those elsewhere: wirelab bench",
        ),
        ("send -c host", "unknown option -c: name the server as a URL: wirelab send udp://HOST"),
        ("transfer -l 1400", "unknown option -l: packets are as long as the link allows: --mtu"),
        ("bench --distribution normal", "unknown option --distribution: use --jitter 5ms:normal"),
        ("bench -w 1M", "--warmup: `1M` is not a time; a window of that size is -C fixed:1MB"),
        ("bench --interval 0", "--interval: "),
        ("bench --after delay=1ms", "--after needs --handover AT:OUTAGE"),
        ("bench --snaplen 99", "--snaplen needs --pcap FILE"),
        ("bench --connections 3", "--connections is for a page: --workload page"),
        ("tour 99", "there is no lesson `99`: expected 1 to 12, see --list"),
        ("ping host", "unknown command `ping`: use wirelab bench"),
    ] {
        let said = refusal(line);
        assert!(said.starts_with(instead), "{line}\n  said:     {said}\n  expected: {instead}");
    }
}

#[test]
fn a_wrong_option_is_answered_with_the_one_that_was_meant_or_the_help() {
    for (line, expected) in [
        ("bench --los 1%", "unknown option --los: did you mean --loss?"),
        ("bench --dur 1s", "unknown option --dur: did you mean --duration?"),
        ("bench --tansport udp", "unknown option --tansport: did you mean --transport?"),
        ("bench --slots", "unknown option --slots: see wirelab bench --help"),
        ("bench --frobnicate", "unknown option --frobnicate: see wirelab bench --help"),
        ("bench -z", "unknown option -z: see wirelab bench --help"),
        ("frobnicate", "unknown command `frobnicate`: see wirelab --help"),
        ("man frobnicate", "unknown command `frobnicate`: see wirelab --help"),
        ("link delay 50ms", "unexpected argument `delay`: as an option it is --delay 50ms"),
        ("help frobnicate", "unknown command `frobnicate`: see wirelab --help"),
        ("link --listen 0 --to 0", "--to: port 0 is not valid here"),
        ("link --listen 0 --to 224.0.0.1:9", "--to: is the address of many; name that of one server"),
        ("link --netns --server= -- true", "--server: is empty; name the server's command"),
        ("transfer --pace 1bit", "--pace: invalid value `1bit`: expected at least 1kbit"),
        ("certs extra", "unexpected argument `extra`: see wirelab certs --help"),
        ("send", "missing <URL>: see wirelab send --help"),
        ("link", "missing --listen and --to: see wirelab link --help"),
        ("bench --loss", "--loss: missing value: see wirelab bench --help"),
        ("bench --quiet=5", "--quiet: takes no value; leave out `5`"),
        ("bench --rtt 1ms --delay 1ms", "--rtt cannot be used with --delay: leave one out"),
        ("bench --seeds 1 --seeds 2", "--seeds is given twice: leave one out"),
        ("completions foo", "invalid value `foo`: expected bash, elvish, fish, powershell, zsh"),
    ] {
        assert_eq!(refusal(line), expected, "{line}");
    }
}

/// An option without effect is refused, or named in a note.
#[test]
fn an_option_without_effect_is_named() {
    for command in ["bench", "hol", "transfer"] {
        for option in
            ["--ca x.pem", "--insecure", "--server-name x", "--key-file x", "--timeout 3s", "-4", "-6"]
        {
            let name = option.split(' ').next().unwrap();
            let expected = format!("{name} is for servers by URL; name one");
            assert_eq!(refusal(&format!("{command} {option}")), expected);
        }
    }
    let short = "--loss 0% --seeds 1";
    let said = |line: String| run(tempdir().unwrap().path(), line.split_whitespace());
    for (line, named) in [
        (
            "transfer -t quic-one --bytes 1KB --pace 1mbit",
            "--pace has no effect here: it is for raw datagrams",
        ),
        ("transfer -t udp,quic-one --bytes 1KB --flows 9", "--flows has no effect here: it is for quic-flow"),
        (
            "bench -t udp -d 50ms --rate 1mbit --queue 9p --ecn",
            "--ecn has no effect here: without --aqm the queue",
        ),
        ("bench -t udp -d 50ms -C bbr", "--congestion has no effect here: none of these transports"),
        ("handshake -t udp,arq-selective -n 1 --cert-bytes 1KB", "--cert-bytes has no effect here: none of"),
    ] {
        let finished = said(format!("{line} {short}"));
        assert_eq!(finished.code, Some(0), "{line}: {finished:?}");
        assert!(finished.stderr.starts_with(named), "{line}: {}", finished.stderr);
        assert_eq!(said(format!("{line} {short} -q")).stderr, "", "{line}");
    }
    let of_kernel = "--congestion has no effect here: the kernel chooses the controller of TCP, except with";
    for (line, named) in [
        ("bench -t tcp,udp -C bbr --path direct", of_kernel),
        ("bench -C bbr tcp://127.0.0.1:9", of_kernel),
        ("bench -t tcp,quic-one -C bbr --path direct", ""),
        ("bench -t tcp -C bbr --path direct,netns", ""),
        ("bench --keep-order", "--keep-order has no effect here: it is for packets that --jitter reorders"),
        ("bench --keep-order --to-client jitter=1ms", ""),
        ("bench --keep-order --handover 1s:1ms --after jitter=1ms", ""),
        ("bench --loss-by time --loss 0%", "--loss-by has no effect here: it is for losses at random"),
        ("bench --loss-by time --loss 0%,1%", ""),
        ("bench --loss-by time --loss 0% --to-server loss=1%", ""),
        ("share --loss-by time", "--loss-by has no effect here: it is for losses at random"),
        ("bench --scenario lte --preset lan", "--scenario has no effect here: --preset replaces its link"),
        // It clears the field of packets that end systems made ECN-capable, whatever the queue does.
        ("bench -t udp,quic-one --ecn-fault bleach", ""),
    ] {
        let said = said(format!("{line} --print-config"));
        assert_eq!(said.code, Some(0), "{line}: {}", said.stderr);
        let expected_lines = usize::from(!named.is_empty());
        assert!(said.stderr.starts_with(named), "{line}: {}", said.stderr);
        assert_eq!(said.stderr.lines().count(), expected_lines, "{line}: {}", said.stderr);
    }
    for line in [
        "transfer -t quic-one,udp --bytes 1KB --pace 1mbit",
        "transfer -t quic-flow --bytes 1KB --flows 9",
        "bench -t udp,quic-one -d 50ms -C cubic",
        "handshake -t all --path direct -n 1 --cert-bytes 1KB",
    ] {
        let link = if line.contains("direct") { "--seeds 1" } else { short };
        let finished = said(format!("{line} {link}"));
        assert!(!finished.stderr.contains("no effect"), "{line}: {}", finished.stderr);
    }
}

#[test]
fn a_negative_or_empty_value_is_refused_as_one() {
    for (line, expected) in [
        ("bench --rtt -5ms", "--rtt: `-5ms` is negative: a duration is at least 0"),
        ("bench -d -5s", "--duration: `-5s` is negative: a duration is at least 0"),
        ("bench --loss -1%", "--loss: `-1%` is negative: a share is at least 0"),
        ("bench --seeds -1", "--seeds: invalid value `-1`: expected a whole number from 1 to 100000"),
        ("transfer --bytes -1", "--bytes: `-1` is negative: a size is at least 0"),
        (
            "transfer --pace 0",
            "--pace: invalid value `0`: a rate of 0 carries nothing: write 1.5mbit, or leave the option out",
        ),
        (
            "bench -C fixed:0",
            "--congestion: unknown congestion controller `fixed:0`: expected cubic, newreno, bbr, fixed or fixed:BYTES",
        ),
        (
            "bench --wait 3x",
            "--wait: invalid value `3x`: expected 3x4s (three round trips, at most 4 s) or 2s",
        ),
        ("certs --name=", "--name: invalid value ``: expected a DNS name or an IP address"),
        ("serve --name=a..b", "--name: invalid value `a..b`: expected a DNS name or an IP address"),
    ] {
        assert_eq!(refusal(line), expected, "{line}");
    }
}

#[test]
fn a_whole_number_has_its_bounds_in_the_error() {
    for (option, bounds) in [
        ("bench --flows", "from 1 to 10000"),
        ("bench --seed", "from 0"),
        ("handshake --connections", "from 1 to 1000000"),
        ("handshake --parallel", "from 1 to 1000"),
        ("transfer --flows", "from 1 to 1000"),
        ("serve --count", "from 1"),
        ("serve --rate-limit", "from 1 to 4294967295"),
        ("serve --max-connections", "from 1 to 65535"),
        ("serve --max-connections-per-source", "from 1 to 65535"),
        ("serve --threads", "from 1 to 255"),
        ("serve --retry-above", "from 0 to 4294967295"),
        ("send udp://localhost --retries", "from 0 to 1000000"),
        ("link --listen 1 --to 2 --max-clients", "from 1 to 1000000"),
    ] {
        let name =
            option.split(' ').find(|word| word.starts_with("--") && !["--listen", "--to"].contains(word));
        for value in ["x", "1.5", "99999999999999999999", "ü"] {
            let line = format!("{option} {value}");
            let expected =
                format!("{}: invalid value `{value}`: expected a whole number {bounds}", name.unwrap());
            assert_eq!(refusal(&line), expected, "{line}");
        }
    }
}

/// Every option of every command that takes a value, from the help.
fn options(folder: &Path, command: &str) -> Vec<String> {
    let help = wirelab(folder, &format!("{command} --help")).succeeded();
    let words = help.lines().filter(|line| line.trim_start().starts_with('-'));
    let names = words.filter_map(|line| {
        let option = line.split("--").nth(1)?;
        let (name, rest) = option.split_once([' ', '['])?;
        rest.contains('<').then(|| format!("--{name}"))
    });
    names.collect()
}

#[test]
fn nonsense_is_refused_on_one_line_by_every_option_of_every_command() {
    let folder = tempdir().unwrap();
    let nonsense =
        ["", "-1", "99999999999999999999999", "5", "🙂", "1e9", "NaN", "a,b", "\u{1b}[31m", "5 5ms", "0x10"];
    // What is no name of a folder, a file or a server is read later, or is one.
    let free = ["--certs", "--name", "--ca", "--server-name", "--server", "--output", "--samples", "--save"];
    let mut tried = 0;
    for command in ["bench", "hol", "handshake", "link", "transfer", "serve", "send", "report"] {
        for option in options(folder.path(), command).iter().filter(|option| !free.contains(&option.as_str()))
        {
            for value in nonsense {
                let positional: &[&str] = match command {
                    "send" => &["udp://127.0.0.1:1", "x"],
                    "report" => &["nothing.json"],
                    "link" => &["--listen", "0", "--to", "127.0.0.1:0"],
                    "serve" => &["tcp://192.0.2.1:1"],
                    _ => &["--path", "relay", "-t", "tcp"],
                };
                let assigned = format!("{option}={value}");
                let given = positional.contains(&option.as_str());
                let arguments = [&[command, &assigned][..], if given { &[] } else { positional }].concat();
                let said = run(folder.path(), &arguments);
                let line = said.stderr.lines().last().unwrap_or_default();
                tried += 1;
                assert!(matches!(said.code, Some(1 | 2)), "{arguments:?}: {said:?}");
                assert!(line.starts_with("wirelab: "), "{arguments:?}: {said:?}");
                for word in ["digit found", "panicked", "error:", "\u{1b}", "number too"] {
                    assert!(!said.stderr.contains(word), "{arguments:?}: {}", said.stderr);
                }
            }
        }
    }
    assert!(tried > 800, "{tried}");
}

#[test]
fn aliases_mean_the_same() {
    let folder = tempdir().unwrap();
    let same = |one: &str, other: &str| {
        let [one, other] = [one, other].map(|line| wirelab(folder.path(), line));
        assert_eq!((one.code, &one.stdout), (Some(0), &other.stdout), "{}", one.stderr);
    };
    let short = "-t udp,quic-one -d 100ms -w 0s";
    same(&format!("bench {short} --runs 2 -J"), &format!("bench {short} --seeds 2 -J"));
    same(&format!("bench {short} --seeds 1 --format json"), &format!("bench {short} --seeds 1 -J"));
    same(&format!("bench {short} --seeds 1 --format TXT"), &format!("bench {short} --seeds 1"));
    same(
        "bench -t UDP,Quic-One -d 100ms --path SIM -C Reno --arrivals Poisson --runs 1",
        "bench -t udp,quic-one -d 100ms -C newreno --arrivals poisson --seeds 1",
    );
    same("bench -t udp --rate 10M --seeds 1 -d 100ms", "bench -t udp --rate 10mbit --seeds 1 -d 100ms");
    same("handshake -t udp -n 3 --seeds 1", "handshake -t udp --connections 3 --seeds 1");
    same("handshake -t udp --count 3 --seeds 1", "handshake -t udp --connections 3 --seeds 1");
    same("transfer -t udp -n 10KB -b 1M --seeds 1", "transfer -t udp --bytes 10KB --pace 1mbit --seeds 1");
    same("transfer -t quic-one -n 10KB -R --seeds 1", "transfer -t quic-one --bytes 10KB --down --seeds 1");
    let csv = wirelab(folder.path(), &format!("bench {short} --seeds 1 --format csv")).succeeded();
    assert!(csv.starts_with("transport,path"), "{csv}");
    assert_eq!(
        refusal("bench --format pdf"),
        "--format: invalid value `pdf`: expected json, csv, md, html or txt"
    );
}

#[test]
fn report_reads_standard_input() {
    let folder = tempdir().unwrap();
    wirelab(folder.path(), "bench -t udp -d 100ms --seeds 1 -o r.json -q").succeeded();
    let file = std::fs::File::open(folder.path().join("r.json")).unwrap();
    let output = crate::support::wirelab(folder.path(), ["report", "-"]).stdin(file).output().unwrap();
    let expected = wirelab(folder.path(), "report r.json").succeeded();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);
}

#[test]
fn what_is_long_or_not_text_makes_a_short_line() {
    let folder = tempdir().unwrap();
    let long = "x".repeat(20_000);
    for arguments in [
        vec!["bench", &long],
        vec!["bench", "-t", &long],
        vec!["bench", "-C", &long],
        vec!["bench", "--rtt", &long],
        vec!["bench", "--seeds", &long],
        vec!["bench", "--loss", &long],
        vec!["bench", "--to-server", &long],
        vec!["transfer", &long],
        vec!["serve", "--service", &long],
        vec!["certs", "--name", &long],
        vec![&long],
    ] {
        let said = run(folder.path(), &arguments);
        assert_eq!(said.code, Some(2), "{}", arguments[0]);
        assert!(
            said.stderr.len() < 600 && said.stderr.lines().count() == 1,
            "{} {}",
            arguments[0],
            said.stderr.len()
        );
    }
}
