//! Where results go: text or JSON on standard output, and a file by its ending.

use std::{
    io::{self, IsTerminal},
    path::{Path, PathBuf},
};

use clap::Args;

use crate::cli::{
    draft::Draft,
    output::{complain, is_closed_pipe, raw},
    usage::UsageError,
};
use wirelab::report::{Format, ResultFile, TextOptions, to_json, to_text};

/// Where results go.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct OutputArgs {
    /// Print the result as JSON
    #[arg(short = 'J', long)]
    json: bool,
    #[arg(short, long, value_name = "FILE", help = output_help())]
    output: Option<PathBuf>,
    /// Print the result and nothing else
    #[arg(short, long)]
    quiet: bool,
    /// Draw no progress bar
    #[arg(long)]
    no_progress: bool,
}

fn output_help() -> String {
    format!("Also write the result to a file; its name ends in {}", Format::endings())
}

/// The format that a file's ending asks for.
fn format_of(path: &Path) -> Result<&'static Format, UsageError> {
    let ending = path.extension().and_then(|ending| ending.to_str());
    ending.and_then(Format::of_ending).ok_or_else(|| {
        let endings = Format::endings();
        UsageError::new(format!("--output: invalid file name `{}`: it must end in {endings}", path.display()))
    })
}

impl OutputArgs {
    /// Whether to draw a bar on standard error.
    pub(crate) fn shows_progress(&self) -> bool {
        !self.quiet && !self.no_progress && io::stderr().is_terminal()
    }

    pub(crate) fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// The file that the result also goes to.
    pub(crate) fn path(&self) -> Option<&Path> {
        self.output.as_deref()
    }

    /// Opens what `write` will need, so that a long run does not end with a file that cannot be written.
    pub(crate) fn open(&self) -> anyhow::Result<Option<Draft>> {
        let Some(path) = self.path() else { return Ok(None) };
        format_of(path)?;
        Ok(Some(Draft::create(path)?))
    }

    /// Prints the result and completes the file. If one fails, the other is written all the same.
    pub(crate) fn write(&self, draft: Option<Draft>, file: &ResultFile) -> anyhow::Result<()> {
        let text = if self.json { to_json(file) } else { to_text(file, terminal()) };
        let printed = raw(text.as_bytes()).map_err(Into::into);
        let saved = draft.map_or(Ok(()), |draft| {
            let format = format_of(draft.path())?;
            draft.complete_with(&(format.render)(file))
        });
        first_error([saved, printed])
    }
}

/// The first error. The others are reported here.
pub(crate) fn first_error<const N: usize>(results: [anyhow::Result<()>; N]) -> anyhow::Result<()> {
    let mut errors = results.into_iter().filter_map(Result::err);
    let Some(first) = errors.next() else { return Ok(()) };
    errors.filter(|error| !is_closed_pipe(error)).for_each(complain);
    Err(first)
}

/// How text looks on this terminal: in colour only on one, and never against `NO_COLOR`.
pub(crate) fn terminal() -> TextOptions {
    let is_terminal = io::stdout().is_terminal();
    let colour = is_terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let columns = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    TextOptions { width: columns.unwrap_or(100), colour }
}
