//! Where results go: text or JSON on standard output, and a file by its ending.

use std::{
    ffi::OsString,
    fs::{self, File},
    io::{self, IsTerminal, Write},
    path::{Path, PathBuf},
};

use anyhow::{anyhow, bail};
use clap::Args;

use crate::cli::{output::raw, usage::UsageError};
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
        Ok(Some(Draft::create(path)?.0))
    }

    /// Prints the result and completes the file.
    pub(crate) fn write(&self, draft: Option<Draft>, file: &ResultFile) -> anyhow::Result<()> {
        if let Some(draft) = draft {
            let format = format_of(&draft.path)?;
            draft.complete_with(&(format.render)(file))?;
        }
        let text = if self.json { to_json(file) } else { to_text(file, terminal()) };
        Ok(raw(text.as_bytes())?)
    }
}

/// How text looks on this terminal: in colour only on one, and never against `NO_COLOR`.
pub(crate) fn terminal() -> TextOptions {
    let is_terminal = io::stdout().is_terminal();
    let colour = is_terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let columns = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    TextOptions { width: columns.unwrap_or(100), colour }
}

/// A file that appears under its name only when it is complete.
#[derive(Debug)]
pub(crate) struct Draft {
    path: PathBuf,
    draft: PathBuf,
}

impl Draft {
    /// A draft of `path`, and the file to write to.
    pub(crate) fn create(path: &Path) -> anyhow::Result<(Self, File)> {
        if path.is_dir() {
            bail!("cannot write {}: it is a directory", path.display());
        }
        let mut name: OsString = path.as_os_str().to_owned();
        name.push(format!(".draft-{}", std::process::id()));
        let draft = PathBuf::from(name);
        let file = File::create(&draft).map_err(|e| unwritable(path, &e))?;
        Ok((Self { path: path.to_owned(), draft }, file))
    }

    fn complete_with(self, text: &str) -> anyhow::Result<()> {
        let file = File::options().write(true).truncate(true).open(&self.draft);
        self.complete(file.and_then(|mut file| file.write_all(text.as_bytes()).map(|()| file)))
    }

    /// Gives the file its name, if all could be written to it.
    pub(crate) fn complete(self, written: io::Result<File>) -> anyhow::Result<()> {
        written
            .and_then(|file| file.sync_all())
            .and_then(|()| fs::rename(&self.draft, &self.path))
            .map_err(|e| unwritable(&self.path, &e))
    }
}

fn unwritable(path: &Path, error: &io::Error) -> anyhow::Error {
    anyhow!("cannot write {}: {error}", path.display())
}

impl Drop for Draft {
    fn drop(&mut self) {
        // After `complete` there is nothing under this name any more.
        let _ = fs::remove_file(&self.draft);
    }
}
