//! `wirelab report`.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::anyhow;
use clap::Args;
use wirelab::report::{MAX_BYTES, ResultFile, Saved, load, overlay};

use super::{
    UsageError,
    given::Given,
    interrupt::{INTERRUPTED, leave_on_interrupt},
    merge::merge,
    options::{detail::DetailArgs, output::OutputArgs},
    parts::Parts,
};

/// Render saved results again, as text or in another format
///
/// The cells of several files are shown together. Rows of the same transport on the same link with the same workload
/// are marked with letters, and each row of the other files is shown with its difference from the first file. A table
/// of `properties` is shown alone.
///
/// Parts of a sweep (see `wirelab bench --shard`) are put together. The output then has the same bytes as if one
/// machine had run the whole sweep. For parts, report takes every option for output that their command has.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  wirelab bench -o monday.json
      a result
  wirelab report monday.json
      the same table again
  wirelab report monday.json -o monday.md
      as Markdown
  wirelab report monday.json tuesday.json -o both.csv
      both results, as rows of one file
  wirelab report monday.json -o monday.html
      as a page with charts, for a browser
  wirelab report bench-*-of-7.part -o all.json
      all parts of a sweep, as one result")]
pub(crate) struct Report {
    /// Results that `-o FILE.json` or `--json` has written; - is standard input
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    detail: DetailArgs,
    /// The options for output on the command line.
    #[arg(skip)]
    pub(super) showing: Given,
}

impl Report {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        leave_on_interrupt(INTERRUPTED).map_err(|e| anyhow!("cannot listen for Ctrl-C: {e}"))?;
        if let Some(parts) = Parts::open(&self.files)? {
            return merge(parts, &self.showing);
        }
        self.output.refuse_pictures()?;
        self.detail.refuse()?;
        let drafts = self.output.open()?;
        let mut results: Vec<ResultFile> = Vec::new();
        for path in &self.files {
            match read(path)? {
                Saved::Result(mut result) => {
                    result.origins.push(path.display().to_string());
                    results.push(*result);
                }
                Saved::Properties(table) if self.files.len() == 1 => {
                    self.output.refuse_charts()?;
                    self.output.write_properties(drafts, &table, "")?;
                    return Ok(ExitCode::SUCCESS);
                }
                Saved::Properties(_) => {
                    let alone = format!("{} is a table of properties: name it alone", path.display());
                    return Err(UsageError::new(alone).into());
                }
            }
        }
        let mut results = results.into_iter();
        let first = results.next().ok_or_else(|| anyhow!("no file was named"))?;
        self.output.write(drafts, &overlay(first, results))?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Reads a saved result.
pub(super) fn read(path: &Path) -> anyhow::Result<Saved> {
    let mut bytes = Vec::new();
    let file: io::Result<Box<dyn Read>> = if path == Path::new("-") {
        Ok(Box::new(io::stdin()))
    } else {
        File::open(path).map(|file| Box::new(file) as _)
    };
    // One byte more, so that a file that is too large is seen to be.
    file.and_then(|file| file.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes))
        .map_err(|e| anyhow!("cannot read {}: {e}", path.display()))?;
    load(&bytes).map_err(|e| anyhow!("cannot use {}: {e}", path.display()))
}
