//! `wirelab man`.

use std::process::ExitCode;

use anyhow::bail;
use clap::{Args, CommandFactory};

use super::{Cli, UsageError, output};

/// Print the manual page of wirelab, or of one of its commands
#[derive(Debug, Args)]
#[command(after_help = "Example:
  wirelab man serve | man -l -")]
pub(crate) struct Man {
    /// The command
    command: Option<String>,
}

impl Man {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let mut all = Cli::command();
        all.build();
        let mut page = match &self.command {
            None => all,
            Some(name) => match all.find_subcommand(name) {
                Some(command) => command.clone(),
                None => bail!(UsageError::new(format!("unknown command `{name}`: see wirelab --help"))),
            },
        };
        // As in the help. Otherwise clap_mangen lists all options, without their values.
        let usage = page.render_usage().to_string();
        let page = page.override_usage(usage.trim_start_matches("Usage: ").to_owned());
        let mut roff = Vec::new();
        clap_mangen::Man::new(page).render(&mut roff)?;
        output::raw(&roff)?;
        Ok(ExitCode::SUCCESS)
    }
}
