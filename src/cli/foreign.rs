//! What users of other programs type, and what it is called here. Options that mean exactly the same are aliases, where
//! the options are; docs/coming-from.md lists both.

/// An option of other programs.
struct Foreign {
    names: &'static [&'static str],
    /// The commands where this holds; all others if there is none.
    commands: &'static [&'static str],
    instead: &'static str,
}

const MESSAGES: &[&str] = &["bench", "hol"];
const ALL: &[&str] = &[];

/// Those of a command before those of all.
const OPTIONS: &[Foreign] = &[
    Foreign {
        names: &["-n", "--count", "--num", "-k", "--blockcount"],
        commands: MESSAGES,
        instead: "messages follow from time; 1000 of them are --interval 10ms --duration 10s",
    },
    Foreign { names: &["-n", "--num"], commands: &["serve"], instead: "use --count" },
    Foreign {
        names: &["-n", "--count", "-k", "--blockcount"],
        commands: &["send"],
        instead: "each MESSAGE is sent once; name it several times",
    },
    Foreign {
        names: &["-n", "--num"],
        commands: ALL,
        instead: "transfer has --bytes, handshake --connections, serve --count",
    },
    Foreign {
        names: &["-b", "--bitrate", "--bandwidth", "--bw"],
        commands: &["link"],
        instead: "the rate of the link is --rate 20mbit",
    },
    Foreign {
        names: &["-b", "--bitrate", "--bandwidth", "--bw"],
        commands: ALL,
        instead: "the rate of the link is --rate 20mbit; what bench and hol offer follows from --interval and --length",
    },
    Foreign {
        names: &["-c", "--client", "--host", "-H"],
        commands: ALL,
        instead: "name the server as a URL, such as wirelab bench udp://HOST tcp://HOST quic://HOST",
    },
    Foreign { names: &["-s", "--server"], commands: ALL, instead: "wirelab serve runs the servers" },
    Foreign {
        names: &["-p", "--port"],
        commands: &["link"],
        instead: "--listen PORT is where it listens, --to HOST:PORT the server",
    },
    Foreign {
        names: &["-p", "--port", "-B", "--bind"],
        commands: ALL,
        instead: "the address and the port are in the URL, as in udp://127.0.0.1:9999",
    },
    Foreign { names: &["-u", "--udp"], commands: ALL, instead: "use -t udp, or a URL with udp://" },
    Foreign { names: &["--tcp"], commands: ALL, instead: "use -t tcp, or a URL with tcp://" },
    Foreign { names: &["--quic"], commands: ALL, instead: "use -t quic, or a URL with quic://" },
    Foreign { names: &["-P", "--parallel", "--streams"], commands: ALL, instead: "use --flows" },
    Foreign { names: &["--time"], commands: ALL, instead: "use --duration" },
    Foreign { names: &["-O", "--omit"], commands: ALL, instead: "use --warmup" },
    Foreign { names: &["--window"], commands: ALL, instead: "use --congestion fixed:BYTES" },
    Foreign { names: &["-r", "--min-runs", "--max-runs", "--repeat"], commands: ALL, instead: "use --seeds" },
    Foreign {
        names: &["-R", "--reverse"],
        commands: ALL,
        instead: "messages travel both ways here; transfer has --down",
    },
    Foreign {
        names: &["--export-json", "--export-csv", "--export-markdown", "--logfile", "--out"],
        commands: ALL,
        instead: "use --output FILE, with an ending such as .json or .csv",
    },
    Foreign { names: &["--limit"], commands: ALL, instead: "use --queue 100p" },
    Foreign {
        names: &["--latency", "--ping"],
        commands: ALL,
        instead: "use --rtt for the round trip or --delay for one way",
    },
    Foreign { names: &["--size", "--len", "--bytes", "--payload"], commands: ALL, instead: "use --length" },
    Foreign { names: &["--packet-loss", "--drop"], commands: ALL, instead: "use --loss" },
    Foreign {
        names: &["--no-color", "--no-colour", "--color", "--colour"],
        commands: &["serve", "send", "link", "verify", "certs", "completions", "man"],
        instead: "its output has no colour; leave it out",
    },
    Foreign { names: &["--color", "--colour"], commands: ALL, instead: "use --no-color, or set NO_COLOR" },
    Foreign { names: &["--ipv4"], commands: ALL, instead: "use -4" },
    Foreign { names: &["--ipv6"], commands: ALL, instead: "use -6" },
];

/// What to use instead of an option of another program.
pub(super) fn instead(command: &str, option: &str) -> Option<&'static str> {
    let holds = |foreign: &&Foreign| {
        foreign.names.contains(&option)
            && (foreign.commands.is_empty() || foreign.commands.contains(&command))
    };
    OPTIONS.iter().find(holds).map(|foreign| foreign.instead)
}

/// The command that is called `name` elsewhere.
pub(super) fn command(name: &str) -> Option<&'static str> {
    match name {
        "server" | "listen" => Some("serve"),
        "client" | "nc" | "echo" => Some("send, or bench to measure"),
        "ping" | "latency" | "run" | "test" | "benchmark" | "compare" => Some("bench"),
        "netem" | "relay" | "proxy" | "emulate" => Some("link"),
        "throughput" | "perf" | "iperf" | "iperf3" | "copy" | "send-file" => Some("transfer"),
        "show" | "render" | "plot" => Some("report"),
        "cert" | "certificates" => Some("certs"),
        _ => None,
    }
}

/// The option of a word of netem, such as `delay 50ms`.
pub(super) fn netem(word: &str) -> Option<&'static str> {
    match word {
        "delay" => Some("--delay 50ms"),
        "loss" => Some("--loss 1%"),
        "rate" => Some("--rate 20mbit"),
        "limit" => Some("--queue 100p"),
        "duplicate" => Some("--duplicate 1%"),
        "corrupt" => Some("--corrupt 1%"),
        "reorder" => Some("--reorder 1%"),
        _ => None,
    }
}
