//! `transfer` and `bench` by URL through a `wirelab link`, three programs, against `sim` at the same setting.
//!
//! Needs an idle machine: a late link or client counts as a difference.

use std::path::Path;

use wirelab::report::{Cell, from_json};

use crate::support::{Link, Server, alone, has_namespaces, run, say};

/// How far goodput and median latency may differ from those of `sim`.
const AGREES: std::ops::RangeInclusive<f64> = 0.9..=1.1;

/// Runs `wirelab` with `arguments` and returns the only cell of the result.
fn cell(arguments: &str) -> Cell {
    let finished = run(Path::new("/"), format!("{arguments} --seeds 1 -J -q").split_whitespace());
    let file = from_json(finished.stdout.as_bytes());
    file.unwrap_or_else(|e| panic!("{arguments}: {e}: {finished:?}")).cells.remove(0)
}

fn goodput(cell: &Cell) -> f64 {
    cell.transfer.as_ref().and_then(|transfer| transfer.goodput_bps.p50).unwrap_or(0) as f64
}

fn median(cell: &Cell) -> f64 {
    cell.latency_ns.as_ref().and_then(|latency| latency.summary.p50).unwrap_or(0) as f64
}

/// A server with a link in front of it.
struct Behind {
    server: Server,
    scheme: &'static str,
    options: String,
}

impl Behind {
    fn new(scheme: &'static str, rtt_ms: u32, mbit: u32) -> Self {
        let server = Server::single(scheme, "echo");
        Self { server, scheme, options: format!("--rtt {rtt_ms}ms --rate {mbit}mbit --loss 0%") }
    }

    /// Runs `command` by URL through the link and in `sim`. Fails if `figure` differs.
    fn compare(
        &self,
        command: &str,
        transport: &str,
        options: &str,
        figure: fn(&Cell) -> f64,
    ) -> Result<(), String> {
        let simulated = cell(&format!("{command} --path sim -t {transport} {} {options}", self.options));
        let link: Vec<&str> = self.options.split(' ').collect();
        let link = Link::start("127.0.0.1:0", self.server.address(self.scheme), &link);
        let url = format!("{}://{}", self.scheme, link.address);
        let ca = self.server.certificates.ca();
        let there = cell(&format!("{command} {url} -t {transport} {options} --ca {}", ca.display()));
        let report = link.stop("TERM");
        let (seen, expected) = (figure(&there), figure(&simulated));
        let ratio = seen / expected;
        let what = format!(
            "{command} -t {transport} {} {options}: {seen:.3e}, in sim {expected:.3e}: {ratio:.3}; {:?}; \
             the link dropped {}, late {} ns at p99",
            self.options, there.flags, report["dropped_packets"], report["lateness_ns"]["p99"],
        );
        say(&what);
        if AGREES.contains(&ratio) { Ok(()) } else { Err(what) }
    }
}

/// Round-trip times in milliseconds and rates in Mbit/s.
const SETTINGS: [(u32, u32); 4] = [(200, 50), (600, 50), (200, 400), (600, 400)];

#[test]
#[ignore = "three programs at up to 400 Mbit/s for minutes"]
fn link_rates_of_transfers_agree_with_the_simulator() {
    let _alone = alone();
    let mut failures = Vec::new();
    for (rtt_ms, mbit) in SETTINGS {
        let behind = Behind::new("quic", rtt_ms, mbit);
        // About six seconds at the full rate.
        let size = format!("--bytes {}MB", mbit * 6 / 8);
        for transport in ["quic-one", "quic-message"] {
            for way in ["", " --down"] {
                failures.extend(behind.compare("transfer", transport, &(size.clone() + way), goodput).err());
            }
        }
    }
    assert!(failures.is_empty(), "{failures:#?}");
}

#[test]
#[ignore = "three programs with up to 4,000 messages a second for minutes"]
fn link_rates_of_messages_agree_with_the_simulator() {
    let _alone = alone();
    let mut failures = Vec::new();
    for (rtt_ms, mbit) in SETTINGS {
        // A warm-up of 40 round trips: both congestion windows must grow first.
        let interval = if mbit > 100 { 250 } else { 1000 };
        let options = format!("-i {interval}us -l 1000 -w {}ms -d 3s", 40 * rtt_ms);
        for (scheme, transports) in
            [("udp", &["udp"][..]), ("arq", &["arq-selective"]), ("quic", &["quic-one", "quic-message"])]
        {
            let behind = Behind::new(scheme, rtt_ms, mbit);
            failures
                .extend(transports.iter().filter_map(|t| behind.compare("bench", t, &options, median).err()));
        }
    }
    assert!(failures.is_empty(), "{failures:#?}");
}

/// TCP has no `sim`: it is compared with what `--path netns` measures.
#[test]
#[ignore = "kernel TCP at up to 400 Mbit/s for minutes"]
fn link_rates_of_tcp_agree_with_the_path_between_namespaces() {
    let _alone = alone();
    if !has_namespaces() {
        return;
    }
    let mut failures = Vec::new();
    let program = env!("CARGO_BIN_EXE_wirelab");
    for (rtt_ms, mbit) in SETTINGS {
        let link = format!("--rtt {rtt_ms}ms --rate {mbit}mbit --loss 0%");
        // A third of what QUIC transfers: the kernel's windows allow only a fraction of the rate.
        let size = format!("--bytes {}MB", mbit * 2 / 8);
        for way in ["", " --down"] {
            let expected = cell(&format!("transfer --path netns -t tcp {link} {size}{way}"));
            let server = format!("{program} serve tcp://10.0.0.2:9999 --allow 10.0.0.0/8");
            let client = format!("{program} transfer tcp://10.0.0.2:9999 {size}{way} --seeds 1 -J -q");
            let folder = tempfile::tempdir().unwrap();
            let mut arguments = vec!["link", "--netns", "--server", &server];
            arguments.extend(link.split(' ').chain(["--"]).chain(client.split(' ')));
            let finished = run(folder.path(), arguments);
            let file = from_json(finished.stdout.as_bytes());
            let there = file.unwrap_or_else(|e| panic!("{client}: {e}: {finished:?}")).cells.remove(0);
            let ratio = goodput(&there) / goodput(&expected);
            let what =
                format!("tcp {link} {size}{way}: {:.3e}, {ratio:.3}; {:?}", goodput(&there), there.flags);
            say(&format!("{what}\n{}", finished.stderr));
            if !AGREES.contains(&ratio) {
                failures.push(what);
            }
        }
    }
    assert!(failures.is_empty(), "{failures:#?}");
}
