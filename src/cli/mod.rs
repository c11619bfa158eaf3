//! The command line: one file per subcommand, arguments in, a plan out.

mod announce;
mod arguments;
mod bench;
mod certs;
mod completions;
mod config_file;
mod difference;
#[cfg(real_time)]
mod discover;
mod draft;
mod driver;
mod foreign;
mod given;
mod handshake;
mod hol;
mod if_known;
mod inputs;
mod interrupt;
mod lab;
mod layers;
#[cfg(real_time)]
mod link;
mod man;
mod memory;
mod merge;
mod messages;
#[cfg(not(real_time))]
mod needs_linux;
mod negation;
mod options;
pub(crate) mod output;
mod parts;
mod peer;
mod progress;
mod properties;
mod report;
mod rerun;
mod scenarios;
#[cfg(real_time)]
mod send;
#[cfg(real_time)]
mod serve;
mod share;
mod shared_key;
#[cfg(not(real_time))]
#[path = "no_system.rs"]
mod system;
#[cfg(real_time)]
mod system;
mod tour;
mod transfer;
mod usage;
mod values;
mod verify;
mod width;
mod without_effect;

#[cfg(real_time)]
use std::sync::Arc;
use std::{collections::BTreeMap, process::ExitCode};

pub(crate) use arguments::parse;
use clap::{ArgMatches, CommandFactory, Parser, Subcommand};
use given::Given;
use options::sweep::SweepArgs;
use parts::Parts;
pub(crate) use usage::UsageError;
#[cfg(real_time)]
use wirelab::path::direct::{self, DirectHost};

#[cfg(not(real_time))]
use self::needs_linux::{discover, link, send, serve};

/// Raw UDP, TCP, TLS and QUIC side by side on one seeded lossy wire
#[derive(Debug, Parser)]
#[command(name = "wirelab", version, max_term_width = 120, arg_required_else_help = true)]
#[command(mut_subcommands(negation::with_negations))]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Tour(tour::Tour),
    Lab(lab::Lab),
    Bench(Box<bench::Bench>),
    Hol(Box<hol::Hol>),
    Handshake(Box<handshake::Handshake>),
    Link(Box<link::Link>),
    Transfer(Box<transfer::Transfer>),
    Share(Box<share::Share>),
    Report(report::Report),
    Rerun(rerun::Rerun),
    Scenarios(scenarios::Scenarios),
    Properties(properties::Properties),
    Verify(verify::Verify),
    Serve(serve::Serve),
    Send(send::Send),
    Discover(discover::Discover),
    Certs(certs::Certs),
    Completions(completions::Completions),
    Man(man::Man),
}

impl Cli {
    /// Whether a command can be run in parts, and its result run again.
    fn is_sweep(command: &clap::Command) -> bool {
        command.get_arguments().any(|arg| arg.get_id() == "shard")
    }

    /// The command of this name, if it can be run in parts, and its result run again.
    fn sweep_command(name: &str) -> Option<clap::Command> {
        Self::command().find_subcommand(name).filter(|command| Self::is_sweep(command)).cloned()
    }

    /// Records which options of the subcommand `command` were given, and the `origins`: which file set each option that
    /// is not on the command line.
    ///
    /// Returns an error if the options are to be printed as a file, and a file cannot hold them.
    fn note_given(
        &mut self,
        command: &clap::Command,
        matches: &ArgMatches,
        origins: BTreeMap<String, String>,
    ) -> Result<(), String> {
        if let Command::Report(report) = &mut self.command {
            report.showing = Given::showing(command, matches);
        }
        if let Some(sweep) = self.command.sweep() {
            sweep.given = Given::measuring(command, matches).to_json();
            sweep.origins = origins;
            if sweep.prints_config() {
                sweep.printed = Some(config_file::to_toml(command, matches)?);
            }
        }
        Ok(())
    }

    /// The same command line, but with the outcomes of these parts instead of new measurements.
    fn with_parts(mut self, parts: Parts) -> Self {
        if let Some(sweep) = self.command.sweep() {
            sweep.parts = Some(parts);
        }
        self
    }

    /// Runs the subcommand.
    ///
    /// Returns why it failed, in one line for a user.
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        match self.command {
            Command::Tour(command) => command.run(),
            Command::Lab(command) => command.run(),
            Command::Bench(command) => command.run(),
            Command::Hol(command) => command.run(),
            Command::Handshake(command) => command.run(),
            Command::Link(command) => command.run(),
            Command::Transfer(command) => command.run(),
            Command::Share(command) => command.run(),
            Command::Report(command) => command.run(),
            Command::Rerun(command) => command.run(),
            Command::Scenarios(command) => command.run(),
            Command::Properties(command) => command.run(),
            Command::Verify(command) => command.run(),
            Command::Serve(command) => command.run(),
            Command::Send(command) => command.run(),
            Command::Discover(command) => command.run(),
            Command::Certs(command) => command.run(),
            Command::Completions(command) => command.run(),
            Command::Man(command) => command.run(),
        }
    }
}

impl Command {
    /// The options for sweeps, if the command is an experiment.
    fn sweep(&mut self) -> Option<&mut SweepArgs> {
        match self {
            Self::Bench(command) => Some(command.sweep()),
            Self::Hol(command) => Some(command.sweep()),
            Self::Handshake(command) => Some(command.sweep()),
            Self::Transfer(command) => Some(command.sweep()),
            Self::Share(command) => Some(command.sweep()),
            _ => None,
        }
    }
}

/// Runs `command` on the sockets of this machine.
#[cfg(real_time)]
fn in_real_time<F: Future<Output = anyhow::Result<ExitCode>>>(
    command: impl FnOnce(Arc<DirectHost>) -> F,
) -> anyhow::Result<ExitCode> {
    let runtime = direct::runtime()?;
    runtime.block_on(async {
        let host = DirectHost::new()?;
        command(host).await
    })
}
