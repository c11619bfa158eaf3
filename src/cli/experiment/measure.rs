//! From plans to a result.

use std::{num::NonZero, process::ExitCode, sync::atomic::AtomicBool, thread, time::Duration};

use anyhow::{anyhow, bail};
use indicatif::{ProgressBar, ProgressStyle};

use super::{
    Batch, Defaults, ExperimentArgs, Request,
    detail::{Runner, Samples},
    interrupt::stop_on_interrupt,
    leave_out_forbidden,
    output::OutputArgs,
};
use crate::cli::output::{complain, note};
use wirelab::{
    experiment::{self, Effort, LEAD, PathKind, Runs, run_numbered_matrix},
    report::{Flag, ResultFile, Skipped},
    unit::format_duration,
};

impl ExperimentArgs {
    /// Runs what the options ask for and writes the result of `command`.
    pub(crate) fn measure(&self, command: &str, defaults: Defaults<'_>) -> anyhow::Result<ExitCode> {
        let mut request = self.request(defaults)?;
        // While there is one thread: see there.
        let forbidden = leave_out_forbidden(&mut request.batches);
        request.skipped.extend(forbidden);
        self.detail.check(&request)?;
        let draft = self.output.open()?;
        let samples = self.detail.open(self.output.path())?;
        let stop = stop_on_interrupt().map_err(|e| anyhow!("cannot listen for Ctrl-C: {e}"))?;
        let mut file = ResultFile::new(command);
        file.config = self.config(&request);
        file.skipped.clone_from(&request.skipped);
        self.announce(&request);
        let runs = |batch: &Batch| batch.plans.len() as u64 * batch.seeds;
        let bar = progress(&self.output, request.batches.iter().map(runs).sum());
        file.complete = true;
        let mut chosen = None;
        let mut wires = Vec::new();
        let mut problems = Vec::new();
        for (batch, runner) in request.batches.iter().zip(Runner::each(&request, samples.as_ref())) {
            let runs = self.run(batch, &runner, &stop, &bar);
            // Not whether somebody interrupted: in the last run of all that leaves nothing out.
            file.complete &= runs.iter().all(|runs| done(runs) == batch.seeds);
            chosen = chosen.or_else(|| self.detail.choose(batch, &runs));
            let outcomes = runs.iter().flat_map(|runs| &runs.outcomes);
            wires.extend(outcomes.filter_map(|(_, outcome)| outcome.fidelity.clone()));
            problems.extend(problems_of(batch, &runs));
            collect(&mut file, batch, runs);
        }
        file.system = experiment::system(request.batches.iter().map(|batch| batch.path), &wires);
        bar.finish_and_clear();
        let interrupted = !file.complete;
        file.complete &= problems.is_empty();
        let replied = file.cells.iter().any(|cell| cell.messages.as_ref().is_some_and(|m| m.delivered > 0));
        samples.map_or(Ok(()), Samples::complete)?;
        self.output.write(draft, &file)?;
        self.detail.draw(chosen, &stop)?;
        match problems.first() {
            Some(problem) if !replied && !interrupted => bail!("no reply from {problem}"),
            None if !replied && !interrupted => bail!("no transport got a single reply"),
            _ => problems.iter().for_each(complain),
        }
        Ok(ExitCode::SUCCESS)
    }

    fn run(&self, batch: &Batch, runner: &Runner<'_>, stop: &AtomicBool, bar: &ProgressBar) -> Vec<Runs> {
        let threads = match batch.path {
            PathKind::Sim => thread::available_parallelism().map_or(1, NonZero::get),
            // Two runs at once would disturb each other.
            PathKind::Relay | PathKind::Netns | PathKind::Direct => 1,
        };
        let effort = Effort { first_seed: self.seed, seeds: batch.seeds, threads, stop };
        run_numbered_matrix(
            &batch.plans,
            effort,
            |job, plan, seed| runner.run(job, plan, seed),
            || bar.inc(1),
        )
    }

    /// Says how long a run in real time will take.
    fn announce(&self, request: &Request) {
        let expected: Duration =
            request.batches.iter().filter(|batch| batch.path.is_real_time()).map(duration).sum();
        if !expected.is_zero() && !self.output.is_quiet() {
            note(format_args!("this takes about {} of real time", format_duration(expected)));
        }
    }
}

/// A bar over so many runs, in the order in which they are done.
pub(crate) fn progress(output: &OutputArgs, runs: u64) -> ProgressBar {
    if !output.shows_progress() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(runs);
    let template = "{bar:40} {pos}/{len} runs, {eta} left";
    bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}

/// What befell servers elsewhere, each server's first trouble.
fn problems_of(batch: &Batch, runs: &[Runs]) -> Vec<String> {
    let mut problems: Vec<(&str, String)> = Vec::new();
    for (remote, runs) in batch.servers.iter().zip(runs) {
        let broken = runs.outcomes.iter().find_map(|(_, outcome)| outcome.broken.clone());
        let failed = runs.failures.first().map(|(_, error)| error.to_string());
        if let Some(problem) = broken.or(failed)
            && problems.iter().all(|(url, _)| *url != remote.url)
        {
            problems.push((&remote.url, problem));
        }
    }
    problems.into_iter().map(|(url, problem)| format!("{url}: {problem}")).collect()
}

/// How many seeds were run.
fn done(runs: &Runs) -> u64 {
    (runs.outcomes.len() + runs.failures.len()) as u64
}

fn duration(batch: &Batch) -> Duration {
    let one = |plan: &experiment::Plan| LEAD + plan.workload.warmup + plan.workload.duration;
    let seeds = u32::try_from(batch.seeds).unwrap_or(u32::MAX);
    batch.plans.iter().map(one).sum::<Duration>().saturating_mul(seeds)
}

/// Adds the cells of one path, and the plans of it that could not be run.
fn collect(file: &mut ResultFile, batch: &Batch, runs: Vec<Runs>) {
    let mut cells = Vec::with_capacity(runs.len());
    for (index, (plan, runs)) in batch.plans.iter().zip(&runs).enumerate() {
        let server = batch.servers.get(index);
        if let Some((seed, error)) = runs.failures.first() {
            file.skipped.push(Skipped {
                transport: plan.transport.name().to_owned(),
                path: plan.path.name().to_owned(),
                reason: format!(
                    "{} of {} runs failed, seed {seed} first: {error}",
                    runs.failures.len(),
                    batch.seeds
                ),
            });
        }
        cells.push((!runs.outcomes.is_empty()).then(|| {
            let mut cell = experiment::cell(plan, &runs.outcomes);
            cell.server = server.map(|remote| remote.url.clone());
            if server.is_some() && !runs.failures.is_empty() && !cell.flags.contains(&Flag::Incomplete) {
                cell.flags.push(Flag::Incomplete);
            }
            file.cells.push(cell);
            file.cells.len() - 1
        }));
    }
    file.paired.extend(experiment::compare(&batch.plans, &runs, &cells));
}
