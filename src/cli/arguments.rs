//! Reads the command line. Whatever is wrong with it is said on one line, with what to write instead.

use std::{
    error::Error as _,
    ffi::{OsStr, OsString},
    io::{self, Write},
    process::ExitCode,
};

use clap::{
    Arg, ArgMatches, Command, CommandFactory, Error, FromArgMatches,
    error::{ContextKind, ContextValue, ErrorKind},
};

use super::{
    Cli,
    config_file::{self, Filled},
    foreign, if_known,
    output::{OutputError, complain, note, raw},
    without_effect,
};
use wirelab::lesson::LESSONS;

/// Parses the arguments of this process. What is to be printed instead is printed, and the exit status returned.
pub(crate) fn parse() -> Result<Cli, ExitCode> {
    parse_from(with_negative_values(std::env::args_os()))
}

/// Parses these arguments, with the name of the program as the first.
pub(crate) fn parse_from(arguments: Vec<OsString>) -> Result<Cli, ExitCode> {
    let Filled { arguments, origins } = config_file::with_files(arguments).map_err(|error| {
        complain(error);
        ExitCode::from(2)
    })?;
    let mut all = Cli::command();
    let matches = all.try_get_matches_from_mut(&arguments);
    if let Ok(matches) = &matches
        && let Some((name, matches)) = matches.subcommand()
        && let Some(command) = all.find_subcommand(name)
    {
        name_idle_options(command, matches)?;
    }
    let refused = |error: Error| refuse(&error, &arguments);
    let matches = matches.map_err(refused)?;
    let mut cli = Cli::from_arg_matches(&matches).map_err(refused)?;
    if let Some((name, matches)) = matches.subcommand()
        && let Some(command) = all.find_subcommand(name)
    {
        cli.note_given(command, matches, origins).map_err(|error| {
            complain(error);
            ExitCode::from(2)
        })?;
    }
    Ok(cli)
}

/// Prints the help, the version or the error that clap found in these arguments. Returns the exit status.
fn refuse(error: &Error, arguments: &[OsString]) -> ExitCode {
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        let _ = raw(welcome().as_bytes());
        return ExitCode::SUCCESS;
    }
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        let shown = error.print().and_then(|()| io::stdout().flush());
        return match shown {
            _ if error.use_stderr() => ExitCode::from(2),
            // A pager that is closed early is no failure.
            Err(why) if why.kind() != io::ErrorKind::BrokenPipe => {
                complain(OutputError(why));
                ExitCode::FAILURE
            }
            _ => ExitCode::SUCCESS,
        };
    }
    complain(line(error, arguments));
    ExitCode::from(2)
}

/// Prints a note for each option without effect, unless `--quiet` is set. Fails if such an option is an error.
fn name_idle_options(command: &Command, matches: &ArgMatches) -> Result<(), ExitCode> {
    let idle = without_effect::find(command, matches);
    if let Some(error) = idle.iter().find(|idle| idle.is_error) {
        complain(&error.line);
        return Err(ExitCode::from(2));
    }
    let is_quiet = if_known::value(matches, "quiet").is_some_and(|quiet: &bool| *quiet);
    idle.iter().filter(|_| !is_quiet).for_each(|idle| note(&idle.line));
    Ok(())
}

/// What the program is, and what to try first.
fn welcome() -> String {
    format!(
        "\
wirelab compares UDP, reliability by hand, TCP, TLS and QUIC on one and the same
lossy link, and shows where the time of each message went.

Try:
  wirelab tour     {} short lessons: predict, run, see why
  wirelab bench    six ways to send messages over a link that loses 1% each way
  wirelab hol      which messages had to wait because another one was lost

All three run in virtual time: in seconds, without a network and without root.
wirelab --help lists every command, wirelab COMMAND -h its options and examples.
",
        LESSONS.len()
    )
}

/// Joins a negative value to its option, so that the option's parser refuses it: `--rtt -5ms` becomes `--rtt=-5ms`.
fn with_negative_values(arguments: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut joined: Vec<OsString> = Vec::new();
    let mut is_open = true;
    for argument in arguments {
        is_open &= argument != "--";
        match joined.last_mut() {
            Some(option) if is_open && is_negative(&argument) && starts_with_dash(option) => {
                option.push("=");
                option.push(argument);
            }
            _ => joined.push(argument),
        }
    }
    joined
}

fn starts_with_dash(argument: &OsStr) -> bool {
    argument.as_encoded_bytes().starts_with(b"-")
}

/// Whether it looks like a negative number and is not an option.
fn is_negative(argument: &OsStr) -> bool {
    let is_option = argument == "-4" || argument == "-6";
    matches!(argument.as_encoded_bytes(), [b'-', b'0'..=b'9' | b'.', ..]) && !is_option
}

/// The command that the arguments name.
fn command(arguments: &[OsString]) -> Option<Command> {
    let mut all = Cli::command();
    all.build();
    let name = arguments.get(1)?.to_str()?;
    all.find_subcommand(name).cloned()
}

/// What is wrong, and what to do.
fn line(error: &Error, arguments: &[OsString]) -> String {
    let command = command(arguments);
    let name = command.as_ref().map_or("", Command::get_name);
    let help = match name {
        "" | "help" => "see wirelab --help".to_owned(),
        name => format!("see wirelab {name} --help"),
    };
    let (argument, value) = (text(error, ContextKind::InvalidArg), text(error, ContextKind::InvalidValue));
    let option = option(&argument);
    match error.kind() {
        ErrorKind::UnknownArgument => {
            if !argument.starts_with('-') {
                let instead = foreign::netem(&argument).map(|option| format!("as an option it is {option}"));
                let instead = instead.or_else(|| without_urls(name, &argument)).unwrap_or(help);
                return format!("unexpected argument `{}`: {instead}", shortened(&argument));
            }
            let instead = foreign::instead(command.as_ref(), &argument).map(str::to_owned);
            let similar = || Some(format!("did you mean {}?", similar(&argument, command.as_ref()?)?));
            format!("unknown option {}: {}", shortened(&argument), instead.or_else(similar).unwrap_or(help))
        }
        ErrorKind::ValueValidation => {
            let is_positional = argument.starts_with(['[', '<']);
            if let Some(instead) = foreign::value(option, &value) {
                return format!("{option}: {instead}");
            }
            let reason = error.source().map(ToString::to_string).unwrap_or_default();
            let reason = if names_value(&reason, &value) {
                if value.is_empty() { reason } else { reason.replace(&value, &shortened(&value)) }
            } else {
                format!("invalid value `{}`: {reason}", shortened(&value))
            };
            match foreign::netem(&value) {
                _ if !is_positional => format!("{option}: {reason}"),
                Some(instead) => format!("`{value}` is not a URL: as an option it is {instead}"),
                None => reason,
            }
        }
        ErrorKind::InvalidValue if value.is_empty() && valid_values(error).is_empty() => {
            format!("{option}: missing value: {help}")
        }
        ErrorKind::InvalidValue => {
            format!("invalid value `{}`: expected {}", shortened(&value), valid_values(error))
        }
        ErrorKind::TooManyValues => format!("{option}: takes no value; leave out `{}`", shortened(&value)),
        ErrorKind::ArgumentConflict => match text(error, ContextKind::PriorArg) {
            prior if prior == argument => format!("{option} is given twice: leave one out"),
            prior => format!("{option} cannot be used with {}: leave one out", self::option(&prior)),
        },
        ErrorKind::MissingRequiredArgument => match needing(&argument, arguments) {
            Some((dependent, needed)) => format!("{dependent} needs {needed}"),
            None => format!("missing {argument}: {help}"),
        },
        ErrorKind::InvalidSubcommand => {
            let unknown = text(error, ContextKind::InvalidSubcommand);
            let instead = foreign::command(&unknown).map(|known| format!("use wirelab {known}"));
            let instead = instead.or_else(|| Some(format!("did you mean {}?", similar_command(&unknown)?)));
            format!("unknown command `{}`: {}", shortened(&unknown), instead.unwrap_or(help))
        }
        ErrorKind::InvalidUtf8 => format!("an argument is not valid UTF-8: {help}"),
        _ => {
            let text = error.to_string();
            let first = text.lines().next().unwrap_or_default();
            format!("{}: {help}", first.trim_start_matches("error: "))
        }
    }
}

/// The advice for a URL given to a command that does not take one.
fn without_urls(command: &str, argument: &str) -> Option<String> {
    let is_url = argument.contains("://");
    let instead = match command {
        "handshake" => {
            "handshake measures servers of its own, on this machine with --path direct; `wirelab bench` takes URLs and has \
                        a column `set-up`"
        }
        "properties" | "verify" => "it measures servers of its own; `wirelab bench` takes URLs",
        "link" => "--to takes HOST:PORT, and --listen the address for clients",
        _ => return None,
    };
    is_url.then(|| instead.to_owned())
}

/// A part of the error, as text.
fn text(error: &Error, kind: ContextKind) -> String {
    match error.get(kind) {
        Some(ContextValue::String(text)) => text.clone(),
        Some(ContextValue::Strings(all)) => {
            all.iter().map(|argument| option(argument)).collect::<Vec<_>>().join(" and ")
        }
        _ => String::new(),
    }
}

fn valid_values(error: &Error) -> String {
    match error.get(ContextKind::ValidValue) {
        Some(ContextValue::Strings(values)) => values.join(", "),
        _ => String::new(),
    }
}

/// An option without its value's name: `--rtt` of `--rtt <TIME>`.
fn option(argument: &str) -> &str {
    if argument.starts_with('-') {
        argument.split([' ', '[', '=']).next().unwrap_or(argument)
    } else {
        argument
    }
}

/// Whether a reason says itself what is invalid.
fn names_value(reason: &str, value: &str) -> bool {
    reason.contains('`') && (value.is_empty() || reason.contains(value.trim()) || reason.contains('…'))
}

/// The value, if it is not too long for a line.
fn shortened(value: &str) -> String {
    const LONGEST: usize = 60;
    match value.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &value[..end]),
        None => value.to_owned(),
    }
}

/// Options that are of no use without another one, and that one.
const NEEDS: [(&str, &str); 7] = [
    ("--after", "--handover AT:OUTAGE"),
    ("--snaplen", "--pcap FILE"),
    ("--resume", "--shard I/N"),
    ("--ascii", "--ladder"),
    ("--engine", "--export DIR"),
    ("--server", "--netns"),
    ("--wait", "--netns"),
];

/// The given option that needs the `missing` one.
fn needing(missing: &str, arguments: &[OsString]) -> Option<(&'static str, &'static str)> {
    let given = || arguments.iter().filter_map(|argument| argument.to_str()).map(option);
    let missing = || missing.split(" and ").map(option);
    let names = |needed: &str| missing().any(|missing| needed.split(' ').next() == Some(missing));
    NEEDS.into_iter().find(|(dependent, needed)| names(needed) && given().any(|given| given == *dependent))
}

/// The command that was probably meant.
fn similar_command(unknown: &str) -> Option<String> {
    let all = Cli::command();
    let near = all.get_subcommands().map(|command| {
        let name = command.get_name();
        (strsim::damerau_levenshtein(name, unknown), name)
    });
    near.min().filter(|(distance, _)| *distance <= 2.min(unknown.len() / 3)).map(|(_, name)| name.to_owned())
}

/// The option of `command` that was probably meant: one that starts with `argument`, or one whose edit distance is at
/// most two and at most a third of the length.
fn similar(argument: &str, command: &Command) -> Option<String> {
    let wanted = argument.strip_prefix("--").filter(|wanted| wanted.len() > 2)?;
    let known = || command.get_arguments().filter(|arg| !arg.is_hide_set()).filter_map(Arg::get_long);
    let begins = known().find(|known| known.starts_with(wanted));
    let near = || {
        let distances = known().map(|known| (strsim::damerau_levenshtein(known, wanted), known));
        distances.min().filter(|(distance, _)| *distance <= 2.min(wanted.len() / 3)).map(|(_, known)| known)
    };
    begins.or_else(near).map(|known| format!("--{known}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_negative_value_belongs_to_the_option_before_it() {
        let joined = |line: &str| {
            let joined = with_negative_values(line.split(' ').map(OsString::from));
            joined.iter().map(|argument| argument.to_str().unwrap().to_owned()).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(joined("wirelab bench --rtt -5ms -d -1s"), "wirelab bench --rtt=-5ms -d=-1s");
        for unchanged in
            ["wirelab send -v -4 udp://host", "wirelab link --netns -- ping -c -1", "wirelab -J -q"]
        {
            assert_eq!(joined(unchanged), unchanged);
        }
    }

    #[test]
    fn an_option_that_needs_another_one_names_it() {
        for (dependent, needed) in NEEDS {
            let command = match dependent {
                "--engine" => "lab",
                "--server" | "--wait" => "link",
                _ => "bench",
            };
            let value = match dependent {
                "--resume" | "--ascii" => "",
                "--snaplen" => "=99",
                _ => "=1s",
            };
            let arguments = ["wirelab", command, &format!("{dependent}{value}")].map(OsString::from);
            let error = Cli::command().try_get_matches_from(&arguments).unwrap_err();
            assert_eq!(line(&error, &arguments), format!("{dependent} needs {needed}"));
        }
    }
}
