//! Options that have no effect on the given transports and URLs. Each is reported, because the user expects an effect.

use clap::{Arg, ArgMatches, Command, FromArgMatches as _, parser::ValueSource};
use wirelab::{
    experiment::{PathKind, application::Application, page::PagePlan},
    link::{Aqm, LinkSpec, Loss, Preset},
    target::Target,
    transport::{Controllers, Credentials, Mapping, Shape, Transport},
    unit::PerDirection,
};

use super::{
    if_known,
    options::{
        link::{LinkArgs, PRESET},
        transports::Transports,
        workload::Traffic,
    },
    system::may_observe_tcp,
};

/// Options, and what they need to have an effect.
struct Row {
    /// Argument ids, which are the names of their fields.
    options: &'static [&'static str],
    commands: &'static [&'static str],
    has_effect: fn(&Asked) -> bool,
    why: &'static str,
    /// Whether the option is then an error. Otherwise it gets a note: a script may pass one option to several
    /// transports.
    is_error: bool,
}

const BY_URL: &[&str] = &["bench", "hol", "transfer"];

/// If an option has no effect by several rows, the first gives the reason.
const ROWS: &[Row] = &[
    Row {
        options: &["ca", "server_name", "insecure", "key_file", "ipv4", "ipv6", "timeout"],
        commands: BY_URL,
        has_effect: |asked| !asked.urls.is_empty(),
        why: "is for servers by URL; name one",
        is_error: true,
    },
    Row {
        options: &["pcap"],
        commands: BY_URL,
        has_effect: |asked| {
            let has_datagrams = asked.any(|transport| transport.shape() != Shape::Stream);
            asked.urls.is_empty() || has_datagrams || may_observe_tcp()
        },
        why: "the packets of tcp:// and tls:// are the kernel's, and capturing them takes CAP_NET_RAW: run as root",
        is_error: true,
    },
    Row {
        options: &["qlog"],
        commands: BY_URL,
        has_effect: |asked| asked.urls.is_empty(),
        why: "a server by URL is not traced; only runs without URLs are",
        is_error: true,
    },
    Row {
        options: &["ca", "server_name", "insecure"],
        commands: &["bench", "hol", "transfer", "send"],
        has_effect: |asked| asked.any(|transport| transport.scheme().credentials.is_certificate()),
        why: "no server that is named has a certificate",
        is_error: false,
    },
    Row {
        options: &["key_file"],
        commands: &["bench", "hol", "transfer", "send", "serve"],
        has_effect: |asked| asked.any(|transport| transport.scheme().credentials == Credentials::SharedKey),
        why: "it is for udp-hmac://, and no such URL is named",
        is_error: false,
    },
    Row {
        options: &["retries"],
        commands: &["send"],
        has_effect: |asked| asked.any(|transport| transport.shape() == Shape::Datagrams),
        why: "it is for raw datagrams; this transport retransmits by itself",
        is_error: false,
    },
    Row {
        options: &["max_window", "window_memory"],
        commands: &["serve"],
        has_effect: |asked| {
            asked.any(|transport| matches!(transport.shape(), Shape::Quic(_) | Shape::Arq(_)))
        },
        why: "it is for quic:// and arq://, and no such URL is named",
        is_error: false,
    },
    Row {
        options: &["keylog"],
        commands: &["bench", "hol", "transfer", "handshake"],
        has_effect: |asked| asked.any(|transport| transport.scheme().credentials.is_certificate()),
        why: "none of these transports is encrypted",
        is_error: false,
    },
    Row {
        options: &["qlog"],
        commands: &["bench", "hol", "transfer", "handshake"],
        has_effect: |asked| asked.any(|transport| transport.shape() != Shape::Datagrams),
        why: "raw datagrams have no connections, and none of these transports has any",
        is_error: true,
    },
    Row {
        options: &["retry_above", "max_streams", "early_data"],
        commands: &["serve"],
        has_effect: |asked| asked.any(|transport| matches!(transport.shape(), Shape::Quic(_))),
        why: "it is for quic://, and no such URL is named",
        is_error: false,
    },
    Row {
        options: &["pace"],
        commands: &["transfer"],
        has_effect: |asked| asked.any(|transport| transport.shape() == Shape::Datagrams),
        why: "it is for raw datagrams; the other transports find their own rate, and --rate limits the link",
        is_error: false,
    },
    Row {
        options: &["flows"],
        commands: &["transfer"],
        has_effect: |asked| asked.any(|transport| transport.shape() == Shape::Quic(Mapping::Flow)),
        why: "it is for quic-flow alone",
        is_error: false,
    },
    Row {
        options: &["congestion"],
        commands: &["bench", "hol", "handshake", "transfer"],
        has_effect: |asked| asked.any(|transport| !matches!(transport.spec().controllers, Controllers::None)),
        why: "none of these transports has congestion control",
        is_error: false,
    },
    Row {
        options: &["congestion"],
        commands: &["bench", "hol", "handshake", "transfer"],
        has_effect: |asked| {
            let of_kernel =
                |transport: &Transport| matches!(transport.spec().controllers, Controllers::Kernel);
            let of_others = |transport: &Transport| {
                matches!(transport.spec().controllers, Controllers::All | Controllers::NoBbr(_))
            };
            asked.sets_kernel_controller || asked.any(of_others) || !asked.any(of_kernel)
        },
        why: "the kernel chooses the controller of TCP, except with --path netns",
        is_error: false,
    },
    Row {
        options: &[
            "interval",
            "length",
            "reply_length",
            "arrivals",
            "duration",
            "warmup",
            "wait",
            "deadline",
        ],
        commands: &["bench", "hol"],
        has_effect: |asked| !asked.is_page(),
        why: "it is for messages on a schedule, and a page has none",
        is_error: false,
    },
    Row {
        options: &["flows"],
        commands: &["bench", "hol"],
        has_effect: |asked| {
            !asked.is_page() || asked.any(|transport| transport.mapping() == Some(Mapping::Flow))
        },
        why: "it is for quic-flow alone where a page is loaded",
        is_error: false,
    },
    Row {
        options: &["mode", "connections", "loads"],
        commands: &["bench", "hol"],
        has_effect: Asked::is_page,
        why: "is for a page: --workload page",
        is_error: true,
    },
    Row {
        options: &["connections"],
        commands: &["bench", "hol"],
        has_effect: |asked| asked.any(|transport| PagePlan::has_connections(*transport)),
        why: "it is for tcp and tls; the other transports need one connection",
        is_error: false,
    },
    Row {
        options: &["mode"],
        commands: &["bench", "hol"],
        has_effect: |asked| asked.any(|transport| transport.spec().resumes_sessions),
        why: "none of these transports resumes sessions",
        is_error: false,
    },
    Row {
        options: &["flows", "interval", "reply_length", "arrivals"],
        commands: &["bench", "hol"],
        has_effect: |asked| asked.is_page() || asked.application == Application::Messages,
        why: "it is for independent messages, and this --workload has its own",
        is_error: false,
    },
    Row {
        options: &["deadline"],
        commands: &["bench", "hol"],
        has_effect: |asked| asked.application.video().is_none(),
        why: "a frame of a video has its --playout",
        is_error: false,
    },
    Row {
        options: &["playout", "drop_late"],
        commands: &["bench", "hol"],
        has_effect: |asked| asked.application.video().is_some(),
        why: "is for a video call: --workload video",
        is_error: true,
    },
    Row {
        options: &["drop_late"],
        commands: &["bench", "hol"],
        has_effect: |asked| asked.any(|transport| transport.mapping() == Some(Mapping::Message)),
        why: "only quic-message has a stream per frame that it can reset",
        is_error: false,
    },
    Row {
        options: &["packet_threshold", "time_threshold"],
        commands: &["bench", "hol", "handshake", "transfer"],
        has_effect: |asked| asked.any(|transport| transport.has_thresholds()),
        why: "it is for QUIC and arq, and none of these transports is either",
        is_error: false,
    },
    Row {
        options: &["ecn"],
        commands: &["bench", "hol", "handshake", "transfer", "share", "link"],
        has_effect: |asked| asked.may_mark,
        why: "without --aqm the queue drops packets when it is full, and marks none",
        is_error: false,
    },
    Row {
        options: &["keep-order"],
        commands: &["bench", "hol", "handshake", "transfer", "share", "link"],
        has_effect: |asked| asked.may_reorder,
        why: "it is for packets that --jitter reorders, and this link has no jitter",
        is_error: false,
    },
    Row {
        options: &["loss-by"],
        commands: &["bench", "hol", "handshake", "transfer", "share", "link"],
        has_effect: |asked| asked.may_lose,
        why: "it is for losses at random, and this link has none",
        is_error: false,
    },
    Row {
        options: &["scenario"],
        commands: &["bench", "hol", "handshake", "transfer", "share"],
        has_effect: |asked| !asked.has_preset,
        why: "--preset replaces its link",
        is_error: false,
    },
    Row {
        options: &["cert_bytes"],
        commands: &["handshake"],
        has_effect: |asked| asked.any(|transport| transport.scheme().credentials.is_certificate()),
        why: "none of these transports has a certificate",
        is_error: false,
    },
];

/// What a command line asks for.
struct Asked {
    urls: Vec<Target>,
    application: Application,
    page: bool,
    /// `None` if neither -t nor a URL names any: the default includes a transport of each kind.
    transports: Option<Vec<Transport>>,
    /// Whether any link may mark a packet.
    may_mark: bool,
    /// Whether any link has jitter.
    may_reorder: bool,
    /// Whether any link loses packets at random.
    may_lose: bool,
    has_preset: bool,
    /// Whether any path sets the controller of the kernel's TCP.
    sets_kernel_controller: bool,
}

impl Asked {
    fn new(command: &Command, matches: &ArgMatches) -> Self {
        let raw = ["urls", "what", "url"].into_iter().filter_map(|id| if_known::raw(matches, id));
        let urls: Vec<Target> = raw.flatten().filter_map(|url| url.to_str()?.parse().ok()).collect();
        let named = if_known::value(matches, "transport").map(Transports::all);
        let by_url = (!urls.is_empty()).then(|| urls.iter().flat_map(Target::transports).collect());
        let transports = match (named, by_url) {
            (Some(named), Some::<Vec<_>>(by_url)) => {
                Some(by_url.into_iter().filter(|transport| named.contains(transport)).collect())
            }
            (named, by_url) => by_url.or(named),
        };
        let (application, page) = match if_known::value(matches, "workload") {
            Some(Traffic::Scheduled(application)) => (application.clone(), false),
            Some(Traffic::Page(_)) => (Application::default(), true),
            None => (Application::default(), false),
        };
        let links = links(command, matches);
        let any_link =
            |is: fn(&LinkSpec) -> bool| links.as_ref().is_none_or(|links| links.iter().flatten().any(is));
        let paths: Vec<&PathKind> = if_known::values(matches, "path").collect();
        Self {
            application,
            page,
            may_mark: any_link(|link| link.aqm != Aqm::DropTail || link.ecn_fault.is_some()),
            may_reorder: any_link(|link| link.jitter.is_some()),
            may_lose: any_link(|link| {
                link.loss != Loss::NONE && !matches!(link.loss, Loss::Drop(_) | Loss::Outage { .. })
            }),
            has_preset: if_known::value::<Preset>(matches, PRESET).is_some(),
            sets_kernel_controller: match &paths[..] {
                [] => urls.is_empty(),
                paths => paths.contains(&&PathKind::Netns),
            },
            urls,
            transports,
        }
    }

    fn is_page(&self) -> bool {
        self.page
    }

    fn any(&self, is: impl Fn(&Transport) -> bool) -> bool {
        self.transports.as_ref().is_none_or(|transports| transports.iter().any(is))
    }
}

/// The links that the options describe. `None` if a link cannot be told: there is none, the options are invalid, or the
/// link changes in the middle of a run.
fn links(command: &Command, matches: &ArgMatches) -> Option<Vec<PerDirection<LinkSpec>>> {
    let has_link = command.get_arguments().any(|option| option.get_id() == "ecn");
    let changes = if_known::value::<String>(matches, "after").is_some();
    let mut link = (has_link && !changes).then(|| LinkArgs::from_arg_matches(matches).ok())??;
    if command.get_name() == "share" {
        link.default_to_bottleneck();
    }
    link.links().ok()
}

/// An option without effect.
pub(super) struct Idle {
    pub(super) line: String,
    pub(super) is_error: bool,
}

/// The options of `command` that have no effect.
pub(super) fn find(command: &Command, matches: &ArgMatches) -> Vec<Idle> {
    let asked = Asked::new(command, matches);
    let rows = ROWS.iter().filter(|row| row.commands.contains(&command.get_name()));
    let idle = rows.filter(|row| !(row.has_effect)(&asked)).flat_map(|row| {
        let given = |option: &&Arg| {
            row.options.contains(&option.get_id().as_str())
                && matches.value_source(option.get_id().as_str()) == Some(ValueSource::CommandLine)
        };
        command.get_arguments().filter(given).map(move |option| (option, row))
    });
    let line = |(option, row): (&Arg, &Row)| {
        let name = option.get_long().map(|long| format!("--{long}"));
        let name = name.or(option.get_short().map(|short| format!("-{short}"))).unwrap_or_default();
        let line = match row.why {
            why if !row.is_error => format!("{name} has no effect here: {why}"),
            why if why.starts_with("is ") => format!("{name} {why}"),
            why => format!("{name}: {why}"),
        };
        Idle { line, is_error: row.is_error }
    };
    idle.map(line).collect()
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::cli::Cli;

    #[test]
    fn every_option_and_command_of_the_table_exists() {
        let program = Cli::command();
        for row in ROWS {
            for command in row.commands {
                let command =
                    program.find_subcommand(command).unwrap_or_else(|| panic!("no command {command}"));
                for option in row.options {
                    let exists = command.get_arguments().any(|argument| argument.get_id() == option);
                    assert!(exists, "{} has no option {option}", command.get_name());
                }
            }
        }
    }

    #[test]
    fn commands_that_lessons_suggest_are_valid_and_every_option_has_an_effect() {
        for line in wirelab::lesson::LESSONS.iter().flat_map(wirelab::lesson::Lesson::further) {
            let words: Vec<String> = std::iter::once("wirelab")
                .chain(line.split(' '))
                .map(|word| word.replace('\'', ""))
                .collect();
            let matches =
                Cli::command().try_get_matches_from(&words).unwrap_or_else(|e| panic!("{line}: {e}"));
            let (name, matches) = matches.subcommand().unwrap();
            let program = Cli::command();
            let idle = find(program.find_subcommand(name).unwrap(), matches);
            assert!(idle.is_empty(), "{line}: {}", idle[0].line);
        }
    }
}
