//! Runs an experiment: every plan with every seed, path by path, into a result.
//!
//! An experiment implements [`Experiment`]; [`drive`] does what all of them need: threads, servers that have gone away,
//! samples, failures, interruption, and the fields that every result has.

mod driven;
mod parts;

use std::{
    cell::OnceCell,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use serde::{Serialize, de::DeserializeOwned};

pub use self::{
    driven::Driven,
    parts::{assemble, drive_jobs},
};
use super::{
    application::Application,
    error::RunError,
    matrix::{MatrixOptions, Runs, run_matrix, seed_of},
    remote::Remote,
    request::{Batch, Request},
    result::system::system,
    run_recorder::{RecordedRun, RunRecorder},
    sample_file::{JobIndex, SampleFile},
    setup::Setup,
    workload::Workload,
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
    /// The figures of one run. A part of a sweep saves them, and the figures that are read back make the same row.
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

    /// Whether the first seed's run of `plan` is recorded when pictures are wanted, in a batch of so many `plans`.
    fn is_traced(_plan: &Self::Plan, _plans: usize) -> bool {
        true
    }

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

    /// Whether an outcome that was read from a file fits `plan`. Needs a check only where the row uses one figure to
    /// index another.
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
    /// What it consists of.
    pub contents: Contents,
    /// About how long it keeps a core busy in virtual time, in nanoseconds, within a factor of two or so.
    pub work: u64,
    /// About how much longer if it is recorded for pictures and saved in a part.
    pub tracing: u64,
}

/// What a run consists of, which decides how it can be made smaller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Contents {
    /// Messages on a schedule.
    Messages {
        /// Whether the warm-up is most of it.
        is_mostly_warmup: bool,
        /// Whether messages have the rate of an application and not an interval.
        has_own_rate: bool,
    },
    /// Loads of a page.
    Page,
}

impl Contents {
    /// Those of a run with this workload.
    pub fn of(workload: &Workload) -> Self {
        Self::Messages {
            is_mostly_warmup: workload.warmup > workload.duration,
            has_own_rate: workload.application != Application::Messages,
        }
    }
}

impl Default for Contents {
    fn default() -> Self {
        Self::Messages { is_mostly_warmup: false, has_own_rate: false }
    }
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
            traced: options.pictures && seed == options.first_seed && E::is_traced(plan, batch.plans.len()),
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
