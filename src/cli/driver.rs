//! From a request to a result and an exit status, for every experiment.

use std::{
    collections::BTreeSet,
    io::{self, BufWriter},
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
};

use anyhow::{anyhow, bail};
use indicatif::ProgressBar;
use serde_json::{Map, Value};
use wirelab::{
    experiment::{
        Batch, Driven, Experiment, Options, PART_SCHEMA, PartHeader, PathKind, Request, RunRecorder, Shard,
        TARGET, assemble, config, deal, drive, drive_jobs, entry, system, write_part,
    },
    path::StopSignal,
    report::{ResultFile, Skipped},
};

use super::{
    announce::announce,
    draft::Draft,
    inputs::digests,
    interrupt::{INTERRUPTED, stop_on_interrupt},
    memory,
    options::{
        capture::CaptureArgs,
        detail::{DetailArgs, Samples},
        output::{Drafts, OutputArgs, first_error},
        sweep::{SweepArgs, part_path},
    },
    output::{complain, is_closed_pipe, note, raw},
    parts::{Parts, check_part},
    progress::bar,
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

impl<E: Experiment> Prepared<'_, E> {
    /// Runs everything, or puts the parts of a sweep together, and calls `write`, which writes the result. With
    /// `--shard`, runs one part and saves it.
    pub(crate) fn run<'o>(
        self,
        output: &'o OutputArgs,
        write: impl FnOnce(&mut Finished<'o, E>) -> anyhow::Result<()>,
    ) -> anyhow::Result<ExitCode> {
        let shard = self.sweep.shard()?;
        self.detail.map_or(Ok(()), |detail| detail.check_name(output.path()))?;
        match shard {
            Some(shard) => self.check_part(shard, output)?,
            None => self.check_whole(output)?,
        }
        if let Some(config) = &self.sweep.printed {
            self.check_runs()?;
            memory::check::<E>(self.request, true)?;
            raw(config.as_bytes())?;
            return Ok(ExitCode::SUCCESS);
        }
        match shard {
            Some(shard) => self.run_part(shard, output),
            None => {
                let mut finished = self.run_whole(output)?;
                let written = write(&mut finished);
                finished.end(written)
            }
        }
    }

    /// Refuses what cannot be done with a whole result, as far as no file has to be opened.
    fn check_whole(&self, output: &OutputArgs) -> anyhow::Result<()> {
        self.capture.check_name()?;
        Ok(output.check_name()?)
    }

    /// Refuses what cannot be done with a part.
    fn check_part(&self, shard: Shard, output: &OutputArgs) -> anyhow::Result<()> {
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
        self.check_runs()?;
        part_path(output.path(), self.command, shard)?;
        Ok(())
    }

    /// Refuses a request of which nothing can be run.
    fn check_runs(&self) -> anyhow::Result<()> {
        if self.request.runs() == 0 { Err(nothing_was_measured(&self.request.skipped)) } else { Ok(()) }
    }

    /// Opens the files, announces the run, and runs it.
    fn run_whole(self, output: &OutputArgs) -> anyhow::Result<Finished<'_, E>> {
        let samples = self.detail.map(|detail| detail.open(output.path())).transpose()?.flatten();
        let parts = self.sweep.parts.as_ref();
        if parts.is_none() {
            memory::check::<E>(self.request, output.is_quiet())?;
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
            announce(self.experiment, self.request, None, &stop);
        }
        let is_shown = parts.is_none() && output.shows_progress();
        let bar = if is_shown { bar::<E>(self.request, None) } else { ProgressBar::hidden() };
        let options = Options {
            samples: samples.as_ref().map(Samples::file),
            pictures: is_traced,
            recorder: captures.as_ref().map(|captures| captures as &dyn RunRecorder),
            ..self.options(&stop, &bar)
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

    /// How a part is run. Whether pictures are wanted is known when the parts are put together.
    fn options(&self, stop: &StopSignal, bar: &ProgressBar) -> Options<'static> {
        let shown = bar.clone();
        Options {
            first_seed: self.first_seed,
            stop: stop.clone(),
            progress: Arc::new(move |done| shown.inc(done)),
            samples: None,
            pictures: true,
            recorder: None,
        }
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
        memory::check::<E>(self.request, output.is_quiet())?;
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
        if !output.is_quiet() {
            announce(self.experiment, self.request, Some(&jobs), &stop);
        }
        let bar = match output.shows_progress() {
            true => bar::<E>(self.request, Some(&jobs)),
            false => ProgressBar::hidden(),
        };
        let options = self.options(&stop, &bar);
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
