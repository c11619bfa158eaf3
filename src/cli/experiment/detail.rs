//! What is shown of single messages, beside the figures: every one in a file, or one episode as a ladder.

use std::{
    fs::File,
    io::BufWriter,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
};

use clap::Args;

use super::{
    Batch, Request,
    output::{Draft, terminal},
    usage::UsageError,
    workload::parse,
};
use crate::cli::output::{note, raw};
use wirelab::{
    experiment::{
        Observers, Outcome, Place, Plan, Remote, RunError, Runs, SampleFile, SampleRows, SampleSink, Which,
        choose, episode, run, run_remote,
    },
    report::{LadderOptions, to_ladder},
};

/// Single messages.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Single messages")]
pub(crate) struct DetailArgs {
    /// Draw an episode below the table, packet by packet: longest (the longest stall of the first link that has
    /// one), or seq=N (what befell message N of the schedule, from 0). In sim only, and not with --json, whose
    /// standard output is one document
    #[arg(long, value_name = "WHICH", num_args = 0..=1, default_missing_value = "longest", conflicts_with = "json")]
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
pub(super) struct Samples {
    file: SampleFile<BufWriter<File>>,
    draft: Draft,
}

/// How the runs of one batch are made.
pub(super) struct Runner<'a> {
    samples: Option<&'a Samples>,
    servers: Vec<Elsewhere<'a>>,
    seeds: usize,
    /// What batches before this one have had.
    jobs: usize,
    plans: usize,
}

/// A server by URL, which is asked no more once it has gone.
struct Elsewhere<'a> {
    remote: &'a Remote,
    gone: AtomicBool,
}

impl DetailArgs {
    /// Whether what is asked for can be shown of `request`.
    pub(super) fn check(&self, request: &Request) -> Result<(), UsageError> {
        if self.ladder.is_some() && request.batches.iter().all(|batch| batch.path.is_real_time()) {
            return Err(UsageError::new("--ladder: packets are seen with --path sim only"));
        }
        match &self.samples {
            Some(path) if path.extension().is_none_or(|ending| ending != "csv") => Err(UsageError::new(
                format!("--samples: write a name that ends in .csv, not `{}`", path.display()),
            )),
            _ => Ok(()),
        }
    }

    /// Opens the file of samples, where one is asked for; `result` is where the result goes.
    pub(super) fn open(&self, result: Option<&Path>) -> anyhow::Result<Option<Samples>> {
        let Some(path) = &self.samples else { return Ok(None) };
        if result == Some(path) {
            return Err(UsageError::new("--samples: is the same file as --output").into());
        }
        let (draft, file) = Draft::create(path)?;
        Ok(Some(Samples { file: SampleFile::new(BufWriter::new(file)), draft }))
    }

    /// The run that the ladder is drawn of, if this batch has it.
    pub(super) fn choose<'a>(&self, batch: &'a Batch, runs: &[Runs]) -> Option<(&'a Plan, u64)> {
        let which = self.ladder.filter(|_| !batch.path.is_real_time())?;
        choose(&batch.plans, runs, which)
    }

    /// Draws the ladder that was asked for, of the run that was chosen for it.
    pub(super) fn draw(&self, chosen: Option<(&Plan, u64)>, stop: &AtomicBool) -> anyhow::Result<()> {
        let (Some(which), Some((plan, seed))) = (self.ladder, chosen) else { return Ok(()) };
        if stop.load(Ordering::Relaxed) {
            note("no ladder is drawn of an interrupted run");
            return Ok(());
        }
        let Some(episode) = episode(plan, seed, which)? else {
            note(nothing(plan, seed, which));
            return Ok(());
        };
        let text = terminal();
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
    /// Completes the file.
    pub(super) fn complete(self) -> anyhow::Result<()> {
        let Self { file, draft } = self;
        let file = file.finish().and_then(|out| out.into_inner().map_err(|error| error.into_error()));
        draft.complete(file)
    }
}

impl<'a> Runner<'a> {
    /// For each batch of `request`, how it is run.
    pub(super) fn each(request: &'a Request, samples: Option<&'a Samples>) -> Vec<Self> {
        let (mut jobs, mut plans) = (0, 0);
        let mut runners = Vec::new();
        for batch in &request.batches {
            let seeds = usize::try_from(batch.seeds).unwrap_or(usize::MAX);
            let servers =
                batch.servers.iter().map(|remote| Elsewhere { remote, gone: AtomicBool::new(false) });
            runners.push(Self { samples, servers: servers.collect(), seeds, jobs, plans });
            jobs += batch.plans.len() * seeds;
            plans += batch.plans.len();
        }
        runners
    }

    /// Makes a run, and writes its samples where they are asked for.
    pub(super) fn run(&self, job: usize, plan: &Plan, seed: u64) -> Result<Outcome, RunError> {
        let Some(samples) = self.samples else {
            return self.run_shown(job, plan, seed, None);
        };
        let place = Place { job: self.jobs + job, plan: self.plans + job / self.seeds };
        let turn = samples.file.turn(place);
        let rows = SampleRows::new(plan, seed);
        let outcome = self.run_shown(job, plan, seed, Some(rows.sink()))?;
        turn.take(&rows);
        Ok(outcome)
    }

    fn run_shown(
        &self,
        job: usize,
        plan: &Plan,
        seed: u64,
        samples: Option<SampleSink>,
    ) -> Result<Outcome, RunError> {
        match self.servers.get(job / self.seeds) {
            Some(server) => server.run(plan, seed, samples),
            None => run(plan, seed, Observers { samples, packets: None }),
        }
    }
}

impl Elsewhere<'_> {
    fn run(&self, plan: &Plan, seed: u64, samples: Option<SampleSink>) -> Result<Outcome, RunError> {
        if self.gone.load(Ordering::Relaxed) {
            return Err(RunError::Gone);
        }
        let outcome = run_remote(plan, self.remote, seed, samples);
        let gone = outcome.as_ref().map_or(true, |outcome| outcome.broken.is_some());
        self.gone.store(gone, Ordering::Relaxed);
        outcome
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
