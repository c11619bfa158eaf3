//! Runs an experiment: every plan with every seed, path by path, into a result.
//!
//! An experiment implements [`Experiment`]; [`drive`] does what all of them need: threads, servers that have gone away,
//! samples, failures, interruption, and the fields that every result has.

use std::{
    cell::OnceCell,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use serde::{Serialize, de::DeserializeOwned};

use super::{
    error::RunError,
    matrix::{MatrixOptions, Runs, run_jobs, run_matrix, seed_of},
    part::{Made, Record},
    remote::Remote,
    request::{Batch, Request, skipped},
    result::system::{add_fidelity, system},
    run_recorder::{RecordedRun, RunRecorder},
    sample_file::{JobIndex, SampleFile},
    setup::Setup,
};
use crate::{
    capture::Recording,
    path::{Fidelity, StopSignal},
    report::{Cell, Paired, ResultFile},
};

/// An experiment: what is done with one plan and seed, and how its outcomes become a row of a result.
pub trait Experiment: Sync {
    /// What is done in a run, except for the seed.
    type Plan: Sync;
    /// What one run has shown. A part of a sweep saves it, and what is read back makes the same row.
    type Outcome: Send + Serialize + DeserializeOwned;

    /// The header of the samples that [`Experiment::run`] writes; `None` if it writes none.
    const SAMPLE_COLUMNS: Option<&'static str> = None;
    /// Whether one run without success makes the whole a failure. Otherwise one success is enough.
    const ALL_MUST_SUCCEED: bool = false;

    /// The plan's point of the matrix.
    fn setup(plan: &Self::Plan) -> Setup<'_>;

    /// The name of the plan in messages to the user.
    fn name(plan: &Self::Plan) -> String {
        Self::setup(plan).transport.name().to_owned()
    }

    /// Why the plan cannot be run, if it cannot.
    fn refusal(plan: &Self::Plan) -> Option<String> {
        Self::setup(plan).refusal().map(str::to_owned)
    }

    /// How large a run of `plan` is.
    fn size(plan: &Self::Plan) -> RunSize;

    /// How long a run of `plan` takes in real time, for announcements. Measured where only a trial can tell.
    fn expected(&self, plan: &Self::Plan, _stop: &StopSignal) -> Option<Duration> {
        Self::size(plan).duration
    }

    /// Makes one run. Returns an error if the run could not be made.
    fn run(&self, plan: &Self::Plan, job: &Job<'_>) -> Result<Self::Outcome, RunError>;

    /// How true the wire of a run was to its model; `None` in virtual time and without a link.
    fn fidelity(outcome: &Self::Outcome) -> Option<&Fidelity>;

    /// Whether a run has shown what it is for, such as a reply.
    fn has_succeeded(outcome: &Self::Outcome) -> bool;

    /// Whether an outcome that was read from a file can be one of `plan`. Other experiments' figures need no check:
    /// their rows use no figure to index another.
    fn is_possible(_plan: &Self::Plan, _outcome: &Self::Outcome) -> bool {
        true
    }

    /// Whether a run was ended from outside before it was complete.
    fn was_interrupted(outcome: &Self::Outcome) -> bool;

    /// Whether the outcomes of a plan make the command fail. A [`Experiment::problem`] that makes the result incomplete
    /// fails it too.
    fn has_failed(_runs: &Runs<Self::Outcome>) -> bool {
        false
    }

    /// Whether the server of a run has gone away, so that later runs need not try it.
    fn has_lost_server(_outcome: &Self::Outcome) -> bool {
        false
    }

    /// What went wrong in the runs of `plan`, for the user; `server` is set if it is remote.
    fn problem(plan: &Self::Plan, runs: &Runs<Self::Outcome>, server: Option<&Remote>) -> Option<Problem>;

    /// The row of `plan`. There is at least one outcome.
    fn cell(plan: &Self::Plan, runs: &Runs<Self::Outcome>) -> Cell;

    /// Differences between the rows of one path. `cells` gives the index of each plan's row, if it has one.
    fn compare(
        _plans: &[Self::Plan],
        _runs: &[Runs<Self::Outcome>],
        _cells: &[Option<usize>],
    ) -> Vec<Paired> {
        Vec::new()
    }

    /// Adds the data for pictures to the rows of one path.
    fn picture(
        _plans: &[Self::Plan],
        _runs: &[Runs<Self::Outcome>],
        _cells: &[Option<usize>],
        _file: &mut [Cell],
    ) {
    }
}

/// How large a run is, for announcements and progress.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RunSize {
    /// How long it takes in real time without loss; `None` if that is not known.
    pub duration: Option<Duration>,
    /// Whether loss can make it take much longer.
    pub is_least: bool,
    /// The bytes by which the run reports its progress; `None` if progress is counted in runs.
    pub bytes: Option<u64>,
    /// The most bytes of memory that it holds; 0 if that is little.
    pub memory: u64,
    /// Whether the warm-up is most of a run of messages.
    pub is_mostly_warmup: bool,
    /// About how long it keeps a core busy in virtual time, in nanoseconds; only its proportion to other runs matters.
    pub work: u64,
}

/// Receives progress: bytes where [`RunSize::bytes`] is set, and runs otherwise.
pub type Progress = Arc<dyn Fn(u64) + Send + Sync>;

/// One run of a matrix.
pub struct Job<'a> {
    /// The seed.
    pub seed: u64,
    /// The server, if it is remote.
    pub server: Option<&'a Remote>,
    /// Set to end the run early.
    pub stop: &'a StopSignal,
    /// Where a run that is measured in bytes reports them.
    pub progress: &'a Progress,
    /// Where the rows of its samples go, if they are wanted.
    pub samples: Option<&'a OnceCell<String>>,
    /// Whether to record a timeline of this run for pictures.
    pub traced: bool,
    /// The recording of this run.
    pub recording: Recording,
}

/// Something that went wrong in some runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// What it concerns. Only the first problem of a subject is kept.
    pub subject: String,
    /// What went wrong.
    pub reason: String,
    /// Whether the result lacks runs because of it.
    pub is_incomplete: bool,
}

impl<P> Request<P> {
    /// Adds a batch, without the plans that cannot be run.
    pub fn add<E: Experiment<Plan = P>>(&mut self, mut batch: Batch<P>) {
        batch.plans.retain(|plan| {
            let refusal = E::refusal(plan);
            refusal.iter().for_each(|reason| self.skip(&E::name(plan), batch.path, reason));
            refusal.is_none()
        });
        self.batches.push(batch);
    }
}

/// How a request is run.
pub struct Options<'a> {
    /// The first seed.
    pub first_seed: u64,
    /// Set from outside to end early with what is done.
    pub stop: StopSignal,
    /// Receives progress.
    pub progress: Progress,
    /// Where samples are written, if they are wanted.
    pub samples: Option<&'a SampleFile>,
    /// Whether the result must include the data for pictures.
    pub pictures: bool,
    /// What records the runs, if they are recorded.
    pub recorder: Option<&'a dyn RunRecorder>,
}

/// What was run.
#[derive(Debug)]
pub struct Driven<O> {
    /// The result.
    pub file: ResultFile,
    /// The outcomes of each batch.
    pub runs: Vec<Vec<Runs<O>>>,
    /// What went wrong, in the order of the plans.
    pub problems: Vec<Problem>,
    /// How many runs have shown what they are for.
    pub succeeded: u64,
    /// Whether the runs of a plan have failed, as [`Experiment::has_failed`] has it.
    pub failed: bool,
    /// Whether an interrupt left runs out or cut them short.
    pub interrupted: bool,
}

/// Runs everything in `request` and adds it to `file`.
pub fn drive<E: Experiment>(
    experiment: &E,
    request: &Request<E::Plan>,
    options: &Options<'_>,
    mut file: ResultFile,
) -> Driven<E::Outcome> {
    file.skipped.extend(request.skipped.iter().cloned());
    file.system = system(request.paths());
    let runs = request
        .with_first_jobs()
        .map(|(first, batch)| run_batch(experiment, batch, first, options))
        .collect();
    Driven::new::<E>(request, runs, options.pictures, file)
}

fn run_batch<E: Experiment>(
    experiment: &E,
    batch: &Batch<E::Plan>,
    first: JobIndex,
    options: &Options<'_>,
) -> Vec<Runs<E::Outcome>> {
    let matrix = MatrixOptions {
        first_seed: options.first_seed,
        seeds: batch.seeds,
        threads: batch.parallel(),
        stop: &options.stop,
    };
    let seeds = usize::try_from(batch.seeds).unwrap_or(usize::MAX);
    let running = Running::new(experiment, batch, first, options);
    run_matrix(&batch.plans, matrix, |job, _, _| {
        let index = JobIndex { job: first.job + job, plan: first.plan + job / seeds };
        let reservation = options.samples.map(|file| file.reserve(index));
        let rows = OnceCell::new();
        let result = running.run(job, reservation.is_some().then_some(&rows));
        if let (Ok(_), Some(reservation), Some(rows)) = (&result, reservation, rows.into_inner()) {
            reservation.write(rows);
        }
        result
    })
}

/// Runs some `jobs` of a request, counted over all its batches and in ascending order. With `keeps_samples`, the records
/// have the rows of their samples. Returns fewer records than jobs if the run was ended from outside.
pub fn drive_jobs<E: Experiment>(
    experiment: &E,
    request: &Request<E::Plan>,
    options: &Options<'_>,
    jobs: &[usize],
    keeps_samples: bool,
) -> Vec<Record<E::Outcome>> {
    let mut records = Vec::new();
    let mut rest = jobs;
    for (first, batch) in request.with_first_jobs() {
        let end = first.job + usize::try_from(batch.runs()).unwrap_or(usize::MAX);
        let (own, later) = rest.split_at(rest.partition_point(|job| *job < end));
        rest = later;
        let running = Running::new(experiment, batch, first, options);
        let finished = run_jobs(own.len(), batch.parallel(), &options.stop, |index| {
            let rows = OnceCell::new();
            let outcome = running.run(own[index] - first.job, keeps_samples.then_some(&rows));
            match outcome {
                Ok(outcome) if E::was_interrupted(&outcome) => Err(RunError::Interrupted),
                outcome => outcome.map(|outcome| (outcome, rows.into_inner())),
            }
        });
        records.extend(finished.into_iter().map(|(index, result)| {
            let (made, samples) = match result {
                Ok((outcome, rows)) => (Made::Outcome(outcome), rows),
                Err(error) => (Made::Failure(error.to_string()), None),
            };
            Record { job: own[index] as u64, made, samples }
        }));
    }
    records
}

/// Adds to `file` what the runs of `request` came to elsewhere. There is a record of every job, in their order. The
/// result has the bytes that [`drive`] would have given, if `file` says on which machine the runs were made.
pub fn assemble<E: Experiment>(
    request: &Request<E::Plan>,
    options: &Options<'_>,
    records: impl IntoIterator<Item = Record<E::Outcome>>,
    mut file: ResultFile,
) -> Driven<E::Outcome> {
    file.skipped.extend(request.skipped.iter().cloned());
    let mut records = records.into_iter();
    let mut all = Vec::new();
    for (first, batch) in request.with_first_jobs() {
        let seeds = usize::try_from(batch.seeds).unwrap_or(usize::MAX);
        let mut runs: Vec<Runs<E::Outcome>> = batch.plans.iter().map(|_| Runs::default()).collect();
        for (job, Record { made, samples, .. }) in
            records.by_ref().take(runs.len().saturating_mul(seeds)).enumerate()
        {
            let index = JobIndex { job: first.job + job, plan: first.plan + job / seeds };
            let reservation = options.samples.map(|file| file.reserve(index));
            if let (Made::Outcome(_), Some(reservation), Some(rows)) = (&made, reservation, samples) {
                reservation.write(rows);
            }
            let result = match made {
                Made::Outcome(outcome) => Ok(outcome),
                Made::Failure(reason) => Err(RunError::Elsewhere(reason)),
            };
            runs[job / seeds].add(seed_of(options.first_seed, job % seeds), result);
        }
        all.push(runs);
    }
    Driven::new::<E>(request, all, options.pictures, file)
}

/// The runs of one batch.
struct Running<'a, E: Experiment> {
    experiment: &'a E,
    batch: &'a Batch<E::Plan>,
    first: JobIndex,
    options: &'a Options<'a>,
    /// Whether the server of each plan has gone away.
    gone: Vec<AtomicBool>,
}

impl<'a, E: Experiment> Running<'a, E> {
    fn new(experiment: &'a E, batch: &'a Batch<E::Plan>, first: JobIndex, options: &'a Options<'a>) -> Self {
        let gone = batch.plans.iter().map(|_| AtomicBool::new(false)).collect();
        Self { experiment, batch, first, options, gone }
    }

    /// Makes the run of a job of the batch. Samples go to `rows`.
    fn run(&self, job: usize, rows: Option<&OnceCell<String>>) -> Result<E::Outcome, RunError> {
        let Self { experiment, batch, first, options, .. } = *self;
        let seeds = usize::try_from(batch.seeds).unwrap_or(usize::MAX);
        let (index, seed) = (job / seeds, seed_of(options.first_seed, job % seeds));
        let plan = &batch.plans[index];
        let run = RecordedRun {
            job: first.job + job,
            plan: first.plan + index,
            setup: E::setup(plan),
            seed,
            stop: &options.stop,
        };
        let recording = options.recorder.map(|recorder| recorder.begin(&run)).unwrap_or_default();
        let job = Job {
            seed,
            server: batch.servers.get(index),
            stop: &options.stop,
            progress: &options.progress,
            samples: rows,
            traced: options.pictures && seed == options.first_seed,
            recording,
        };
        let result = run_unless_gone(experiment, plan, &job, &self.gone[index]);
        let is_whole = result.as_ref().is_ok_and(|outcome| !E::was_interrupted(outcome));
        options.recorder.iter().for_each(|recorder| recorder.end(&run, &job.recording, is_whole));
        if E::size(plan).bytes.is_none() {
            (options.progress)(1);
        }
        result
    }
}

/// Makes a run, unless an earlier run of the plan has found that its server is `gone`.
fn run_unless_gone<E: Experiment>(
    experiment: &E,
    plan: &E::Plan,
    job: &Job<'_>,
    gone: &AtomicBool,
) -> Result<E::Outcome, RunError> {
    if gone.load(Ordering::Relaxed) {
        return Err(RunError::Gone);
    }
    let result = experiment.run(plan, job);
    let is_gone = result.as_ref().map_or(true, E::has_lost_server);
    gone.store(job.server.is_some() && is_gone, Ordering::Relaxed);
    result
}

impl<O> Driven<O> {
    /// The rows of all `runs` in `file`, whose system, if there is one, is the machine that made them.
    fn new<E: Experiment<Outcome = O>>(
        request: &Request<E::Plan>,
        runs: Vec<Vec<Runs<O>>>,
        pictures: bool,
        file: ResultFile,
    ) -> Self {
        let problems = Vec::new();
        let mut driven =
            Self { file, runs: Vec::new(), problems, succeeded: 0, failed: false, interrupted: false };
        for (batch, runs) in request.batches.iter().zip(&runs) {
            // Not the signal itself: an interrupt during the last run may leave nothing out.
            let was_interrupted = |runs: &Runs<O>| {
                runs.done() != batch.seeds
                    || runs.outcomes.iter().any(|(_, outcome)| E::was_interrupted(outcome))
            };
            driven.interrupted |= runs.iter().any(was_interrupted);
            driven.collect::<E>(batch, runs, pictures);
        }
        driven.runs = runs;
        let outcomes = driven.runs.iter().flatten().flat_map(|runs| &runs.outcomes);
        let wires = outcomes.filter_map(|(_, outcome)| E::fidelity(outcome));
        if let Some(system) = &mut driven.file.system {
            add_fidelity(system, wires);
        }
        driven.file.complete =
            !driven.interrupted && driven.problems.iter().all(|problem| !problem.is_incomplete);
        driven
    }

    /// Adds the rows of one path, and the plans that could not be run.
    fn collect<E: Experiment<Outcome = O>>(
        &mut self,
        batch: &Batch<E::Plan>,
        runs: &[Runs<O>],
        pictures: bool,
    ) {
        let mut cells = Vec::with_capacity(runs.len());
        for (index, (plan, runs)) in batch.plans.iter().zip(runs).enumerate() {
            let server = batch.servers.get(index);
            self.succeeded +=
                runs.outcomes.iter().filter(|(_, outcome)| E::has_succeeded(outcome)).count() as u64;
            self.failed |= E::has_failed(runs);
            if let Some(problem) = E::problem(plan, runs, server)
                && self.problems.iter().all(|other| other.subject != problem.subject)
            {
                self.problems.push(problem);
            }
            if let Some((seed, error)) = runs.failures.first() {
                let failed = runs.failures.len();
                let reason = format!("{failed} of {} runs failed, seed {seed} first: {error}", batch.seeds);
                self.file.skipped.push(skipped(E::name(plan), batch.path, reason));
            }
            cells.push((!runs.outcomes.is_empty()).then(|| {
                let mut cell = E::cell(plan, runs);
                cell.server = server.map(|server| server.url.clone());
                cell.server_address =
                    server.and_then(|server| server.answered.get()).map(ToString::to_string);
                self.file.cells.push(cell);
                self.file.cells.len() - 1
            }));
        }
        self.file.paired.extend(E::compare(&batch.plans, runs, &cells));
        if pictures {
            E::picture(&batch.plans, runs, &cells, &mut self.file.cells);
        }
    }
}
