//! Pages over the kernel's TCP against curl and a web server: the same number of round trips.

use std::{fs, iter, path::Path};

use crate::support::{alone, has_command, has_namespaces, run};
use serde_json::Value;

/// A round trip that is much longer than what programs take to start.
const ROUND_TRIP_MS: u64 = 250;

/// Runs a command line in the client's namespace of a link, and prints its duration in seconds.
const TIMED: &str = "import subprocess, sys, time\n\
                     began = time.monotonic()\n\
                     subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)\n\
                     print(time.monotonic() - began)";

/// A page, and how it is loaded.
struct Case {
    /// The objects, as in a file for `--workload page`.
    page: String,
    connections: &'static str,
    /// The same for curl: the sizes of what it gets, and its options.
    sizes: Vec<u32>,
    options: &'static [&'static str],
    /// What both must take.
    round_trips: u64,
}

fn in_round_trips(seconds: f64) -> u64 {
    (seconds * 1000.0 / ROUND_TRIP_MS as f64).floor() as u64
}

fn of_curl(case: &Case) -> u64 {
    let server = format!("python3 {}/tests/python/http_sizes.py 80", env!("CARGO_MANIFEST_DIR"));
    let rtt = format!("{ROUND_TRIP_MS}ms");
    let urls: Vec<String> = case.sizes.iter().map(|size| format!("http://10.0.0.2/{size}")).collect();
    let link = ["link", "--netns", "--wait", "20s", "--loss", "0%", "--rtt", &rtt, "--server", &server, "--"];
    let client = ["python3", "-c", TIMED, "curl", "--silent", "--fail", "--http1.1"];
    let command = link.iter().chain(&client).chain(case.options).copied();
    let said = run(Path::new("/"), command.chain(urls.iter().map(String::as_str))).succeeded();
    in_round_trips(said.trim().parse().unwrap())
}

fn of_wirelab(case: &Case) -> u64 {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("page.csv"), &case.page).unwrap();
    let rtt = format!("{ROUND_TRIP_MS}ms");
    let bench = ["bench", "--workload", "page:page.csv", "--path", "netns", "-t", "tcp", "--loss", "0%"];
    let loads = ["--rtt", &rtt, "--connections", case.connections, "--loads", "1", "--seeds", "1", "-J"];
    let said = run(folder.path(), bench.iter().chain(&loads).copied()).succeeded();
    let result: Value = serde_json::from_str(&said).unwrap();
    in_round_trips(result["cells"][0]["page"]["complete_ns"]["max"].as_f64().unwrap() / 1e9)
}

/// TCP's handshake takes a round trip, and each request of a connection another. A server sends 10 segments in the
/// first round trip (RFC 6928), then twice as many in each: 10 and 20 segments hold 43 kB, and 70 hold 101 kB.
#[test]
fn curl_and_a_web_server_take_as_many_round_trips_to_all_objects() {
    let _alone = alone();
    if !["curl", "python3"].iter().all(|program| has_command(program)) || !has_namespaces() {
        return;
    }
    let chain = (1..5).map(|after| format!("1000,{after}\n"));
    let cases = [
        // One connection that is kept, and each object after the one before.
        Case {
            page: iter::once("1000\n".to_owned()).chain(chain).collect(),
            connections: "1",
            sizes: vec![1000; 5],
            options: &[],
            round_trips: 1 + 5,
        },
        // Twelve objects over six connections, two on each.
        Case {
            page: "1000\n".repeat(12),
            connections: "6",
            sizes: vec![1000; 12],
            options: &["--parallel", "--parallel-immediate", "--parallel-max", "6"],
            round_trips: 1 + 2,
        },
        // Slow start.
        Case {
            page: "60000\n".to_owned(),
            connections: "1",
            sizes: vec![60_000],
            options: &[],
            round_trips: 1 + 3,
        },
    ];
    for case in cases {
        let both = (of_curl(&case), of_wirelab(&case));
        assert_eq!(both, (case.round_trips, case.round_trips), "{:?} {:?}", case.sizes, case.options);
    }
}
