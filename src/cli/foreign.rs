//! What users of other programs type, and what it is called here. Options that mean exactly the same are aliases, where
//! the options are; docs/coming-from.md lists both.

use clap::{Arg, Command};

/// An option of other programs.
struct Foreign {
    names: &'static [&'static str],
    /// The commands where this holds. If there is none: all that have the options which `instead` names.
    commands: &'static [&'static str],
    /// What to write. In each part up to a comma, semicolon or colon the options come last, those of another command
    /// after `wirelab COMMAND`.
    instead: &'static str,
}

const MESSAGES: &[&str] = &["bench", "hol"];
const ALL: &[&str] = &[];
const COUNT: &[&str] = &["-n", "--count", "--num", "-k", "--blockcount"];
const SERVER: &[&str] = &["-c", "--client", "--host", "-H"];
const RATE: &[&str] = &["-b", "--bitrate", "--bandwidth", "--bw"];
const OMIT: &[&str] = &["-O", "--omit"];
const STREAMS: &[&str] = &["-P", "--parallel", "--streams"];
const TIME: &[&str] = &["--time", "-d", "--duration"];

/// Those of a command before those of all.
const OPTIONS: &[Foreign] = &[
    Foreign {
        names: COUNT,
        commands: MESSAGES,
        instead: "messages follow from time: 1000 of them are --interval 10ms --duration 10s",
    },
    Foreign { names: COUNT, commands: &["serve"], instead: "use --count 1" },
    Foreign {
        names: COUNT,
        commands: &["send"],
        instead: "each MESSAGE is sent once; name it several times",
    },
    Foreign { names: COUNT, commands: ALL, instead: "use --connections 100" },
    Foreign { names: COUNT, commands: ALL, instead: "use --bytes 10MB" },
    Foreign {
        names: RATE,
        commands: MESSAGES,
        instead: "the rate of the link is --rate 20mbit; what is offered follows from --interval 10ms --length 1KB",
    },
    Foreign { names: RATE, commands: ALL, instead: "the rate of the link is --rate 20mbit" },
    Foreign {
        names: SERVER,
        commands: &["handshake", "share", "verify", "properties"],
        instead: "it measures servers of its own; those elsewhere: wirelab bench udp://HOST",
    },
    Foreign {
        names: SERVER,
        commands: &["send"],
        instead: "name the server as a URL: wirelab send udp://HOST MESSAGE",
    },
    Foreign { names: SERVER, commands: &["link"], instead: "the server is --to HOST:PORT" },
    Foreign {
        names: SERVER,
        commands: ALL,
        instead: "name the server as a URL: wirelab bench udp://HOST tcp://HOST",
    },
    Foreign { names: &["-s", "--server"], commands: ALL, instead: "wirelab serve runs the servers" },
    Foreign {
        names: &["-p", "--port"],
        commands: &["link"],
        instead: "where it listens is --listen PORT, the server --to HOST:PORT",
    },
    Foreign {
        names: &["-p", "--port", "-B", "--bind"],
        commands: ALL,
        instead: "the address and the port are in the URL, as in udp://127.0.0.1:9999",
    },
    Foreign { names: &["--local"], commands: ALL, instead: "the system chooses the client's address" },
    Foreign { names: &["-u", "--udp"], commands: ALL, instead: "use -t udp, or a URL with udp://" },
    Foreign { names: &["-u", "--udp"], commands: &["send", "serve"], instead: "use a URL with udp://" },
    Foreign { names: &["--tcp"], commands: ALL, instead: "use -t tcp, or a URL with tcp://" },
    Foreign { names: &["--tcp"], commands: &["send", "serve"], instead: "use a URL with tcp://" },
    Foreign { names: &["--quic"], commands: ALL, instead: "use -t quic, or a URL with quic://" },
    Foreign { names: &["--quic"], commands: &["send", "serve"], instead: "use a URL with quic://" },
    Foreign { names: &["-u", "--udp"], commands: &["share"], instead: "use -t udp@10mbit" },
    Foreign { names: &["--quic"], commands: &["share"], instead: "use -t quic-one" },
    Foreign { names: &["--hmac"], commands: MESSAGES, instead: "signed messages are -t udp-hmac" },
    Foreign {
        names: STREAMS,
        commands: &["share"],
        instead: "name each connection, as in -t tcp,tcp,quic-one",
    },
    Foreign { names: STREAMS, commands: &["handshake"], instead: "use --parallel 8" },
    Foreign { names: STREAMS, commands: ALL, instead: "use --flows 8" },
    Foreign { names: TIME, commands: ALL, instead: "use --duration 10s" },
    Foreign { names: TIME, commands: &["transfer"], instead: "it ends with its content: use --bytes 10MB" },
    Foreign {
        names: TIME,
        commands: &["handshake"],
        instead: "it ends with its connections: use --connections 100",
    },
    Foreign { names: OMIT, commands: ALL, instead: "use --warmup 3s" },
    Foreign {
        names: &["-O", "--omit", "-w", "--warmup"],
        commands: &["transfer", "handshake"],
        instead: "there is no warm-up: all is measured, from the first packet",
    },
    Foreign { names: &["--window"], commands: ALL, instead: "use --congestion fixed:1MB" },
    Foreign {
        names: &["-r", "--min-runs", "--max-runs", "--repeat"],
        commands: ALL,
        instead: "use --seeds 10",
    },
    Foreign {
        names: &["-L", "--parameter-list", "--parameter-scan"],
        commands: &["bench", "hol", "handshake", "transfer", "share"],
        instead: "lists make a matrix: --loss 0%,1%",
    },
    Foreign {
        names: &["--prepare", "--setup", "--cleanup", "--conclude"],
        commands: ALL,
        instead: "each run has new clients and servers, so there is nothing to prepare",
    },
    Foreign {
        names: &["-R", "--reverse", "--bidir", "--dualtest"],
        commands: MESSAGES,
        instead: "messages travel both ways here; one way is wirelab transfer --down",
    },
    Foreign {
        names: &["--bidir", "--dualtest"],
        commands: &["transfer", "share"],
        instead: "the other direction is --down; both at once: wirelab bench --path netns --background tcp",
    },
    Foreign {
        names: &["-l", "--len", "--length"],
        commands: &["transfer", "share"],
        instead: "packets are as long as the link allows: --mtu 1400",
    },
    Foreign {
        names: &["-M", "--set-mss", "--mss"],
        commands: ALL,
        instead: "the longest packet of the link is --mtu 1400",
    },
    Foreign { names: &["-Z", "--zerocopy"], commands: ALL, instead: "sockets have no such option here" },
    Foreign {
        names: &["-S", "--tos", "--dscp"],
        commands: ALL,
        instead: "the DSCP of packets cannot be set",
    },
    Foreign {
        names: &["--export-json", "--export-csv", "--export-markdown", "--logfile", "--out"],
        commands: ALL,
        instead: "the ending chooses the format: use --output result.json",
    },
    Foreign { names: &["--limit"], commands: ALL, instead: "use --queue 100p" },
    Foreign { names: &["--distribution"], commands: ALL, instead: "use --jitter 5ms:normal" },
    Foreign {
        names: &["--slot"],
        commands: ALL,
        instead: "the link has no slots; a delay that varies is --jitter 5ms",
    },
    Foreign {
        names: &["--latency", "--ping"],
        commands: ALL,
        instead: "the round trip is --rtt 50ms, one way --delay 25ms",
    },
    Foreign { names: &["--size", "--len", "--payload"], commands: ALL, instead: "use --length 1KB" },
    Foreign { names: &["--bytes"], commands: ALL, instead: "use --length 1KB" },
    Foreign { names: &["--packet-loss", "--drop"], commands: ALL, instead: "use --loss 1%" },
    Foreign {
        names: &["--no-color", "--no-colour", "--color", "--colour"],
        commands: &["serve", "send", "link", "verify", "certs", "completions", "man"],
        instead: "its output has no colour; leave it out",
    },
    Foreign { names: &["--color", "--colour"], commands: ALL, instead: "set NO_COLOR, or use --no-color" },
    Foreign { names: &["--ipv4"], commands: ALL, instead: "use -4" },
    Foreign { names: &["--ipv6"], commands: ALL, instead: "use -6" },
];

impl Foreign {
    /// The command lines that it advises, without their values' meaning: a command and its arguments. `own` is the
    /// command that was typed.
    fn advised<'a>(&self, own: &'a str) -> Vec<(&'a str, Vec<&'static str>)>
    where
        'static: 'a,
    {
        let parts =
            self.instead.split("; ").flat_map(|part| part.split(": ")).flat_map(|part| part.split(", "));
        let advised = parts.filter_map(|part| {
            let words: Vec<&'static str> = part.split_whitespace().collect();
            if let Some(at) = words.iter().position(|word| *word == "wirelab") {
                return Some((*words.get(at + 1)?, words[at + 2..].to_vec()));
            }
            let first = words.iter().position(|word| word.starts_with('-'))?;
            Some((own, words[first..].to_vec()))
        });
        advised.collect()
    }

    /// Whether `command` has the options that it names for the command that was typed.
    fn fits(&self, command: &Command) -> bool {
        let own = command.get_name();
        let has = |word: &&str| command.get_arguments().any(|arg| is_called(arg, word));
        let advised = self.advised(own);
        let mut own = advised.iter().filter(|(name, _)| *name == own).flat_map(|(_, words)| words);
        own.all(|word| !word.starts_with('-') || has(word))
    }
}

/// Whether `word` is a name of `arg`.
fn is_called(arg: &Arg, word: &str) -> bool {
    match word.strip_prefix("--") {
        Some(long) => {
            arg.get_long() == Some(long) || arg.get_all_aliases().is_some_and(|all| all.contains(&long))
        }
        None => word.chars().nth(1) == arg.get_short(),
    }
}

/// What to use instead of an option of another program. `command` is the one that was typed, if any.
pub(super) fn instead(command: Option<&Command>, option: &str) -> Option<&'static str> {
    let fits = |foreign: &&Foreign| match command {
        Some(command) if foreign.commands.is_empty() => foreign.fits(command),
        Some(command) => foreign.commands.contains(&command.get_name()),
        None => foreign.commands.is_empty(),
    };
    let named = || OPTIONS.iter().filter(|foreign| foreign.names.contains(&option)).filter(fits);
    // A hint for this command comes before one for all commands.
    let found = named().find(|foreign| !foreign.commands.is_empty()).or_else(|| named().next());
    found.map(|foreign| foreign.instead)
}

/// What to write instead of a value of another program: iperf3's `-w` is a window.
pub(super) fn value(option: &str, value: &str) -> Option<String> {
    let is_size =
        value.ends_with(['K', 'M', 'G', 'k', 'g']) && value.starts_with(|c: char| c.is_ascii_digit());
    (option == "--warmup" && is_size)
        .then(|| format!("`{value}` is not a time; a window of that size is -C fixed:{value}B"))
}

/// Commands of other programs, and what they are here.
const COMMANDS: &[(&[&str], &str)] = &[
    (&["server", "listen"], "serve"),
    (&["client", "nc", "echo"], "send"),
    (&["ping", "latency", "run", "test", "benchmark", "compare", "irtt", "hyperfine"], "bench"),
    (&["flent", "rrul"], "bench --path netns --background tcp"),
    (&["netem", "relay", "proxy", "emulate", "tc"], "link"),
    (&["throughput", "perf", "iperf", "iperf3", "copy", "send-file"], "transfer"),
    (&["show", "render", "plot"], "report"),
    (&["cert", "certificates"], "certs"),
];

/// The command that is called `name` elsewhere.
pub(super) fn command(name: &str) -> Option<&'static str> {
    COMMANDS.iter().find(|(names, _)| names.contains(&name)).map(|(_, here)| *here)
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

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, error::ErrorKind};

    use super::*;
    use crate::cli::Cli;

    /// A hint with values in place of the names of values.
    fn filled(word: &str) -> String {
        ["HOST:PORT", "HOST", "PORT", "FILE", "MESSAGE"]
            .iter()
            .zip(["localhost:9999", "localhost", "9999", "key", "hello"])
            .fold(word.to_owned(), |word, (name, value)| word.replace(name, value))
    }

    /// Whether the line is understood; another argument may be missing.
    fn check(command: &str, words: &[&str], hint: &str) {
        let line = ["wirelab", command].into_iter().chain(words.iter().copied());
        let parsed = Cli::command().try_get_matches_from(line.map(filled));
        let error = parsed.err().filter(|error| error.kind() != ErrorKind::MissingRequiredArgument);
        assert!(error.is_none(), "{command}: {hint}: {}", error.unwrap());
    }

    #[test]
    fn each_hint_parses_for_each_command_that_gives_it() {
        let mut all = Cli::command();
        all.build();
        for command in all.get_subcommands() {
            for name in OPTIONS.iter().flat_map(|foreign| foreign.names) {
                if command.get_arguments().any(|arg| is_called(arg, name)) {
                    continue;
                }
                let Some(hint) = instead(Some(command), name) else { continue };
                let foreign = OPTIONS.iter().find(|foreign| foreign.instead == hint).unwrap();
                for (command, words) in foreign.advised(command.get_name()) {
                    let words = if command == "serve" { &[][..] } else { &words[..] };
                    check(command, words, hint);
                }
            }
        }
        for (_, here) in COMMANDS {
            let words: Vec<&str> = here.split(' ').collect();
            check(words[0], &words[1..], here);
        }
    }

    #[test]
    fn no_hint_is_never_given() {
        let mut all = Cli::command();
        all.build();
        for foreign in OPTIONS {
            let is_given = all.get_subcommands().any(|command| {
                foreign.names.iter().any(|name| {
                    instead(Some(command), name) == Some(foreign.instead)
                        && !command.get_arguments().any(|arg| is_called(arg, name))
                })
            });
            assert!(is_given, "{}", foreign.instead);
        }
    }
}
