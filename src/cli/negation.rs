//! `--no-NAME` for each flag that a file of options may set, so that the command line can turn it off.

use clap::{Arg, ArgAction, Command};

use super::{Cli, given};

/// Adds these flags to a command that takes options from files. Of a flag and its negation, the last on the command
/// line wins.
pub(super) fn with_negations(command: Command) -> Command {
    if !Cli::is_sweep(&command) {
        return command;
    }
    let is_flag = |arg: &&Arg| {
        matches!(arg.get_action(), ArgAction::SetTrue) && given::is_option_of_file(arg) && !arg.is_hide_set()
    };
    let negation = |flag: &Arg| {
        Arg::new(format!("{}{}", given::NEGATION, flag.get_id()))
            .long(name(flag))
            .help(format!("As without --{}, whatever a file of options says", given::name(flag)))
            .action(ArgAction::SetTrue)
            .overrides_with(flag.get_id())
            .hide(true)
    };
    let negations: Vec<Arg> = command.get_arguments().filter(is_flag).map(negation).collect();
    command.args(negations)
}

/// The name of the negation of `flag`.
pub(super) fn name(flag: &Arg) -> String {
    format!("no-{}", given::name(flag))
}

/// Whether `arg` is the negation of `flag`.
pub(super) fn negates(arg: &Arg, flag: &Arg) -> bool {
    arg.get_id().as_str().strip_prefix(given::NEGATION) == Some(flag.get_id().as_str())
}
