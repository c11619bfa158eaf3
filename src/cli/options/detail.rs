//! Single messages: all of them in a file, or one episode as a ladder.

use std::{
    io::BufWriter,
    path::{Path, PathBuf},
};

use clap::Args;

use crate::cli::{
    draft::Draft,
    output::{note, raw},
    usage::UsageError,
    values::parse,
};
use wirelab::{
    experiment::{Bench, Experiment, Outcome, Plan, Request, Runs, SampleFile, Which, choose, episode},
    path::StopSignal,
    report::{LadderOptions, TextOptions, to_ladder},
};

/// Single messages.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Single messages")]
pub(crate) struct DetailArgs {
    /// Draw an episode below the table, packet by packet: longest (the longest stall of the first link that has
    /// one), or seq=N (what befell message N of the schedule, from 0). Not on direct, which has no link. On relay and
    /// netns it shows one more run with the same seed. Not with --json, whose standard output is one document
    #[arg(long, value_name = "WHICH", num_args = 0..=1, default_missing_value = "longest", conflicts_with_all = ["json", "format"])]
    #[arg(value_parser = parse::<Which>)]
    ladder: Option<Which>,
    /// Draw it with ASCII alone [default: where the locale is not UTF-8]
    #[arg(long, requires = "ladder")]
    ascii: bool,
    /// Write every message to a file, a row each; its seq is the number that --ladder takes
    #[arg(long, value_name = "FILE.csv")]
    samples: Option<PathBuf>,
}

/// A file of samples that is being written.
pub(crate) struct Samples {
    samples: SampleFile,
    draft: Draft,
}

impl DetailArgs {
    /// Refuses what `request` cannot show.
    pub(crate) fn check(&self, request: &Request<Plan>) -> Result<(), UsageError> {
        if self.ladder.is_some() && !request.batches.iter().any(|batch| batch.path.has_link()) {
            return Err(UsageError::new(
                "--ladder: packets are followed on the emulated link only: use --path sim, relay or netns",
            ));
        }
        match &self.samples {
            Some(path) if path.extension().is_none_or(|ending| ending != "csv") => Err(UsageError::new(
                format!("--samples: invalid name `{}`: expected one that ends in .csv", path.display()),
            )),
            _ => Ok(()),
        }
    }

    /// Opens the file of samples, if one is asked for; `result` is the file of the result.
    pub(crate) fn open(&self, result: Option<&Path>) -> anyhow::Result<Option<Samples>> {
        let Some(path) = &self.samples else { return Ok(None) };
        if result == Some(path) {
            return Err(UsageError::new("--samples: is the same file as --output").into());
        }
        let draft = Draft::create(path)?;
        let out = Box::new(BufWriter::new(draft.file()?));
        let columns = Bench::SAMPLE_COLUMNS.unwrap_or_default();
        Ok(Some(Samples { samples: SampleFile::new(out, columns), draft }))
    }

    /// Draws the ladder that was asked for, of the first batch that has an episode to show.
    pub(crate) fn draw(
        &self,
        request: &Request<Plan>,
        runs: &[Vec<Runs<Outcome>>],
        stop: &StopSignal,
        text: TextOptions,
    ) -> anyhow::Result<()> {
        let Some(which) = self.ladder else { return Ok(()) };
        let mut batches = request.batches.iter().zip(runs).filter(|(batch, _)| batch.path.has_link());
        let chosen = batches.find_map(|(batch, runs)| choose(&batch.plans, runs, which));
        let Some((plan, seed)) = chosen else { return Ok(()) };
        if stop.is_set() {
            note("no ladder: the run was interrupted");
            return Ok(());
        }
        let Some(episode) = episode(plan, seed, which)? else {
            note(nothing(plan, seed, which));
            return Ok(());
        };
        let options = LadderOptions {
            width: text.width,
            ascii: self.ascii || !is_utf8(|name| std::env::var(name).ok()),
            colour: text.colour,
        };
        Ok(raw(format!("\n{}", to_ladder(&episode, options)).as_bytes())?)
    }
}

/// Why there is no ladder.
fn nothing(plan: &Plan, seed: u64, which: Which) -> String {
    let run = format!("{}, seed {seed}", plan.transport);
    match which {
        Which::Longest => format!("no ladder: in {run}, no message was lost or had to wait"),
        Which::Message(number) => format!(
            "no ladder: in {run}, message {number} was not of the measured time, and blocked nothing of it"
        ),
    }
}

/// Whether this environment's text is UTF-8: of these variables, the first that is set decides.
fn is_utf8(variable: impl Fn(&str) -> Option<String>) -> bool {
    let set = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().filter_map(variable).find(|value| !value.is_empty());
    set.is_some_and(|locale| {
        let locale = locale.to_ascii_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    })
}

impl Samples {
    /// Where runs write their samples.
    pub(crate) fn file(&self) -> &SampleFile {
        &self.samples
    }

    /// Completes the file.
    pub(crate) fn complete(self) -> anyhow::Result<()> {
        let Self { samples, draft } = self;
        draft.complete(samples.finish())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_variable_that_is_set_decides_on_the_locale() {
        let locale = |values: [&str; 3]| {
            is_utf8(|name| {
                let names = ["LC_ALL", "LC_CTYPE", "LANG"];
                names.iter().zip(values).find(|(other, _)| **other == name).map(|(_, value)| value.to_owned())
            })
        };
        assert!(locale(["", "", "en_GB.UTF-8"]));
        assert!(locale(["C.utf8", "", "C"]));
        assert!(!locale(["C", "", "en_GB.UTF-8"]));
        assert!(!locale(["", "", ""]));
    }
}
