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
    experiment::{
        Bench, Experiment, Outcome, Plan, Request, Runs, SampleFile, SampleFormat, Which, choose, episode,
        pair,
    },
    path::StopSignal,
    report::{TextOptions, episode::Episode, to_ladders},
};

/// Single messages.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Single messages")]
pub(crate) struct DetailArgs {
    /// Draw an episode below the table, packet by packet: longest (the longest stall of the first link that has
    /// one), or seq=N (what happened to message N of the schedule, from 0). Not on direct, which has no link. On relay
    /// and netns it shows one more run with the same seed. Two transports are drawn side by side, at a message that was
    /// lost or late on both. HTML and SVG then have this ladder. Not with --json, whose standard output is one document
    #[arg(long, value_name = "WHICH", num_args = 0..=1, default_missing_value = "longest", conflicts_with_all = ["json", "format"])]
    #[arg(value_parser = parse::<Which>)]
    ladder: Option<Which>,
    /// Draw the ladder with ASCII only [default: if the locale is not UTF-8]
    #[arg(long, requires = "ladder")]
    ascii: bool,
    /// Write every message to a file, one row each, as CSV or JSON Lines; seq is the number that --ladder takes. The
    /// result then also has the data for pictures
    #[arg(long, value_name = "FILE.csv|FILE.jsonl")]
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
        Ok(())
    }

    /// Refuses options that need the whole result, when a part is run.
    pub(crate) fn check_part(&self) -> Result<(), UsageError> {
        self.refuse_ladder("give it to `wirelab report` with all parts")
    }

    /// Refuses options for single messages, because a saved result has none.
    pub(crate) fn refuse(&self) -> Result<(), UsageError> {
        self.refuse_ladder("only `wirelab report` with parts can make one")?;
        match self.samples {
            Some(_) => {
                Err(UsageError::new("--samples: only parts that were run with --samples have samples"))
            }
            None => Ok(()),
        }
    }

    fn refuse_ladder(&self, why: &str) -> Result<(), UsageError> {
        if self.wants_ladder() { Err(UsageError::new(format!("--ladder: {why}"))) } else { Ok(()) }
    }

    /// Whether `--samples` was given.
    pub(crate) fn wants_samples(&self) -> bool {
        self.samples.is_some()
    }

    /// Refuses a file of samples that has no format, or that is the file of the `result`.
    pub(crate) fn check_name(&self, result: Option<&Path>) -> Result<(), UsageError> {
        match &self.samples {
            Some(path) if result == Some(path) => {
                Err(UsageError::new("--samples: is the same file as --output"))
            }
            Some(path) => sample_format(path).map(drop),
            None => Ok(()),
        }
    }

    /// Opens the file of samples, if one is asked for; `result` is the file of the result.
    pub(crate) fn open(&self, result: Option<&Path>) -> anyhow::Result<Option<Samples>> {
        self.check_name(result)?;
        let Some(path) = &self.samples else { return Ok(None) };
        let draft = Draft::create(path)?;
        let out = Box::new(BufWriter::new(draft.file()?));
        let columns = Bench::SAMPLE_COLUMNS.unwrap_or_default();
        Ok(Some(Samples { samples: SampleFile::new(out, sample_format(path)?, columns), draft }))
    }

    /// The episodes of the requested ladder, from the first batch that has one. If exactly two transports have the same
    /// link and workload, both show the same message.
    pub(crate) fn episodes(
        &self,
        request: &Request<Plan>,
        runs: &[Vec<Runs<Outcome>>],
        stop: &StopSignal,
    ) -> anyhow::Result<Vec<Episode>> {
        let Some(which) = self.ladder else { return Ok(Vec::new()) };
        let mut batches = request.batches.iter().zip(runs).filter(|(batch, _)| batch.path.has_link());
        let chosen =
            batches.find_map(|(batch, runs)| Some((batch, runs, choose(&batch.plans, runs, which)?)));
        let Some((batch, runs, (plan, seed))) = chosen else { return Ok(Vec::new()) };
        if stop.is_set() {
            note("no ladder: the run was interrupted");
            return Ok(Vec::new());
        }
        let alike: Vec<&Plan> =
            batch.plans.iter().filter(|other| other.differs_in_transport_only(plan)).collect();
        let both = match alike[..] {
            [left, right] => pair([left, right], &seeds(seed, runs), which, stop)?,
            _ => None,
        };
        if both.is_none() && alike.len() == 2 {
            note("no message was lost or late on both transports in the first seeds: one ladder alone");
        }
        let episodes = match both {
            Some(both) => Vec::from(both),
            None => episode(plan, seed, which, stop)?.into_iter().collect(),
        };
        if episodes.is_empty() {
            note(nothing(plan, seed, which));
        }
        Ok(episodes)
    }

    /// Prints the ladder of these episodes, if it was requested.
    pub(crate) fn draw(&self, episodes: &[Episode], text: TextOptions) -> anyhow::Result<()> {
        if !self.wants_ladder() || episodes.is_empty() {
            return Ok(());
        }
        let options = TextOptions { ascii: self.ascii || text.ascii, ..text };
        Ok(raw(format!("\n{}", to_ladders(episodes, options)).as_bytes())?)
    }

    /// Whether a ladder is asked for.
    pub(crate) fn wants_ladder(&self) -> bool {
        self.ladder.is_some()
    }
}

/// The seeds that are searched for a message that was lost or late on both transports: `worst` first, then a few
/// others.
pub(crate) fn seeds(worst: u64, runs: &[Runs<Outcome>]) -> Vec<u64> {
    const MOST: usize = 4;
    let all = runs.iter().flat_map(|runs| &runs.outcomes).map(|(seed, _)| *seed);
    let mut seeds = vec![worst];
    for seed in all {
        if !seeds.contains(&seed) {
            seeds.push(seed);
        }
        if seeds.len() == MOST {
            break;
        }
    }
    seeds
}

/// Why there is no ladder.
fn nothing(plan: &Plan, seed: u64, which: Which) -> String {
    let run = format!("{}, seed {seed}", plan.transport);
    match which {
        Which::Longest => format!("no ladder: in {run}, no message was lost or had to wait"),
        Which::Message(number) => format!(
            "no ladder: in {run}, message {number} was not sent in the measured time and blocked no message of it"
        ),
    }
}

/// The format that the ending of `path` names.
fn sample_format(path: &Path) -> Result<SampleFormat, UsageError> {
    match path.extension().and_then(|ending| ending.to_str()) {
        Some("csv") => Ok(SampleFormat::Csv),
        Some("jsonl") => Ok(SampleFormat::JsonLines),
        _ => Err(UsageError::new(format!(
            "--samples: invalid name `{}`: expected one that ends in .csv or .jsonl",
            path.display()
        ))),
    }
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
