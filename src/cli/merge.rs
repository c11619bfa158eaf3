//! Merges the parts of a result: runs their command again, with their outcomes instead of new measurements.

use std::process::ExitCode;

use anyhow::anyhow;
use wirelab::experiment::PartHeader;

use super::{Cli, arguments::parse_from, given::Given, parts::Parts};

/// Runs the command of `parts` with the options for output in `showing`.
pub(super) fn merge(parts: Parts, showing: &Given) -> anyhow::Result<ExitCode> {
    let PartHeader { command, options, .. } = parts.header();
    let unusable = |why: String| anyhow!("cannot use {}: {why}", parts.first().display());
    let known = Cli::sweep_command(command);
    let known = &known.ok_or_else(|| unusable(format!("the command `{command}` cannot be run in parts")))?;
    let given = Given::from_json(known, options).map_err(unusable)?;
    if given.has_servers() {
        return Err(unusable("it names a server by URL".to_owned()));
    }
    let arguments = ["wirelab", command].map(Into::into).into_iter();
    let arguments = arguments.chain(showing.arguments(known)).chain(given.arguments(known));
    match parse_from(arguments.collect()) {
        Ok(cli) => cli.with_parts(parts).run(),
        Err(status) => Ok(status),
    }
}
