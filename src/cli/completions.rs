//! `wirelab completions`.

use std::process::ExitCode;

use clap::{
    Arg, Args, Command, CommandFactory, ValueHint,
    builder::{PossibleValuesParser, Resettable},
};
use clap_complete::Shell;
use wirelab::{
    experiment::{Mode, PathKind},
    lesson::LESSONS,
    link::{Aqm, EcnFault, Preset},
    report::FORMATS,
    service::Service,
    transport::{Congestion, Scheme, Transport},
};

use super::{Cli, options::senders::senders, output, scenarios::SCENARIOS};

/// Print a completion script for a shell
#[derive(Debug, Args)]
#[command(after_help = "Example:
  wirelab completions bash > ~/.local/share/bash-completion/completions/wirelab")]
pub(crate) struct Completions {
    /// The shell
    shell: Shell,
}

impl Completions {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut with_names(Cli::command()), "wirelab", &mut script);
        output::raw(&script)?;
        Ok(ExitCode::SUCCESS)
    }
}

/// The same commands with the values that scripts offer. They are for scripts alone: where a command line is parsed,
/// most of these options take more than names, and their parsers have better messages.
fn with_names(all: Command) -> Command {
    let commands = named(all.get_subcommands().map(Command::get_name));
    all.mut_subcommands(|command| {
        let command_name = command.get_name().to_owned();
        command.mut_args(|arg| match names(&command_name, &arg, &commands) {
            names if !names.is_empty() => {
                // A default need not be one of the names.
                arg.value_parser(PossibleValuesParser::new(names)).default_value(Resettable::Reset)
            }
            _ if takes_folder(&arg) => arg.value_hint(ValueHint::DirPath),
            _ => arg,
        })
    })
}

/// The values of an option, or of an argument, that are names; of a list, those of one element.
fn names(command: &str, arg: &Arg, commands: &[String]) -> Vec<String> {
    match (command, arg.get_id().as_str()) {
        (_, "scenario") | ("scenarios", "name") => named(SCENARIOS.iter().map(|scenario| scenario.name)),
        ("share", "transport") | (_, "background") => {
            let mut transports = named(Transport::all().map(Transport::name));
            // Raw datagrams need a rate.
            transports.retain(|name| senders(name).is_ok());
            transports
        }
        (_, "transport") => {
            let groups = Scheme::all().filter(|scheme| scheme.query.is_some()).map(|scheme| scheme.name);
            named(Transport::all().map(Transport::name).chain(groups).chain(["all"]))
        }
        ("share", "path") => named([PathKind::Sim, PathKind::Netns].map(PathKind::name)),
        (_, "path") => named(PathKind::ALL.map(PathKind::name)),
        (_, "congestion") => named(Congestion::NAMES),
        (_, "preset") => named(Preset::ALL.map(Preset::name)),
        (_, "aqm") => named(Aqm::NAMES),
        (_, "ecn-fault") => named(EcnFault::ALL.map(EcnFault::name)),
        (_, "loss-by") => named(["packet", "time"]),
        (_, "workload") => named(["messages", "video", "game", "page"]),
        (_, "arrivals") => named(["isochronous", "poisson"]),
        (_, "mode") => Mode::ALL.map(|mode| mode.to_string()).to_vec(),
        (_, "format") => named(FORMATS.iter().map(|format| format.ending)),
        (_, "shard") => named(["slurm", "k8s"]),
        (_, "ladder") => named(["longest"]),
        ("serve", "service") => named(Service::ALL.map(Service::name)),
        ("tour", "lesson") => (1..=LESSONS.len()).map(|number| number.to_string()).collect(),
        ("man", "command") => commands.to_vec(),
        _ => Vec::new(),
    }
}

fn named<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    names.into_iter().map(str::to_owned).collect()
}

/// Whether the value is a folder: the help calls it DIR.
fn takes_folder(arg: &Arg) -> bool {
    arg.get_value_names().is_some_and(|names| names.iter().any(|name| name == "DIR"))
}

#[cfg(test)]
mod tests {
    use clap::{FromArgMatches as _, error::ErrorKind};

    use super::*;
    use crate::cli::options::link::LinkArgs;

    #[test]
    fn every_value_that_is_offered_is_accepted() {
        let mut all = Cli::command();
        all.build();
        let commands = named(all.get_subcommands().map(Command::get_name));
        let mut offered = 0;
        for command in all.get_subcommands() {
            let has_link = command.get_arguments().any(|arg| arg.get_id() == "aqm");
            for arg in command.get_arguments() {
                for name in names(command.get_name(), arg, &commands) {
                    let value = arg.get_long().map_or(name.clone(), |long| format!("--{long}={name}"));
                    let mut line = vec!["wirelab", command.get_name(), &value];
                    if arg.get_id() == "aqm" {
                        line.extend(["--rate=5mbit", "--queue=50p"]);
                    }
                    let matches = match Cli::command().try_get_matches_from(&line) {
                        Ok(matches) => matches,
                        Err(error) if error.kind() == ErrorKind::MissingRequiredArgument => continue,
                        Err(error) => panic!("{line:?}: {error}"),
                    };
                    if has_link {
                        let (_, matches) = matches.subcommand().unwrap();
                        LinkArgs::from_arg_matches(matches).unwrap().links().unwrap();
                    }
                    offered += 1;
                }
            }
        }
        assert!(offered > 300, "{offered}");
    }
}
