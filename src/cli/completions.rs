//! `wirelab completions`.

use std::process::ExitCode;

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::{Cli, output};

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
        clap_complete::generate(self.shell, &mut Cli::command(), "wirelab", &mut script);
        output::raw(&script)?;
        Ok(ExitCode::SUCCESS)
    }
}
