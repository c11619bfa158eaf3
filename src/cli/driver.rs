//! From a request to a result and an exit status, for every experiment.

use std::{
    collections::BTreeSet,
    io::{self, BufWriter},
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use anyhow::{anyhow, bail};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Map, Value};
use wirelab::{
    experiment::{
        Batch, Driven, Experiment, Options, PART_SCHEMA, PartHeader, PathKind, Progress, Request,
        RunRecorder, Shard, TARGET, assemble, config, deal, drive, drive_jobs, entry, system, write_part,
    },
    path::StopSignal,
    report::{ResultFile, Skipped},
};

use super::{
    draft::Draft,
    inputs::digests,
    interrupt::{INTERRUPTED, stop_on_interrupt},
    memory,
    options::{
        capture::CaptureArgs,
        detail::{DetailArgs, Samples},
        output::{Drafts, OutputArgs, first_error},
        sweep::{SweepArgs, part_path},
        workload::to_shorten,
    },
    output::{complain, is_closed_pipe, note},
    parts::{Parts, check_part},
    system::{check_loopback, raise_file_limit},
    usage::UsageError,
};

/// An experiment that is ready to run: everything that could be refused has been.
pub(crate) struct Prepared<'a, E: Experiment> {
    pub(crate) command: &'static str,
    pub(crate) experiment: &'a E,
    pub(crate) request: &'a Request<E::Plan>,
    /// The options that only this command has, resolved.
    pub(crate) config: Map<String, Value>,
    /// The files that the options name and that are read.
    pub(crate) inputs: Vec<PathBuf>,
    pub(crate) first_seed: u64,
    /// The options for single messages, where the command has them.
    pub(crate) detail: Option<&'a DetailArgs>,
    pub(crate) capture: &'a CaptureArgs,
    pub(crate) sweep: &'a SweepArgs,
}

/// What was run, before it is written.
pub(crate) struct Finished<'a, E: Experiment> {
    pub(crate) driven: Driven<E::Outcome>,
    pub(crate) stop: StopSignal,
    output: &'a OutputArgs,
    drafts: Drafts,
    /// The first error of the samples and of the captures.
    saved: anyhow::Result<()>,
    is_traced: bool,
}

/// Waits shorter than this are not announced.
const ANNOUNCED: Duration = Duration::from_secs(1);
/// The same for virtual time, where the wait is only an estimate.
const ANNOUNCED_ESTIMATE: Duration = Duration::from_secs(10);

impl<E: Experiment> Prepared<'_, E> {
    /// Runs everything, or puts the parts of a sweep together, and calls `write`, which writes the result. With
    /// `--shard`, runs one part and saves it.
    pub(crate) fn run<'o>(
        self,
        output: &'o OutputArgs,
        write: impl FnOnce(&mut Finished<'o, E>) -> anyhow::Result<()>,
    ) -> anyhow::Result<ExitCode> {
        match self.sweep.shard()? {
            Some(shard) => self.run_part(shard, output),
            None => {
                let mut finished = self.run_whole(output)?;
                let written = write(&mut finished);
                finished.end(written)
            }
        }
    }

    /// Opens the files, announces the run, and runs it.
    fn run_whole(self, output: &OutputArgs) -> anyhow::Result<Finished<'_, E>> {
        let samples = self.detail.map(|detail| detail.open(output.path())).transpose()?.flatten();
        let parts = self.sweep.parts.as_ref();
        if parts.is_none() {
            check_memory::<E>(self.request, output.is_quiet())?;
        }
        self.check_loopback()?;
        let captures = self.capture.open(self.command)?;
        let drafts = output.open()?;
        let is_traced = output.wants_pictures() || samples.is_some();
        raise_file_limit();
        let ending = "ending the run and writing what there is";
        let stop = stop_on_interrupt(ending).map_err(|e| anyhow!("cannot listen for Ctrl-C: {e}"))?;
        let mut file = ResultFile::new(self.command);
        file.config = self.config();
        if parts.is_none() && !output.is_quiet() {
            announce(self.experiment, self.request, 1.0, &stop);
        }
        let is_shown = parts.is_none() && output.shows_progress();
        let bar = if is_shown { bar::<E>(self.request, 1.0) } else { ProgressBar::hidden() };
        let shown = bar.clone();
        let progress: Progress = Arc::new(move |done| shown.inc(done));
        let options = Options {
            first_seed: self.first_seed,
            stop: stop.clone(),
            progress,
            samples: samples.as_ref().map(Samples::file),
            pictures: is_traced,
            recorder: captures.as_ref().map(|captures| captures as &dyn RunRecorder),
        };
        let driven = match parts {
            Some(parts) => self.assemble(parts, &options, file)?,
            None => drive(self.experiment, self.request, &options, file),
        };
        bar.finish_and_clear();
        let sampled = samples.map_or(Ok(()), Samples::complete);
        let captured = match &captures {
            Some(captures) => captures.complete(self.request.runs(), output.is_quiet()),
            None => Ok(()),
        };
        let saved = first_error([sampled, captured]);
        Ok(Finished { driven, stop, output, drafts, saved, is_traced })
    }

    /// Without loopback, runs over it would only end after a long wait.
    fn check_loopback(&self) -> anyhow::Result<()> {
        let crosses = |batch: &Batch<E::Plan>| {
            batch.servers.is_empty() && matches!(batch.path, PathKind::Relay | PathKind::Direct)
        };
        match self.sweep.parts.is_none() && self.request.batches.iter().any(crosses) {
            true => check_loopback().map_err(without_loopback),
            false => Ok(()),
        }
    }

    fn wants_samples(&self) -> bool {
        self.detail.is_some_and(DetailArgs::wants_samples)
    }

    /// Every option, resolved, and those that were given.
    fn config(&self) -> Map<String, Value> {
        let mut all = config::<E>(self.request, self.first_seed);
        all.extend(self.config.clone());
        all.extend([entry("options", self.sweep.given.clone())]);
        all
    }

    /// The result of what the parts have measured.
    fn assemble(
        &self,
        parts: &Parts,
        options: &Options<'_>,
        mut file: ResultFile,
    ) -> anyhow::Result<Driven<E::Outcome>> {
        let header = parts.header();
        if self.wants_samples() && !header.has_samples {
            bail!(UsageError::new("--samples: the parts have none: run them with --samples too"));
        }
        let records = parts.records::<E>(self.request, &file.config, &digests(&self.inputs)?)?;
        file.system.clone_from(&header.system);
        Ok(assemble::<E>(self.request, options, records, file))
    }

    /// Runs one part and saves it. A part that is not run to its end leaves no file.
    fn run_part(self, shard: Shard, output: &OutputArgs) -> anyhow::Result<ExitCode> {
        output.refuse_in_part()?;
        self.detail.map_or(Ok(()), DetailArgs::check_part)?;
        let refused = self.capture.first_given();
        let refused =
            refused.map(|option| format!("{option}: parts of a sweep are not captured; leave out --shard"));
        let is_remote = self.request.batches.iter().any(|batch| !batch.servers.is_empty());
        let refused = refused.or_else(|| {
            is_remote.then(|| "--shard: runs against a server by URL depend on each other".to_owned())
        });
        if let Some(refused) = refused {
            bail!(UsageError::new(refused));
        }
        if self.request.runs() == 0 {
            return Err(nothing_was_measured(&self.request.skipped));
        }
        let header = self.part_header(shard)?;
        let path = part_path(output.path(), self.command, shard)?;
        let jobs = shard.jobs(deal::<E>(self.request, shard.count));
        let say = |what: &str| {
            if !output.is_quiet() {
                let (of, path) = (self.request.runs(), path.display());
                note(format_args!("part {shard}: {} of {of} runs, {what} {path}", jobs.len()));
            }
        };
        if self.sweep.resumes() && path.exists() {
            check_part::<E::Outcome>(&path, &header, &jobs)?;
            say("already in");
            return Ok(ExitCode::SUCCESS);
        }
        check_memory::<E>(self.request, output.is_quiet())?;
        self.check_loopback()?;
        let draft = Draft::create(&path)?;
        raise_file_limit();
        let ending = "ending the part";
        let stop = stop_on_interrupt(ending).map_err(|e| anyhow!("cannot listen for Ctrl-C: {e}"))?;
        say("to");
        if self.request.paths().any(PathKind::is_real_time) && !output.is_quiet() {
            note(
                "runs in real time are not the same twice: all parts must come from machines that are alike",
            );
        }
        let share = jobs.len() as f64 / self.request.runs().max(1) as f64;
        if !output.is_quiet() {
            announce(self.experiment, self.request, share, &stop);
        }
        let bar = if output.shows_progress() { bar::<E>(self.request, share) } else { ProgressBar::hidden() };
        let shown = bar.clone();
        let options = Options {
            first_seed: self.first_seed,
            stop: stop.clone(),
            progress: Arc::new(move |done| shown.inc(done)),
            samples: None,
            // Whether pictures are wanted is known when the parts are put together.
            pictures: true,
            recorder: None,
        };
        let records = drive_jobs(self.experiment, self.request, &options, &jobs, self.wants_samples());
        bar.finish_and_clear();
        if records.len() < jobs.len() {
            complain(format_args!("part {shard} was interrupted: it leaves no file"));
            return Ok(ExitCode::from(INTERRUPTED));
        }
        let written = write_part(BufWriter::new(draft.file()?), &header, &records);
        draft.complete(written)?;
        Ok(ExitCode::SUCCESS)
    }

    fn part_header(&self, shard: Shard) -> anyhow::Result<PartHeader> {
        Ok(PartHeader {
            schema: PART_SCHEMA.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            target: TARGET.to_owned(),
            command: self.command.to_owned(),
            options: self.sweep.given.clone(),
            files: digests(&self.inputs)?,
            config: self.config(),
            skipped: self.request.skipped.clone(),
            paths: self.request.paths().map(|path| path.name().to_owned()).collect(),
            system: system(self.request.paths()),
            jobs: self.request.runs(),
            has_samples: self.wants_samples(),
            shard,
        })
    }
}

impl<E: Experiment> Finished<'_, E> {
    /// Whether the result has the data for pictures.
    pub(crate) fn is_traced(&self) -> bool {
        self.is_traced
    }

    /// Writes the result. Returns the first error of the samples, the captures and the result.
    pub(crate) fn write(&mut self) -> anyhow::Result<()> {
        let saved = std::mem::replace(&mut self.saved, Ok(()));
        let written = self.output.write(std::mem::take(&mut self.drafts), &self.driven.file);
        first_error([saved, written])
    }

    /// Reports errors of the run and of writing its result. Returns the exit status.
    fn end(&self, written: anyhow::Result<()>) -> anyhow::Result<ExitCode> {
        match (written, self.status()) {
            (Ok(()), status) => status,
            (Err(error), status) if is_closed_pipe(&error) => status,
            (Err(error), Ok(_)) => Err(error),
            (Err(error), Err(reason)) => {
                complain(error);
                Err(reason)
            }
        }
    }

    /// The error of a run without a success.
    fn nothing(&self, problems: &[String]) -> anyhow::Error {
        let file = &self.driven.file;
        match problems.is_empty() && file.cells.is_empty() {
            true => nothing_was_measured(&file.skipped),
            false => one_by_one(problems.iter().map(|problem| format!("no reply: {problem}"))),
        }
    }

    fn status(&self) -> anyhow::Result<ExitCode> {
        let Driven { problems, succeeded, failed, interrupted, .. } = &self.driven;
        let is_incomplete = problems.iter().any(|problem| problem.is_incomplete);
        let problems: Vec<String> =
            problems.iter().map(|problem| format!("{}: {}", problem.subject, problem.reason)).collect();
        let is_nothing = !E::ALL_MUST_SUCCEED || self.driven.file.cells.is_empty() && problems.is_empty();
        if is_nothing && *succeeded == 0 && !interrupted {
            return Err(self.nothing(&problems));
        }
        problems.iter().for_each(complain);
        let has_failed = *failed || is_incomplete || *succeeded == 0;
        Ok(match interrupted {
            true => ExitCode::from(INTERRUPTED),
            false if has_failed || E::ALL_MUST_SUCCEED && !problems.is_empty() => ExitCode::FAILURE,
            false => ExitCode::SUCCESS,
        })
    }
}

/// The error of a request of which nothing could be run.
fn nothing_was_measured(skipped: &[Skipped]) -> anyhow::Error {
    let reason =
        |row: &Skipped| format!("nothing was measured: {} on {}: {}", row.transport, row.path, row.reason);
    one_by_one(skipped.iter().map(reason))
}

/// Reports each reason once. The last one is the error.
fn one_by_one(reasons: impl Iterator<Item = String>) -> anyhow::Error {
    let mut said = BTreeSet::new();
    let mut reasons: Vec<String> = reasons.filter(|reason| said.insert(reason.clone())).collect();
    let last = reasons.pop().unwrap_or_else(|| "no reply to any message".to_owned());
    reasons.iter().for_each(complain);
    anyhow!(last)
}

/// What to do about a loopback interface that does not work.
pub(crate) fn without_loopback(error: io::Error) -> anyhow::Error {
    match error.kind() {
        io::ErrorKind::NetworkUnreachable => anyhow!("the loopback interface is down: ip link set lo up"),
        _ => anyhow!("cannot use the loopback interface: {error}"),
    }
}

/// Memory below this is not announced.
const MUCH_MEMORY: u64 = 1 << 30;

/// Refuses a run that takes more memory than there is, and announces one that takes much.
fn check_memory<E: Experiment>(request: &Request<E::Plan>, quiet: bool) -> Result<(), UsageError> {
    let needed = request.batches.iter().filter_map(|batch| {
        let largest = batch.plans.iter().map(E::size).max_by_key(|size| size.memory)?;
        let at_once = batch.runs().min(batch.parallel() as u64);
        Some((largest.memory.saturating_mul(at_once), largest.contents))
    });
    let (needed, contents) = needed.max().unwrap_or_default();
    let (option, instead) = to_shorten(contents);
    let gigabytes = |bytes: u64| format!("{:.1} GB", bytes as f64 / 1e9);
    match memory::available() {
        Some(available) if needed > available => Err(UsageError::new(format!(
            "{option}: this takes up to {} of memory, and {} are available; use {instead}",
            gigabytes(needed),
            gigabytes(available),
        ))),
        _ => {
            if needed >= MUCH_MEMORY && !quiet {
                note(format_args!("this takes up to {} of memory", gigabytes(needed)));
            }
            Ok(())
        }
    }
}

/// Says how long a share of the runs will take.
fn announce<E: Experiment>(experiment: &E, request: &Request<E::Plan>, share: f64, stop: &StopSignal) {
    let in_real_time = || request.batches.iter().filter(|batch| batch.path.is_real_time());
    let durations = in_real_time().flat_map(|batch| {
        let seeds = u32::try_from(batch.seeds).unwrap_or(u32::MAX);
        let duration = |plan| experiment.expected(plan, stop).unwrap_or_default();
        batch.plans.iter().map(move |plan| duration(plan).saturating_mul(seeds))
    });
    let all = durations.fold(Duration::ZERO, Duration::saturating_add);
    let expected = if share < 1.0 { all.mul_f64(share) } else { all };
    let is_least = in_real_time().flat_map(|batch| &batch.plans).any(|plan| E::size(plan).is_least);
    let about = if is_least { "at least" } else { "about" };
    if expected >= ANNOUNCED {
        note(format_args!("this takes {about} {} of real time", in_words(expected)));
    }
    let simulating = simulating::<E>(request).mul_f64(share);
    if simulating >= ANNOUNCED_ESTIMATE {
        note(format_args!("simulating this takes roughly {}", in_words(simulating)));
    }
}

/// About how long all runs in virtual time take on this machine's cores.
fn simulating<E: Experiment>(request: &Request<E::Plan>) -> Duration {
    let in_virtual_time = request.batches.iter().filter(|batch| !batch.path.is_real_time());
    let durations = in_virtual_time.map(|batch| {
        let work: u64 = batch.plans.iter().map(|plan| E::size(plan).work).fold(0, u64::saturating_add);
        let at_once = batch.runs().min(batch.parallel() as u64).max(1);
        Duration::from_nanos(work.saturating_mul(batch.seeds) / at_once)
    });
    durations.fold(Duration::ZERO, Duration::saturating_add)
}

/// A time that is only about right: `8 s`, `1 min 44 s`.
fn in_words(time: Duration) -> String {
    let seconds = time.as_millis().div_ceil(1000);
    match (seconds / 60, seconds % 60) {
        (0, seconds) => format!("{seconds} s"),
        (minutes, 0) => format!("{minutes} min"),
        (minutes, seconds) => format!("{minutes} min {seconds} s"),
    }
}

/// A bar over a share of all runs, or of all bytes where runs report them.
fn bar<E: Experiment>(request: &Request<E::Plan>, share: f64) -> ProgressBar {
    let bytes = request.batches.iter().flat_map(|batch| {
        let bytes = |plan| Some(E::size(plan).bytes?.saturating_mul(batch.seeds));
        batch.plans.iter().map(bytes)
    });
    let (total, template) = match bytes.sum::<Option<u64>>() {
        Some(bytes) => (bytes, "{bar:40} {bytes}/{total_bytes}, {binary_bytes_per_sec}, {eta} left"),
        None => (request.runs(), "{bar:40} {pos}/{len} runs, {eta} left"),
    };
    let bar = ProgressBar::new((total as f64 * share) as u64);
    bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn announced_times_are_whole_seconds() {
        let said = |ms| in_words(Duration::from_millis(ms));
        assert_eq!([said(1_200), said(60_000), said(101_010)], ["2 s", "1 min", "1 min 42 s"]);
    }
}
