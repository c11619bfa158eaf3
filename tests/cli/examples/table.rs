//! The examples, and what each must show.

use super::Example;

const fn plain(
    line: &'static str,
    with: &'static [(&'static str, &'static str)],
    shows: &'static [&'static str],
) -> Example {
    Example { line, with, needs: &[], status: 0, shows }
}

const fn needing(
    needs: &'static [&'static str],
    line: &'static str,
    with: &'static [(&'static str, &'static str)],
    shows: &'static [&'static str],
) -> Example {
    Example { line, with, needs, status: 0, shows }
}

/// A transfer over several transports. It does not complete over the unreliable ones.
const fn incomplete(
    line: &'static str,
    with: &'static [(&'static str, &'static str)],
    shows: &'static [&'static str],
) -> Example {
    Example { line, with, needs: &[], status: 1, shows }
}

/// A command that ends with `status`.
const fn failing(line: &'static str, status: i32, shows: &'static [&'static str]) -> Example {
    Example { line, with: &[], needs: &[], status, shows }
}

/// All of them.
pub(super) const ALL: &[&[Example]] = &[
    TOUR, BENCH, CALLS, PAGES, MOVES, HOL, HANDSHAKE, TRANSFER, SHARE, LINK, ARTIFACTS, LAB, SWEEPS, OTHERS,
];

/// A run of two seconds with one seed.
const BENCH_SHORT: (&str, &str) = ("wirelab bench", "wirelab bench --seeds 1 -d 2s");
/// The same of one transport.
const BENCH_UDP: (&str, &str) = ("wirelab bench", "wirelab bench -t udp --seeds 1 -d 1s");
const HOL_SHORT: (&str, &str) = ("wirelab hol", "wirelab hol --seeds 1 -d 5s");
const HANDSHAKE_SHORT: (&str, &str) = ("wirelab handshake", "wirelab handshake --seeds 1 -n 5");
const SHARE_SHORT: (&str, &str) = ("wirelab share", "wirelab share --seeds 1 -d 8s");
const TRANSFER_SHORT: (&str, &str) = ("wirelab transfer", "wirelab transfer --seeds 1 --bytes 100KB");
const URL_SHORT: (&str, &str) = ("--ca", "-d 200ms -w 0s --seeds 1 --ca");

/// A run of two seconds in an example that sets the seeds.
const BENCH_SAMPLED: (&str, &str) = ("wirelab bench", "wirelab bench -d 2s");

/// Calls and games.
pub(super) const CALLS: &[Example] = &[
    plain(
        "wirelab bench --workload video --rtt 100ms",
        &[BENCH_SHORT],
        &["video:30:2mbit:2", "shown 150 ms after capture", "quic-one"],
    ),
    plain(
        "wirelab bench --workload video -t udp,quic-one,quic-message --drop-late",
        &[BENCH_SHORT],
        &["shown", "quic-message"],
    ),
    plain("wirelab bench --workload video -t quic-message --drop-late", &[BENCH_SHORT], &["shown"]),
    plain(
        "wirelab bench --workload video:60:4mbit:1s --playout 200ms -t udp,quic-one,quic-message",
        &[BENCH_SHORT],
        &["video:60:4mbit:1", "shown 200 ms after capture"],
    ),
    plain("wirelab bench --workload video:call.csv -o call.html", &[BENCH_UDP], &[]),
    plain("wirelab bench --workload game --rtt 50ms --loss 2%", &[BENCH_SHORT], &["age mean", "udp"]),
    needing(
        &["netns"],
        "wirelab bench --workload game --loss 2% --path netns -t udp,tcp -d 10s",
        &[("-d 10s", "-d 1s --seeds 1")],
        &["age mean", "tcp"],
    ),
    needing(
        &["netns"],
        "wirelab bench --workload game:60 --path netns --rtt 50ms --loss 2% -t udp,tcp -d 10s --seeds 2",
        &[("-d 10s --seeds 2", "-d 1s --seeds 1")],
        &["age mean", "tcp"],
    ),
];

/// Pages, loaded twice.
const PAGE_SHORT: (&str, &str) = ("wirelab bench", "wirelab bench --seeds 1 --loads 2");

/// Loads of a page.
pub(super) const PAGES: &[Example] = &[
    plain("wirelab bench --workload page --rtt 50ms", &[PAGE_SHORT], &["first byte", "quic-message"]),
    plain(
        "wirelab bench --workload page -t quic-message --mode cold,0rtt",
        &[PAGE_SHORT],
        &["first byte", "0rtt"],
    ),
    plain("wirelab bench --workload page -t quic-message --mode cold,0rtt -o page.html", &[PAGE_SHORT], &[]),
    plain("wirelab bench --workload page:70:16KB:3 --rate 20mbit -o page.html", &[PAGE_SHORT], &[]),
    plain(
        "wirelab bench --workload page:shop.csv -t quic-one,quic-message --loss 0%,1%,2%",
        &[PAGE_SHORT],
        &["first byte", "quic-one"],
    ),
    needing(
        &["netns"],
        "wirelab bench --workload page --path netns --rtt 50ms --seeds 3",
        &[("--seeds 3", "--seeds 1 --loads 1")],
        &["first byte", "tls"],
    ),
    needing(
        &["netns"],
        "wirelab bench --workload page --path netns --rtt 50ms --loss 0% --seeds 2",
        &[("--seeds 2", "--seeds 1 --loads 1")],
        &["first byte", "tls"],
    ),
];

/// Clients whose address changes.
pub(super) const MOVES: &[Example] = &[
    plain(
        "wirelab bench --workload video --handover 5s:300ms --after delay=40ms -t udp,quic-message,dtls -C fixed -d 20s",
        &[("5s:300ms", "1s:300ms"), ("-d 20s", "-d 5s --seeds 1")],
        &["When the client's address changed", "nothing arrived for", "froze"],
    ),
    plain(
        "wirelab bench --workload game --rebind 5s -t udp,quic-datagram,arq-selective -d 20s",
        &[("5s", "1s"), ("-d 20s", "-d 5s --seeds 1")],
        &["When the client's address changed", "nothing arrived for", "age p99"],
    ),
    plain(
        "wirelab bench --handover 5s:300ms --after delay=40ms,rate=5mbit -t udp,quic -d 20s",
        &[("-d 20s", "-d 8s --seeds 1")],
        &["When the client's address changed", "udp went on from the new address: no reply for"],
    ),
    plain(
        "wirelab bench --handover 5s:300ms --after delay=40ms,rate=5mbit -t udp,quic",
        &[("wirelab bench", "wirelab bench --seeds 1 -d 8s")],
        &["When the client's address changed"],
    ),
    needing(
        &["netns"],
        "wirelab bench --path netns --rebind 5s:ip -t udp,quic,tcp,tls -d 15s",
        &[("5s:ip -t udp,quic,tcp,tls -d 15s", "1s:ip -t udp,tcp -d 3s --seeds 1")],
        &["When the client's address changed", "tcp"],
    ),
    plain(
        "wirelab bench --rebind 5s -t udp,dtls,arq-selective,quic -d 20s",
        &[("-d 20s", "-d 8s --seeds 1")],
        &["When the client's address changed", "dtls"],
    ),
    plain(
        "wirelab bench --rebind 5s:ip -i 1ms -t quic-message --loss 0%",
        &[("wirelab bench", "wirelab bench --seeds 1 -d 8s")],
        &["quic-message went on from the new address: no reply for 51.0 ms"],
    ),
    plain(
        "wirelab bench --rebind 5s:ip -t all -d 20s --seeds 5",
        &[("-d 20s --seeds 5", "-d 8s --seeds 1")],
        &["When the client's address changed"],
    ),
];

/// Parts, options from files, and the same again.
pub(super) const SWEEPS: &[Example] = &[
    plain(
        "wirelab bench --loss 0%,1%,2% --shard 1/2",
        &[BENCH_UDP],
        &["part 1/2: 2 of 3 runs, to bench-1-of-2.part"],
    ),
    plain(
        "wirelab bench --loss 0%,1%,2% --shard 2/2",
        &[BENCH_UDP],
        &["part 2/2: 1 of 3 runs, to bench-2-of-2.part"],
    ),
    plain(
        "wirelab report bench-1-of-2.part bench-2-of-2.part -o all.json",
        &[(
            "wirelab report",
            "wirelab bench -t udp --seeds 2 -d 1s --shard 1/2 && wirelab bench -t udp --seeds 2 -d 1s --shard 2/2 && \
             wirelab report",
        )],
        &["delivered", "udp"],
    ),
    plain(
        "wirelab report bench-*-of-7.part -o all.json",
        &[
            ("wirelab report", "wirelab bench -t udp --seeds 2 -d 1s --shard 1/1 && wirelab report"),
            ("bench-*-of-7.part", "bench-1-of-1.part"),
        ],
        &["delivered", "udp"],
    ),
    plain(
        "wirelab bench --loss 0%,1% --seeds 3 --print-config",
        &[],
        &["loss = [\"0%\", \"1%\"]", "seeds = 3", "# Defaults:", "# flows = 8"],
    ),
    plain(
        "wirelab bench --config sweep.toml --shard 3/7 --resume",
        &[(
            "wirelab bench",
            "printf \"transport = 'udp'\\nseeds = 7\\n\" > sweep.toml && wirelab bench -d 1s",
        )],
        &["part 3/7: 1 of 7 runs, to bench-3-of-7.part"],
    ),
    plain("wirelab scenarios", &[], &["lte", "Source: WebPageTest", "lossy-satellite"]),
    plain("wirelab scenarios lte", &[], &["rtt = \"70ms\"", "source = "]),
    plain("wirelab bench --scenario lte --loss 1%", &[BENCH_UDP], &["70 ms", "12 Mbit/s", "1%"]),
    plain(
        "wirelab rerun monday.json",
        &[("wirelab rerun", "wirelab bench -t udp --seeds 2 -d 1s -o monday.json && wirelab rerun")],
        &["the same: every figure of 1 row"],
    ),
];

pub(super) const TOUR: &[Example] = &[
    plain("wirelab tour", &[("tour", "tour 2")], &["2. Loss", "Answer: b)", "Remember:", "Go on with:"]),
    plain("wirelab tour --list", &[], &["1 What a datagram is", "12 When to choose what"]),
    plain(
        "wirelab tour 4",
        &[],
        &["4. Order", "a) one", "was lost; its retransmission arrived at", "Remember: in an ordered stream"],
    ),
    plain(
        "wirelab tour --teacher teacher.md",
        &[("teacher.md", "teacher.md && cat teacher.md")],
        &[
            "### wirelab tour: for teachers",
            "Exercise for lesson 10",
            "Solution:",
            "```console",
            "| transport |",
        ],
    ),
];

pub(super) const BENCH: &[Example] = &[
    plain(
        "wirelab bench --rate 800kbit --queue 200p --aqm droptail,codel,fq-codel,pie,red --loss 0%",
        &[BENCH_UDP],
        &["aqm droptail", "fq-codel", "pie", "red"],
    ),
    needing(
        &["netns"],
        "wirelab bench --path netns --background tcp -d 10s --seeds 2",
        &[("-d 10s --seeds 2", "-d 2s --seeds 1 -t udp,quic-one")],
        &[
            "The background of udp",
            " tcp:cubic up ",
            " tcp:cubic down ",
            "bufferbloat of quic-one",
            "idle p50",
        ],
    ),
    plain(
        "wirelab bench --background quic-one:cubic,udp@5mbit -t udp,quic-one --queue 1bdp,8bdp",
        &[("-t udp", "--seeds 1 -d 3s -t udp")],
        &["2 points over", "p50"],
    ),
    plain("wirelab bench -t quic-one --loss 2% --pcap run.pcapng", &[BENCH_SHORT], &["quic-one", "loss 2%"]),
    plain(
        "wirelab bench --path direct -t tls -d 2s --seeds 1 --pcap run.pcapng",
        &[("-d 2s", "-d 200ms -w 0s")],
        &["tls"],
    ),
    needing(
        &["tshark"],
        "wirelab bench -t quic-one --loss 2% --pcap run.pcapng -q && tshark -r run.pcapng -q -z io,phs",
        &[BENCH_SHORT],
        &["Protocol Hierarchy Statistics", "quic frames:"],
    ),
    plain(
        "wirelab bench -t udp,arq-unordered,udp-hmac,dtls,quic-datagram --loss 0% --corrupt 1% --replay 1% --inject 1% -w 0s",
        &[("-w 0s", "-w 0s --seeds 1 -d 5s")],
        &[
            "replayed and",
            "replies came again",
            "nothing of it reached the application",
            "datagrams were rejected",
        ],
    ),
    plain(
        "wirelab bench",
        &[BENCH_SHORT],
        &[
            "sim: 50 ms round trip, loss 1% each way",
            "transport delivered on time lost",
            "arq-selective",
            "quic-datagram",
            "on the same link: wirelab bench -t tcp --path netns",
        ],
    ),
    plain(
        "wirelab bench --loss 0%,1%,2% --rtt 20ms,100ms -o result.csv",
        &[BENCH_UDP, ("result.csv", "result.csv && wc -l < result.csv")],
        &[
            "6 points over round trip 20 ms, 100 ms; loss 0%, 1%, 2%",
            "udp, round trip 100 ms, loss 2% ",
            " 7 ",
        ],
    ),
    plain(
        "wirelab bench --loss 0%,1%,2% --rtt 20ms,100ms",
        &[BENCH_UDP],
        &[
            "6 points over round trip 20 ms, 100 ms; loss 0%, 1%, 2%",
            "lost or late by loss, round trip 100 ms",
        ],
    ),
    plain(
        "wirelab bench --loss gilbert:0.5%:25% --rate 20mbit --queue 128KB --seeds 5",
        &[("--seeds 5", "--seeds 1 -d 2s")],
        &[
            "loss gilbert:0.5%:25% each way",
            "20 Mbit/s with a queue of 128,000 bytes",
            "losses came in bursts",
        ],
    ),
    plain(
        "wirelab bench --loss gilbert:0.5%:25% --rate 20mbit --queue 128KB",
        &[BENCH_SHORT],
        &[
            "loss gilbert:0.5%:25% each way",
            "20 Mbit/s with a queue of 128,000 bytes",
            "losses came in bursts",
        ],
    ),
    plain(
        "wirelab bench -t quic-one --loss 0% --to-server loss=drop:700 --ladder",
        &[("--ladder", "--ladder --seeds 1 -d 10s")],
        &[
            "to server 25 ms and loss drop:700; to client 25 ms and no loss",
            "was lost; its retransmission arrived at",
            "had arrived complete and waited at the server until then",
        ],
    ),
    needing(
        &["netns"],
        "wirelab bench --path netns --rtt 20ms -d 5s --seeds 2",
        &[("-d 5s --seeds 2", "-d 200ms -w 0s --seeds 1 -t tcp,quic-one")],
        &["netns: 20 ms round trip", " tcp ", " quic-one "],
    ),
    needing(
        &["netns"],
        "wirelab bench --path netns",
        &[("netns", "netns -d 200ms -w 0s --seeds 1")],
        &["netns: 50 ms round trip", " tcp ", " quic-one "],
    ),
    needing(
        &["netns"],
        "wirelab bench --path netns -t udp,tcp,tls,quic --rtt 50ms --loss 1% --seeds 3",
        &[("--seeds 3", "-d 200ms -w 0s --seeds 1")],
        &["netns: 50 ms round trip", " tcp ", " tls ", " quic-message "],
    ),
    plain(
        "wirelab bench udp://192.0.2.1 quic://lab.example:4433 --ca ca.pem",
        &[("udp://192.0.2.1", "{udp}"), ("quic://lab.example:4433", "{quic}"), URL_SHORT],
        &["direct: udp://127.0.0.1", " udp ", " quic-one ", " quic-datagram "],
    ),
    plain(
        "wirelab bench udp://lab.example quic://lab.example --ca ca.pem",
        &[("udp://lab.example", "{udp}"), ("quic://lab.example", "{quic}"), URL_SHORT],
        &["direct: udp://127.0.0.1", " udp ", " quic-one ", " quic-datagram "],
    ),
    plain(
        "wirelab bench udp://lab.example quic://lab.example",
        &[("udp://lab.example", "{udp}"), ("quic://lab.example", "{quic} -d 200ms -w 0s --seeds 1")],
        &["direct: udp://127.0.0.1", " udp ", " quic-one ", " quic-datagram "],
    ),
    plain(
        "wirelab bench -t udp,arq-selective,quic-message --loss 2%",
        &[BENCH_SHORT],
        &["loss 2% each way (3.96% of echoes)", " arq-selective 100% ", " quic-message 100% "],
    ),
    plain(
        "wirelab bench --path direct -t udp,tcp -d 2s --seeds 2",
        &[("-d 2s --seeds 2", "-d 200ms -w 0s --seeds 1")],
        &["direct: ", " udp ", " tcp "],
    ),
    plain(
        "wirelab bench --path direct -t all -d 2s --seeds 2",
        &[("-d 2s --seeds 2", "-d 200ms -w 0s --seeds 1")],
        &["direct: ", " udp ", " arq-go-back-n ", " tcp ", " tls ", " quic-flow "],
    ),
    plain(
        "wirelab bench --path relay -t udp,quic --seeds 3",
        &[("--seeds 3", "-d 200ms -w 0s --seeds 1")],
        &["relay: 50 ms round trip", "the link delivered packets", " quic-flow "],
    ),
    plain(
        "wirelab bench -C fixed -t quic-one,quic-message",
        &[BENCH_SHORT],
        &["a fixed congestion window", " quic-message "],
    ),
    plain(
        "wirelab bench -o result.json && wirelab report result.json -o result.md",
        &[BENCH_UDP, ("result.md", "result.md && cat result.md")],
        &["transport delivered", "| transport |"],
    ),
    plain("wirelab bench --loss 0%,1%,2% -o result.json", &[BENCH_UDP], &["udp, loss 0%", "udp, loss 2%"]),
    plain(
        "wirelab bench --samples samples.jsonl",
        &[BENCH_UDP, ("samples.jsonl", "samples.jsonl && wc -l < samples.jsonl && head -1 samples.jsonl")],
        &[r#" 100 {"cell":0,"seed":1,"transport":"udp","flow":4,"seq":100,"#],
    ),
    plain(
        "wirelab bench --samples samples.csv",
        &[BENCH_UDP, ("samples.csv", "samples.csv && wc -l < samples.csv && head -1 samples.csv")],
        &[" 101 cell,seed,transport,flow,seq,due_ns"],
    ),
    plain(
        "wirelab bench -o report.html",
        &[BENCH_UDP, ("report.html", "report.html && grep -o '<figure id=.[a-z0-9-]*' report.html")],
        &["<figure id=\"g0-latency", "<figure id=\"g0-time"],
    ),
    plain(
        "wirelab bench --pictures -o result.json",
        &[BENCH_UDP, ("result.json", "result.json && grep -c latency_bins result.json")],
        &[" 1 "],
    ),
    plain(
        "wirelab bench --svg charts/",
        &[BENCH_UDP, ("charts/", "charts/ && ls charts")],
        &["budget.svg ladder.svg latency.svg time.svg"],
    ),
    plain("wirelab bench -o monday.json", &[BENCH_UDP], &["transport delivered"]),
];

pub(super) const HOL: &[Example] = &[
    plain(
        "wirelab hol -t quic-one,arq-selective --loss 0% --reorder 10% --seeds 2 -d 20s -i 4ms",
        &[("--seeds 2 -d 20s", "--seeds 1 -d 5s")],
        &["false losses", "quic-one"],
    ),
    plain(
        "wirelab hol -t quic-one,arq-selective --loss 0% --reorder 10% --seeds 2 -d 20s -i 4ms --packet-threshold 30 --time-threshold 2",
        &[("--seeds 2 -d 20s", "--seeds 1 -d 5s")],
        &["false losses", "quic-one"],
    ),
    plain(
        "wirelab hol --background quic-one:bbr --seeds 3",
        &[("--seeds 3", "--seeds 1 -d 2s")],
        &["The background of quic-one", " quic-one:bbr up ", "bufferbloat of udp", "by DSLReports' scale"],
    ),
    plain(
        "wirelab hol -t quic-one --loss 2% --seeds 1 -d 5s --qlog traces",
        &[("--qlog traces", "--qlog traces && ls traces")],
        &["000-quic-one-sim-seed1-1-client.qlog", "000-quic-one-sim-seed1-1-server.sqlog"],
    ),
    needing(
        &["jq"],
        "wirelab hol -t quic-one --loss 2% --seeds 1 -d 5s -q --qlog traces && jq -c '.traces[].events[] | select(.name == \"wirelab:packet_dropped\" or .name == \"recovery:packet_lost\") | [.time, .name, .data]' traces/*-1-client.qlog",
        &[],
        &["\"wirelab:packet_dropped\",{\"link_number\":", "\"trigger\":\"time_threshold\""],
    ),
    plain(
        "wirelab hol",
        &[HOL_SHORT],
        &[
            "50 ms round trip, loss 1% each way",
            "arrived complete but waited",
            "What blocked messages waited for",
        ],
    ),
    plain(
        "wirelab hol --rtt 100ms --to-client loss=0%",
        &[HOL_SHORT],
        &["to client 50 ms and no loss", "waited for another flow", "Expected by theory"],
    ),
    plain(
        "wirelab hol --loss 0%,0.5%,1%,2%,5% -o curve.csv",
        &[
            ("wirelab hol", "wirelab hol -t quic-one --seeds 1 -d 1s"),
            ("curve.csv", "curve.csv && wc -l < curve.csv"),
        ],
        &["quic-one, loss 0.5%", "blocked by loss", " 6 "],
    ),
    plain(
        "wirelab hol 'quic://lab.example?streams=one' --ca ca.pem -i 5ms",
        &[("quic://lab.example", "{quic}"), URL_SHORT],
        &["direct: quic://127.0.0.1", "1,000 bytes every 5 ms", " quic-one "],
    ),
    plain(
        "wirelab hol 'quic://lab.example?streams=one' --ca ca.pem -i 5ms -d 30s",
        &[("quic://lab.example", "{quic}"), ("-d 30s", "-d 200ms -w 0s --seeds 1")],
        &["direct: quic://127.0.0.1", "1,000 bytes every 5 ms", " quic-one "],
    ),
    needing(
        &["netns"],
        "wirelab hol --path netns -t tcp,quic-one,quic-message -C cubic -d 5s --seeds 1",
        &[("-d 5s", "-d 200ms -w 0s")],
        &["netns: 50 ms round trip", " tcp ", " quic-one ", " quic-message "],
    ),
    plain("wirelab hol -C cubic", &[HOL_SHORT], &["congestion control cubic"]),
    plain(
        "wirelab hol --ladder",
        &[HOL_SHORT],
        &["was lost; its retransmission arrived at", "Times in ms, when a packet left one end"],
    ),
    plain(
        "wirelab hol -t quic-one,quic-message --ladder",
        &[HOL_SHORT],
        &[
            "quic-one waiting quic-message",
            "Client on the left, server on the right of each",
            "was lost; its retransmission arrived",
        ],
    ),
    plain("wirelab hol --explain", &[], &["What is measured", "handed over", "arq-unordered"]),
    needing(
        &["netns"],
        "wirelab hol --path netns -t tcp,quic-message -C cubic",
        &[("wirelab hol", "wirelab hol -d 200ms -w 0s --seeds 1")],
        &["netns: 50 ms round trip", " tcp ", " quic-message "],
    ),
];

pub(super) const HANDSHAKE: &[Example] = &[
    plain("wirelab handshake", &[HANDSHAKE_SHORT], &["50 ms round trip", "udp cold", "quic-one 0rtt"]),
    plain(
        "wirelab handshake --loss 0% --connections 1 --seeds 1",
        &[],
        &["no loss", "round trips", "udp cold", "quic-one resumed"],
    ),
    plain(
        "wirelab handshake --loss 0%,1%,2%,5% -t quic-one --mode cold,0rtt -o curve.csv",
        &[HANDSHAKE_SHORT, ("curve.csv", "curve.csv && wc -l < curve.csv")],
        &["quic-one cold, loss 5%", "p99 of the first reply by loss", "quic-one 0rtt", " 9 "],
    ),
    plain(
        "wirelab handshake -t quic-one --mode cold --loss drop:1 -n 1 --seeds 1",
        &[],
        &["loss drop:1 each way", "quic-one cold", "1 s or more"],
    ),
    plain(
        "wirelab handshake -t quic-one --mode cold --loss 0% --cert-bytes 6KB",
        &[HANDSHAKE_SHORT],
        &["quic-one cold", " 3.00 "],
    ),
    plain(
        "wirelab handshake -t quic-one --loss 0% --cert-bytes 6KB",
        &[HANDSHAKE_SHORT],
        &["quic-one cold", " 3.00 ", "quic-one 0rtt"],
    ),
    needing(
        &["netns"],
        "wirelab handshake -t tcp --loss 2% --path netns -n 1000 --parallel 100",
        &[("-n 1000 --parallel 100", "-n 20 --parallel 10 --seeds 1")],
        &["netns: 50 ms round trip, loss 2% each way", "tcp cold", "1 s or more"],
    ),
    plain(
        "wirelab handshake --path direct -t all --parallel 16",
        &[("--parallel 16", "--parallel 16 -n 64 --seeds 1")],
        &["tcp cold", "quic-one cold", "connections/s"],
    ),
    plain(
        "wirelab handshake --hold 1,100,10000 -t tcp,tls,quic-one,dtls,arq-selective",
        &[("1,100,10000", "1,20")],
        &["tcp 1 connection ", "quic-one 20 connections", "server bytes/connection"],
    ),
];

pub(super) const TRANSFER: &[Example] = &[
    plain(
        "wirelab transfer -t quic-one --rate 10mbit --queue 1MB --aqm codel --loss 0%",
        &[("--loss 0%", "--loss 0% --seeds 1 --bytes 4MB")],
        &["dropped up"],
    ),
    plain(
        "wirelab transfer -t quic-one --rate 10mbit --queue 1MB --aqm codel --ecn --loss 0%",
        &[("--loss 0%", "--loss 0% --seeds 1 --bytes 4MB")],
        &["marked up"],
    ),
    plain(
        "wirelab transfer -t quic-one --rate 10mbit --queue 1MB --aqm codel --ecn --ecn-fault bleach --loss 0%",
        &[("--loss 0%", "--loss 0% --seeds 1 --bytes 4MB")],
        &["dropped up"],
    ),
    plain(
        "wirelab transfer",
        &[TRANSFER_SHORT],
        &["50 ms round trip, loss 1% each way", "completed", "goodput", " arq-selective ", " quic-message "],
    ),
    incomplete(
        "wirelab transfer -t udp,arq-selective,quic-one --bytes 1MB",
        &[("1MB", "1MB --seeds 1")],
        &[" udp 0 ms 0% ", " arq-selective 50.0 ms 100% ", "udp: the first incomplete transfer lacks"],
    ),
    plain(
        "wirelab transfer -t quic-one --rate 10mbit --rtt 30ms --queue 25p --loss 0%",
        &[("wirelab transfer", "wirelab transfer --seeds 1 --bytes 3MB")],
        &["10 Mbit/s with a queue of 25 packets", " quic-one ", " 100% 100% ", "Mbit/s"],
    ),
    incomplete(
        "wirelab transfer -t quic -C cubic,newreno,bbr --loss 0%,0.1%,1% -o goodput.csv",
        &[TRANSFER_SHORT],
        &["quic-one bbr, loss 0.1%", "goodput by loss", "quic-datagram newreno"],
    ),
    plain(
        "wirelab transfer photo.jpg --save copy.jpg -t quic-one --path relay --rtt 20ms",
        &[("20ms", "20ms && cmp photo.jpg copy.jpg && echo the same")],
        &["relay: 20 ms round trip", " 100% 100% ", "the same"],
    ),
    plain(
        "wirelab transfer photo.jpg --save copy.jpg -t quic-one --path relay",
        &[("relay", "relay && cmp photo.jpg copy.jpg && echo the same")],
        &["relay: 50 ms round trip", " 100% 100% ", "the same"],
    ),
    plain(
        "wirelab transfer 'quic://lab.example?streams=one' --down --ca ca.pem",
        &[("quic://lab.example", "{quic}"), ("--down", "--down --bytes 1MB")],
        &["direct: quic://127.0.0.1", " quic-one ", " 100% 100% "],
    ),
    plain(
        "wirelab transfer 'quic://lab.example?streams=one' --bytes 100MiB --down --ca ca.pem",
        &[("quic://lab.example", "{quic}"), ("100MiB", "1MB")],
        &["direct: quic://127.0.0.1", " quic-one ", " 100% 100% "],
    ),
    plain(
        "wirelab transfer --rate 20mbit --loss 0.1%",
        &[TRANSFER_SHORT],
        &["loss 0.1% each way", "20 Mbit/s", " arq-selective ", " quic-message "],
    ),
    needing(
        &["netns"],
        "wirelab transfer -t tcp,quic-one --path netns --rate 20mbit",
        &[TRANSFER_SHORT],
        &["netns: 50 ms round trip", " tcp ", " quic-one ", " 100% 100% "],
    ),
];

pub(super) const SHARE: &[Example] = &[
    plain(
        "wirelab share",
        &[SHARE_SHORT],
        &["20 Mbit/s", "fairness", "utilisation", "queue p95", "Senders", " quic-one:bbr "],
    ),
    needing(
        &["netns"],
        "wirelab share -t tcp:cubic,quic-one:cubic,udp@2mbit --path netns -d 30s",
        &[("-d 30s", "-d 4s -w 1s")],
        &["netns: 50 ms round trip", " tcp:cubic ", " quic-one:cubic ", " udp@2mbit "],
    ),
    needing(
        &["netns"],
        "wirelab share -t tcp:cubic,tcp:reno -t tcp:cubic,tcp:bbr --path netns --seeds 3",
        &[("--seeds 3", "--seeds 1 -d 3s -w 1s"), ("tcp:bbr", "tcp:cubic")],
        &["Senders of tcp:cubic,tcp:reno", "Senders of tcp:cubic,tcp:cubic"],
    ),
    plain(
        "wirelab share -t quic-one,quic-one@start=20s --queue 0.5bdp,4bdp -o a.html",
        &[("-o a.html", "--seeds 1 -o a.html && grep -o 'Goodput of each sender in time' a.html")],
        &["2 points over", "fairness", "Goodput of each sender in time"],
    ),
    plain(
        "wirelab share -t udp@15mbit,udp@15mbit --rate 20mbit",
        &[SHARE_SHORT],
        &[" udp@15mbit A ", " udp@15mbit B ", " 100% "],
    ),
    plain(
        "wirelab share --down --to-client rate=50mbit --seeds 10 -J",
        &[("--seeds 10", "--seeds 2 -d 8s")],
        &["\"direction\": \"down\"", "\"jain_index\":", "\"converge_reason\":"],
    ),
];

/// Loopback, because the tests must also run without a network.
const DISCOVER_LOOPBACK: (&str, &str) = ("discover", "discover --interface lo");
const FOUND: &[&str] = &["scene (wirelab 0.1.0), ", " ms udp://127.0.0.1:"];

const EMPTY_RELAY: &[&str] = &["relaying 127.0.0.1:", "to server: 0 packets", "clients: 0"];

pub(super) const LINK: &[Example] = &[
    plain(
        "wirelab link --listen 127.0.0.1:9000 --to 127.0.0.1:9999",
        &[(":9000", ":0 -d 50ms")],
        EMPTY_RELAY,
    ),
    plain(
        "wirelab link --listen 4400 --to 4433 --loss 0% --rebind 5s",
        &[("4400", "0 -d 50ms"), ("5s", "20ms")],
        EMPTY_RELAY,
    ),
    plain(
        "wirelab link --listen 9000 --to 9999 --jitter 20ms --loss gilbert:1%:25%",
        &[("9000", "0 -d 50ms")],
        EMPTY_RELAY,
    ),
    plain(
        "wirelab link --listen 5300 --to '[::1]:53' --loss drop:1 --to-client loss=0%",
        &[("5300", "0 -d 50ms")],
        EMPTY_RELAY,
    ),
    plain(
        "wirelab link --listen 4400 --to 4433 --preset lte --duration 30s -J",
        &[("4400", "0"), ("30s", "50ms")],
        &["\"rate_bps\": 12000000", "\"to_server\""],
    ),
    plain(
        "wirelab link --listen 127.0.0.1:9000 --to 127.0.0.1:9999 --loss gilbert:1%:25%",
        &[(":9000", ":0 -d 50ms")],
        EMPTY_RELAY,
    ),
    plain(
        "wirelab link --listen 9000 --to 9999 --preset lte -d 1m -J",
        &[("9000", "0"), ("1m", "50ms")],
        &["\"rate_bps\": 12000000", "\"to_server\""],
    ),
    needing(
        &["netns", "curl", "python3"],
        "wirelab link --netns --pcap web.pcapng --server 'python3 -m http.server 80' -- curl -s 10.0.0.2",
        &[],
        &["Directory listing", "delivered"],
    ),
    needing(
        &["netns"],
        "wirelab link --netns --loss 0% --rebind 2s:ip --server ./server -- ./client",
        &[("./server -- ./client", "true --wait 0s -- true")],
        &["addresses that clients no longer had: 0"],
    ),
    needing(
        &["netns", "iperf3"],
        "wirelab link --netns --loss 0% --server 'iperf3 -s -1' -- iperf3 -c 10.0.0.2",
        &[("iperf3 -c", "iperf3 -t 1 -c")],
        &["iperf Done", "to server: "],
    ),
    needing(
        &["netns", "iperf3"],
        "wirelab link --netns --rate 100mbit --loss 0% --server 'iperf3 -s -1' -- sh -c 'iperf3 -c \"$WIRELAB_SERVER\"'",
        &[("iperf3 -c", "iperf3 -t 1 -c")],
        &["iperf Done", "to server: "],
    ),
    needing(
        &["netns", "python3", "curl"],
        "wirelab link --netns --server 'python3 -m http.server 80' -- curl -s 10.0.0.2",
        &[],
        &["Directory listing", "photo.jpg", "to server: "],
    ),
    needing(
        &["netns", "python3", "curl"],
        "wirelab link --netns --preset lte -J --server 'python3 -m http.server 80' -- curl -s -o page http://10.0.0.2/",
        &[("http://10.0.0.2/", "http://10.0.0.2/ && cat page")],
        &["Directory listing", "photo.jpg", "\"rate_bps\": 12000000"],
    ),
];

/// The page runs until it is stopped. An export needs an engine, which the tests' binary does not have.
pub(super) const LAB: &[Example] = &[
    plain(
        "wirelab lab --open",
        &[("wirelab lab --open", "timeout -s INT 2 wirelab lab || true")],
        &["http://127.0.0.1:"],
    ),
    failing("wirelab lab --export lab.html", 2, &["web-engine"]),
    failing("wirelab lab --export public/lab", 2, &["web-engine"]),
];

pub(super) const OTHERS: &[Example] = &[
    plain("wirelab report monday.json", &[], &["transport delivered on time lost"]),
    plain(
        "wirelab report monday.json -o monday.md",
        &[("monday.md", "monday.md && cat monday.md")],
        &["| transport |"],
    ),
    plain(
        "wirelab report monday.json -o monday.html",
        &[("monday.html", "monday.html && head -c 15 monday.html")],
        &["<!DOCTYPE html>"],
    ),
    plain(
        "wirelab report result.json -o result.html",
        &[("result.html", "result.html && head -c 15 result.html")],
        &["<!DOCTYPE html>"],
    ),
    plain(
        "wirelab report monday.json tuesday.json -o both.html",
        &[("both.html", "both.html && head -c 15 both.html")],
        &["Compared with the first result", "<!DOCTYPE html>"],
    ),
    plain(
        "wirelab report monday.json tuesday.json -o both.csv",
        &[("both.csv", "both.csv && wc -l < both.csv")],
        &[" 5 "],
    ),
    plain(
        "wirelab report result.json -o result.csv",
        &[("result.csv", "result.csv && head -c 14 result.csv")],
        &["transport,path"],
    ),
    plain(
        "wirelab properties",
        &[("properties", "properties -t udp,quic-one")],
        &["largest message 1472 over 1 MB", "losses repaired no yes"],
    ),
    plain(
        "wirelab properties -t udp,udp-hmac,dtls,tcp,quic-one",
        &[("udp,udp-hmac,dtls,tcp,quic-one", "udp,udp-hmac,dtls,quic-one")],
        &["losses repaired no no no yes", "content hidden no no yes yes"],
    ),
    plain(
        "wirelab properties -t udp,quic --explain",
        &[("udp,quic", "udp")],
        &["order kept no", "Counted: replies that came after the reply to a later message"],
    ),
    plain(
        "wirelab properties -o properties.md",
        &[("-o properties.md", "-t udp -o properties.md && cat properties.md")],
        &["| largest message | 1472 |"],
    ),
    plain("wirelab verify", &[("verify", "verify --only 1,2")], &["UDP echo, 1% lost each way", " ok "]),
    plain("wirelab verify --only 1,3 -J", &[], &["\"passed\": true"]),
    plain(
        "wirelab serve",
        &[("serve", "serve udp://:0 arq://:0 tcp://:0 tls://:0 quic://:0 --for 50ms")],
        &["listening on udp://127.0.0.1:", "listening on quic://127.0.0.1:", "(echo)"],
    ),
    plain(
        "wirelab serve udp://0.0.0.0:9999 --allow 192.168.1.0/24",
        &[(":9999", ":0 --for 50ms")],
        &["listening on udp://0.0.0.0:"],
    ),
    plain(
        "wirelab serve 'quic://[::]:4433' --name lab.example --service hello",
        &[("'quic://[::]:4433'", "'quic://[::]:0' --certs new --for 50ms")],
        &["made new certificates", "lab.example", "listening on quic://", "(hello)"],
    ),
    plain(
        "wirelab serve udp://0.0.0.0:9999 quic://0.0.0.0:4433 --name lab.example",
        &[(":9999", ":0"), (":4433", ":0 --certs new --for 50ms")],
        &["lab.example", "listening on udp://0.0.0.0:", "listening on quic://0.0.0.0:"],
    ),
    plain(
        "wirelab serve tcp://127.0.0.1:0 --for 10s",
        &[("10s", "50ms")],
        &["listening on tcp://127.0.0.1:", "0 messages"],
    ),
    plain(
        "wirelab serve udp://127.0.0.1:9999 --service hello",
        &[(":9999", ":0 --for 50ms")],
        &["listening on udp://127.0.0.1:", "(hello)"],
    ),
    plain(
        "wirelab send udp://127.0.0.1:9999 Michael Tracy Sarah",
        &[("9999", "{hello-port}")],
        &["Hello, Michael! Hello, Tracy! Hello, Sarah!"],
    ),
    plain(
        "wirelab serve udp://127.0.0.1:8888 --service json",
        &[(":8888", ":0 --for 50ms")],
        &["listening on udp://127.0.0.1:", "(json)"],
    ),
    plain(
        "wirelab send udp://127.0.0.1:8888 '{\"a\": 1}' 'not json'",
        &[("8888", "{json-port}")],
        &[r#"{"status":"ok","value":{"a":1},"received":""#, r#"{"status":"error","error":"expected ident""#],
    ),
    plain(
        "wirelab serve tcp://127.0.0.1:7788 --service thanks",
        &[(":7788", ":0 --for 50ms")],
        &["listening on tcp://127.0.0.1:", "(thanks)"],
    ),
    plain("wirelab send tcp://127.0.0.1:7788 hi", &[("7788", "{thanks-port}")], &["thank you !"]),
    plain(
        "wirelab serve udp://127.0.0.1:9999 tcp://127.0.0.1:9999",
        // A port that is free on UDP may be taken on TCP, so each has its own here.
        &[("udp://127.0.0.1:9999", "udp://127.0.0.1:0"), ("9999", "0 --for 50ms")],
        &["listening on udp://127.0.0.1:", "listening on tcp://127.0.0.1:"],
    ),
    plain(
        "wirelab serve udp://127.0.0.1:9999 --max-message 1KB",
        &[(":9999", ":0 --for 50ms")],
        &["listening on udp://127.0.0.1:"],
    ),
    plain(
        "wirelab serve udp://0.0.0.0:9999 --discoverable",
        &[(":9999", ":0 --for 50ms")],
        &["listening on udp://0.0.0.0:", "discovery: 0 messages"],
    ),
    plain(
        "wirelab serve udp://0.0.0.0:9999 quic://0.0.0.0:4433 --discoverable=lab",
        &[(":9999", ":0"), (":4433", ":0 --for 50ms")],
        &["listening on udp://0.0.0.0:", "listening on quic://0.0.0.0:", "discovery: 0 messages"],
    ),
    plain("wirelab discover", &[DISCOVER_LOOPBACK], FOUND),
    plain("wirelab discover --broadcast --wait 3s", &[DISCOVER_LOOPBACK, ("3s", "500ms")], FOUND),
    plain("wirelab discover --scope site --hops 4", &[DISCOVER_LOOPBACK], FOUND),
    plain(
        "wirelab discover --interface eth0 -J",
        &[("eth0", "lo")],
        &["\"name\": \"scene\"", "\"round_trip_ns\": ", "\"udp://127.0.0.1:"],
    ),
    plain(
        "wirelab send 'quic://localhost?streams=datagram' -v hello",
        &[("quic://localhost", "{quic}")],
        &["hello", "5 bytes from quic://"],
    ),
    plain(
        r#"printf '{"a": 1}\n[2]\n' | wirelab send tls://localhost"#,
        &[("tls://localhost", "{tls}")],
        &[r#"{"a": 1} [2]"#],
    ),
    plain(
        "wirelab send udp://192.168.1.7 --timeout 200ms --retries 3 ping",
        &[("udp://192.168.1.7", "{udp}"), ("200ms", "2s")],
        &["ping"],
    ),
    plain("wirelab send udp://127.0.0.1 hello", &[("udp://127.0.0.1", "{udp}")], &["hello"]),
    plain(
        "wirelab send quic://localhost one two three",
        &[("quic://localhost", "{quic}")],
        &["one two three"],
    ),
    plain(
        "wirelab send \"arq://localhost?mode=go-back-n\" one two three",
        &[("arq://localhost", "{arq}")],
        &["one two three"],
    ),
    needing(
        &["python3"],
        "python3 -c \"import socket; s=socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.sendto(b'Michael', \
         ('127.0.0.1', 9999)); print(s.recv(1024))\"",
        &[("9999", "{hello-port}")],
        &["b'Hello, Michael!'"],
    ),
    plain("wirelab certs", &[], &["certs/ca.pem: CN=", "certs/server.pem: CN=", "expires"]),
    plain("wirelab certs --renew --name lab.example", &[], &["localhost", "lab.example", "expires"]),
    needing(
        &["openssl"],
        "openssl s_client -connect localhost:9443 -CAfile certs/ca.pem",
        &[("localhost:9443", "{tls-address} -servername localhost < /dev/null")],
        &["Verify return code: 0 (ok)"],
    ),
    needing(
        &["openssl"],
        "openssl s_client -dtls1_2 -connect localhost:9997 -CAfile certs/ca.pem",
        &[("localhost:9997", "{dtls-address} < /dev/null")],
        &["Verify return code: 0 (ok)"],
    ),
    plain(
        "wirelab completions bash > ~/.local/share/bash-completion/completions/wirelab",
        &[("~/.local/share/bash-completion/completions/wirelab", "wirelab.bash && cat wirelab.bash")],
        &["_wirelab()"],
    ),
    plain("wirelab man serve | man -l -", &[("man -l -", "cat")], &[".TH wirelab-serve"]),
];

/// Those of docs/artifacts.md.
pub(super) const ARTIFACTS: &[Example] = &[
    needing(
        &["tshark"],
        r#"wirelab bench -t quic-one --pcap run.pcapng -q && tshark -r run.pcapng -Y 'frame.comment contains "lost"'"#,
        &[BENCH_SHORT],
        &["QUIC"],
    ),
    needing(
        &["tshark"],
        "wirelab bench -t quic-one --pcap run.pcapng -q && tshark -r run.pcapng -Y quic.stream_data -T fields -e frame.time_relative -e quic.stream.offset",
        &[BENCH_SHORT],
        &["0.0"],
    ),
    needing(
        &["netns", "tshark"],
        "wirelab bench -t tcp --path netns --loss 2% --pcap tcp.pcapng -q && tshark -r tcp.pcapng -Y 'frame.interface_id == 0' -w client.pcapng && tshark -r client.pcapng -q -z expert,note",
        &[BENCH_SHORT],
        &["This frame is a (suspected) retransmission"],
    ),
    needing(
        &["python3", "module pandas"],
        r#"wirelab hol -t quic-one,quic-flow --samples samples.csv -q && python3 -c "import pandas as pd; d = pd.read_csv('samples.csv'); d['latency_ms'] = (d.client_released_ns - d.due_ns) / 1e6; print(d.groupby('transport').latency_ms.describe())""#,
        &[HOL_SHORT],
        &["count mean std", "quic-flow", "quic-one"],
    ),
    needing(
        &["python3", "module polars"],
        r#"wirelab hol -t quic-one,quic-flow --samples samples.jsonl -q && python3 -c "import polars as pl; d = pl.read_ndjson('samples.jsonl', infer_schema_length=None); print(d.group_by('transport').agg(((pl.col('client_released_ns') - pl.col('due_ns')).mean() / 1e6).alias('mean_ms')).sort('transport'))""#,
        &[HOL_SHORT],
        &["mean_ms", "quic-flow", "quic-one"],
    ),
    needing(
        &["python3", "module duckdb"],
        r#"wirelab hol -t quic-one,quic-flow --samples samples.jsonl -q && python3 -c "import duckdb; print(duckdb.sql(\"SELECT transport, status, count(*) AS messages, median(client_released_ns - due_ns) / 1e6 AS median_ms FROM 'samples.jsonl' GROUP BY ALL ORDER BY ALL\"))""#,
        &[HOL_SHORT],
        &["median_ms", "quic-flow │ delivered"],
    ),
    needing(
        &["Rscript"],
        r#"wirelab hol -t quic-one,quic-flow --samples samples.csv -q && Rscript -e 'd <- read.csv("samples.csv"); d$ms <- (d$client_released_ns - d$due_ns) / 1e6; print(aggregate(ms ~ transport, d, median))'"#,
        &[HOL_SHORT],
        &["transport ms", "quic-flow", "quic-one"],
    ),
    needing(
        &["gnuplot"],
        r#"wirelab bench -t quic-one --seeds 1 --samples samples.csv -q && gnuplot -e "set datafile separator ','; set terminal svg; set output 'latency.svg'; set xlabel 'sent at (s)'; set ylabel 'latency (ms)'; plot 'samples.csv' using (column('due_ns')/1e9):((column('client_released_ns')-column('due_ns'))/1e6) title 'quic-one'""#,
        &[BENCH_SAMPLED, ("title 'quic-one'\"", "title 'quic-one'\" && cat latency.svg")],
        &["<title>Gnuplot</title>", "quic-one"],
    ),
];
